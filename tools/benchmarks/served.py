"""Asks the project in this folder for `GET /me`, so many times for each line it reads.

Run by `tools.benchmarks.tokens` in a process of its own for each kind of token, since every
project's package is called `app`.
"""

import os
import secrets
import sys
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import insert
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder

from tools.benchmarks.rendered import module

sys.path.insert(0, os.getcwd())

BATCH = 10_000  # rows in one insert


def main(others: int, calls: int) -> None:
    ask = _prepare(others)
    for _ in sys.stdin:
        for _ in range(calls):
            ask()
        print(flush=True)


def _prepare(others: int) -> Callable[[], None]:
    app = module("app").create_app()
    with app.app_context():
        module("secure_flask.database").db.create_all()
        user = module("secure_flask").create_user("measured", "a good long password")
        _add_logins(user.id, others)
    answer = app.test_client().post(
        "/login", json={"username": "measured", "password": "a good long password"}
    )
    environ = EnvironBuilder("/me", headers=Headers(_credentials(answer))).get_environ()

    def ask() -> None:
        b"".join(app(environ.copy(), _expect_success))

    return ask


def _credentials(answer: Any) -> dict[str, str]:
    cookie = answer.headers.get("Set-Cookie", "").partition(";")[0]
    return {"Cookie": cookie} if cookie else {"Authorization": f"Bearer {answer.json['token']}"}


def _add_logins(user_id: int, number: int) -> None:
    """Give the user this many live logins more."""
    session, now = module("secure_flask.database").db.session, int(time.time())
    same = {"user_id": user_id, "kind": "other", "created": now, "last_used": now}
    for start in range(0, number, BATCH):
        rows = [
            same
            | {
                "secret_hash": secrets.token_bytes(32),
                "id": secrets.token_hex(16),
                "kept": False,
                "expires": now + 3600,
            }
            for _ in range(min(BATCH, number - start))
        ]
        session.execute(insert(module("secure_flask.auth.logins").Login), rows)
    session.commit()


def _expect_success(status: str, headers: Any, exc_info: Any = None) -> Any:
    if not status.startswith("200"):
        raise RuntimeError(status)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
