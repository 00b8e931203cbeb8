"""Lets an admin leave while another one changes this person, and prints both statuses.

Run inside a rendered project with accounts, on PostgreSQL, by `test_races.py`.
"""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any

from sqlalchemy import text

sys.path.insert(0, os.getcwd())

PASSWORD = "a good long password"
WAITING = text("SELECT count(*) FROM pg_locks, pg_sleep(0.05) WHERE NOT granted")

core: Any = import_module("secure_flask")
testing: Any = import_module("secure_flask.testing")


def main() -> None:
    settings = testing.settings(
        import_module("app.settings").Settings, database_url=os.environ["DATABASE_URL"]
    )
    app = import_module("app").create_app(settings, TESTING=True, SECOND_FACTOR_ROLES=[])
    with testing.fast_hashes(), ThreadPoolExecutor(2) as pool, app.app_context():
        testing.create_tables(app)
        leaving, changing = _admin(app, "ada"), _admin(app, "grace")
        roles = f"/people/{import_module('app.models').User.find('ada').id}/roles"
        with core.db.engine.begin() as other:
            # So that both requests are on their way, and the change comes first.
            other.execute(text("SELECT * FROM roles FOR UPDATE"))
            changed = pool.submit(changing.post, roles, data={"roles": "admin"})
            _wait_for_waiting(other, 1)
            left = pool.submit(leaving.post, "/account/delete", data={"sent": "yes"})
            _wait_for_waiting(other, 2)
        print(changed.result().status_code, left.result().status_code)


def _admin(app: Any, name: str) -> Any:
    """A client that is logged in as a new admin."""
    core.roles.set_roles(core.create_user(name, PASSWORD), ["admin"])
    client = app.test_client()
    testing.log_in_by_form(client, name, PASSWORD)
    return client


def _wait_for_waiting(connection: Any, number: int) -> None:
    """Wait until so many requests wait for a lock."""
    while connection.scalar(WAITING) < number:
        pass


if __name__ == "__main__":
    main()
