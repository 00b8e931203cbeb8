"""Prints what clients get for the requests of the first argument, by name, each [status, text].

The second argument has the settings.
"""

import json
import sys
from typing import Any

from flask import Flask
from secure_flask import create_user, db, recent_login, roles_required, testing
from secure_flask.auth.logins import Login

from app import create_app
from app.settings import Settings

NAME, PASSWORD = "ada", "a good long password"


def make_app(**values: Any) -> Flask:
    app = create_app(testing.settings(Settings, **values))
    testing.create_tables(app)
    app.add_url_rule("/admins", "admins", roles_required("admin")(lambda: ""))
    app.add_url_rule("/careful", "careful", recent_login(lambda: ""))
    with app.app_context():
        create_user(NAME, PASSWORD)
    return app


def send(app: Flask, times: int = 1, log_in: bool = False, **sent: Any) -> list[object]:
    client = app.test_client()
    if log_in:
        testing.log_in_by_form(client, NAME, PASSWORD)
        with app.app_context():
            # Long ago, for a view that asks for a recent login.
            db.session.query(Login).update({"authenticated": 1})
            db.session.commit()
    answers = [client.open(**sent) for _ in range(times)]
    return [answers[-1].status_code, answers[-1].text]


if __name__ == "__main__":
    app = make_app(**json.loads(sys.argv[2]))
    asked = json.loads(sys.argv[1])
    print(json.dumps({name: send(app, **request) for name, request in asked.items()}))
