"""Users with encrypted addresses: makes, changes and reads them, as an app that serves does.

Run inside a rendered project: `encrypted_rows.py fill NUMBER` | `write` | `read`.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections.abc import Callable
from importlib import import_module
from threading import Event, Thread
from typing import Any

from sqlalchemy import insert, select

sys.path.insert(0, os.getcwd())

app = import_module("wsgi").app
db: Any = import_module("secure_flask.database").db
User: Any = import_module("app.models").User


def fill(number: str) -> None:
    """Create the tables again, with so many users whose addresses tell their names."""
    db.drop_all()
    db.create_all()
    names = [f"user-{each}" for each in range(int(number))]
    rows = [{"name": name, "password_hash": "", "email": f"{name}@example.org"} for name in names]
    db.session.execute(insert(User), rows)
    db.session.commit()


def write() -> None:
    """Change addresses, and print each change once it is committed, until the input ends."""
    ended = Event()
    Thread(target=lambda: [sys.stdin.read(), ended.set()], daemon=True).start()  # type: ignore[func-returns-value]
    names = list(db.session.scalars(select(User.name)))
    choose = random.Random(1).choice  # noqa: S311 (no secret)
    changes = 0
    # At a pace that leaves the others something of the processor.
    while not ended.wait(0.002):
        user = db.session.scalars(select(User).filter_by(name=choose(names))).one()
        user.email = f"{user.name}-{changes}@example.org"
        db.session.commit()
        changes += 1
        print(json.dumps([user.name, user.email]), flush=True)


def read() -> None:
    """Print what `flask crypto` says, and each user's address, if its blind index finds it too."""
    invoke: Callable[..., Any] = app.test_cli_runner().invoke
    status = invoke(args=["crypto", "status"])
    addresses = {user.name: user.email for user in db.session.scalars(select(User))}
    sought = select(User).where(User.email.in_(addresses.values()))
    found = {user.name for user in db.session.scalars(sought)}
    print(
        json.dumps(
            {
                "status": status.output,
                "addresses": {name: addresses[name] for name in addresses if name in found},
            }
        )
    )


if __name__ == "__main__":
    with app.app_context():
        globals()[sys.argv[1]](*sys.argv[2:])
