"""Lets many clients use one login at the same moment, and prints what became of it.

Run inside a rendered project, by `test_races.py`: `refresh_races.py RACE ROUNDS GRACE`, one
line of JSON for each round.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from threading import Barrier
from typing import Any

from argon2 import PasswordHasher

sys.path.insert(0, os.getcwd())

CLIENTS = 16
START = Barrier(CLIENTS)

OLD, NEW = "seven owls in a well", "eight owls in a well"

Action = Callable[[], int]


class Race:
    """One login, and all the tokens that were given for it."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.name = secrets.token_hex(8)
        self.given: list[dict[str, str]] = [_log_in(app, self.name)]

    def refresh(self, login: dict[str, str]) -> int:
        body = {"refresh_token": login["refresh_token"]}
        answer = self.app.test_client().post("/token/refresh", json=body)
        if answer.status_code == 200:
            self.given.append(answer.get_json())
        return int(answer.status_code)

    def ask(self, login: dict[str, str]) -> int:
        return int(self.app.test_client().get("/me", headers=_bearer(login)).status_code)

    def log_out(self, login: dict[str, str]) -> int:
        return int(self.app.test_client().post("/logout", headers=_bearer(login)).status_code)

    # Each of these says what one of the clients does, all at the same moment.

    def spend(self, client: int) -> Action:
        """All hold the same refresh token."""
        return lambda: self.refresh(self.given[0])

    def overtake(self, client: int) -> Action:
        """Some hold a spent one, the others go on with the one that replaced it."""
        if len(self.given) == 1:
            self.refresh(self.given[0])
        first, second = self.given[:2]
        return lambda: self.refresh(second if client % 4 == 0 else first)

    def leave(self, client: int) -> Action:
        """One refreshes, the others log out or look."""
        [login] = self.given
        if client == 0:
            return lambda: self.refresh(login)
        return lambda: self.log_out(login) if client % 2 else self.ask(login)

    def change(self, client: int) -> Action:
        """One changes the password, the others log in with the old one."""
        if client == 0:
            return self.change_password
        return lambda: self.log_in_with_the_old_password(f"192.0.2.{client}")

    def pile_up(self, client: int) -> Action:
        """All log in, and no more than two logins may live."""
        return lambda: self.log_in_with_the_old_password(f"192.0.2.{client}")

    def change_password(self) -> int:
        body = {"current_password": OLD, "new_password": NEW}
        client = self.app.test_client()
        # The new credential in this answer is the one that may live: it is not kept.
        return int(client.post("/password", json=body, headers=_bearer(self.given[0])).status_code)

    def log_in_with_the_old_password(self, address: str) -> int:
        body, source = {"username": self.name, "password": OLD}, {"REMOTE_ADDR": address}
        answer = self.app.test_client().post("/login", json=body, environ_overrides=source)
        if answer.status_code == 200:
            self.given.append(answer.get_json())
        return int(answer.status_code)

    def outcome(self) -> dict[str, int]:
        """What is left of the login."""
        given = self.given.copy()
        return {
            "accepted": sum(self.ask(login) == 200 for login in given),
            "refreshed": sum(self.refresh(login) == 200 for login in given),
            "rows": _count_rows(self.app),
            "branches": len({login["refresh_token"] for login in given[1:]}),
        }


def main(kind: str, rounds: int, grace: int) -> None:
    policy = {"REFRESH_GRACE": grace, "MAX_LOGINS": 2 if kind == "pile_up" else 10**6}
    app = import_module("app").create_app(TOKEN_TYPE="jwt", **policy)
    with app.app_context():
        import_module("secure_flask.database").db.create_all()
    # Else a row's last use is written only after a minute.
    vars(import_module("secure_flask.auth.logins"))["LAST_USED_STEP"] = 0
    # These races are about rows, not about what a hash costs or who waits for it.
    vars(import_module("secure_flask.auth.passwords"))["hasher"] = PasswordHasher(1, 8, 1)
    vars(import_module("secure_flask.auth.places"))["MAX_WAITING"] = CLIENTS
    with ThreadPoolExecutor(CLIENTS) as pool:
        for _ in range(rounds):
            race = Race(app)
            actions = [getattr(race, kind)(client) for client in range(CLIENTS)]
            statuses = sorted(pool.map(_together, actions))
            print(json.dumps({"statuses": statuses, **race.outcome()}))


def _together(action: Action) -> int:
    START.wait()
    return action()


def _log_in(app: Any, name: str) -> dict[str, str]:
    """What the first login of a new user gives."""
    with app.test_request_context():
        import_module("secure_flask").create_user(name, OLD)
        login: dict[str, str] = import_module("secure_flask").log_in(name, OLD)
    return login


def _bearer(login: dict[str, str]) -> dict[str, str]:
    return {"Authorization": f"Bearer {login['token']}"}


def _count_rows(app: Any) -> int:
    """How many rows are left, and none of them: the next round begins with an empty table."""
    logins, database = (
        import_module("secure_flask.auth.logins"),
        import_module("secure_flask.database").db,
    )
    with app.app_context():
        rows = database.session.query(logins.Login).delete()
        database.session.commit()
    return int(rows)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
