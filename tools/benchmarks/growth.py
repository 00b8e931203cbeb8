"""`python -m tools.benchmarks.growth`: what a table of many logins takes on disk, and to be purged.

It needs PostgreSQL. docs/scaling.md has its figures. No part of `make bench`.
"""

import secrets
import sys
import time
from collections.abc import Iterator
from typing import Any

from sqlalchemy import insert, text

from tools.benchmarks import rendered

sys.path.append(str(rendered.TEMPLATE / "tests"))

import services

HOST = "www.example.org"
ROWS, BATCH, USERS = 1_000_000, 10_000, 10_000
HOUR = 60 * 60


def main() -> None:
    with rendered.project(), services.postgresql() as url:
        app = rendered.module("app").create_app(rendered.settings(HOST, database_url=url))
        with app.app_context():
            rendered.module("secure_flask.database").db.create_all()
            _measure()


def _measure() -> None:
    db, logins = (
        rendered.module("secure_flask.database").db,
        rendered.module("secure_flask.auth.logins"),
    )
    users = _add_users(db.session)
    for number, rows in enumerate(_logins(users)):
        db.session.execute(insert(logins.Login), rows)
        db.session.commit()
        print(f"\r  {(number + 1) * BATCH:,} logins", end="", file=sys.stderr, flush=True)
    size = db.session.scalar(text("SELECT pg_total_relation_size('logins')"))
    print(f"\nlogins: {size / ROWS:.0f} bytes for each row, indexes included")
    start = time.perf_counter()
    purged = logins.purge_logins()
    seconds = time.perf_counter() - start
    print(f"flask logins purge: {purged:,} of {ROWS:,} rows in {seconds:.1f} s")


def _add_users(session: Any) -> list[Any]:
    user = rendered.module("app.models").User
    added = [user(name=f"user-{number}", password_hash="") for number in range(USERS)]
    session.add_all(added)
    session.commit()
    return [each.id for each in added]


def _logins(users: list[Any]) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows, a batch at a time; every second one has expired."""
    now = int(time.time())
    for start in range(0, ROWS, BATCH):
        yield [
            {
                "secret_hash": secrets.token_bytes(32),
                "user_id": users[number % USERS],
                "id": secrets.token_hex(16),
                "kept": False,
                "kind": "session",
                "created": now - HOUR,
                "last_used": now - HOUR,
                "expires": now + (HOUR if number % 2 else -HOUR),
                "client": None,
            }
            for number in range(start, start + BATCH)
        ]


if __name__ == "__main__":
    main()
