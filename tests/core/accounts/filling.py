"""Tables as a stranger fills them, by one statement each."""

from uuid import UUID, uuid4

from flask import Flask
from secure_flask import db
from secure_flask.accounts.outbox import OutgoingMail
from secure_flask.accounts.steps import Step
from secure_flask.crypto.blind_indexes import blind_index
from sqlalchemy import insert

from core.standing_clock import clock


def fill_steps(app: Flask, number: int, address: str, user_id: UUID | None = None) -> None:
    """Steps of an address, as many as no request leaves."""
    with app.app_context():
        found = blind_index(address, context="account_steps.email")
        data = {"name": "thief", "password_hash": "x", "registration": str(uuid4())}
        row = {"purpose": "registration", "email_index": found, "data": data, "failures": 0}
        row |= {"expires": int(clock.now()) + 3600, "mailed": False, "user_id": user_id}
        rows = [{"id": uuid4(), **row} for _ in range(number)]
        db.session.execute(insert(Step.__table__), rows)  # type: ignore[arg-type]
        db.session.commit()


def fill_mails(app: Flask, number: int, **columns: object) -> None:
    """Mails with a link, to addresses that nobody reads; they wait unless `columns` say otherwise."""
    now = int(clock.now())
    row = {"kind": "confirm", "arguments": {}, "notices": 1, "created": now, "due": now}
    row |= {"tries": 0, "turn": 1, "was_mailed": False, **columns}
    with app.app_context():
        rows = [{"id": uuid4(), **row} for _ in range(number)]
        db.session.execute(insert(OutgoingMail.__table__), rows)  # type: ignore[arg-type]
        db.session.commit()
