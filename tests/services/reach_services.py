"""How the project in this folder gets along with services, by the settings in ENVIRONMENTS (JSON).

Prints for each what `/readyz` says, how failed logins are answered, and what it
cannot reach. The log goes where errors go.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

sys.path.insert(0, os.getcwd())
import_module("secure_flask.settings.__main__").main()
create_app: Any = import_module("app").create_app
db: Any = import_module("secure_flask.database").db
checks: Any = import_module("secure_flask.checks").CHECKS

LOGIN = {"username": "nobody", "password": "any long password"}


def reach(environment: dict[str, str]) -> dict[str, Any]:
    os.environ.update(environment)
    app = create_app()
    with app.app_context():
        unreachable = ["redis"] if checks["redis.unreachable"].find_findings(app) else []
        try:
            db.create_all()
        except SQLAlchemyError:
            unreachable.append("database")
    client = app.test_client()
    logins = [client.post("/login", json=LOGIN).status_code for _ in range(5)]
    ready = client.get("/readyz").get_json().get("status")
    for name in environment:
        del os.environ[name]
    return {"ready": ready, "logins": logins, "unreachable": unreachable}


print(json.dumps([reach(each) for each in json.loads(os.environ["ENVIRONMENTS"])]))
