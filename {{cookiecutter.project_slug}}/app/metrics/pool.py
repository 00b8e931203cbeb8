"""How many database connections are in use, and how many there can be."""

from typing import Any

from flask import Flask
from sqlalchemy import Engine, event

from app.db import db
from app.metrics.collected import CONNECTIONS, MAX_CONNECTIONS


def init_app(app: Flask) -> None:
    options = app.config["SQLALCHEMY_ENGINE_OPTIONS"]
    MAX_CONNECTIONS.set(options.get("pool_size", 0) + options.get("max_overflow", 0))
    with app.app_context():
        watch(db.engine)


def watch(engine: Engine) -> None:
    """Set the gauge whenever a connection leaves the pool or comes back."""
    # Records and no count: after a failed connection attempt one comes back that never left.
    in_use = set[int]()

    def note_checkout(connection: Any, record: object, proxy: object) -> None:
        in_use.add(id(record))
        CONNECTIONS.set(len(in_use))

    def note_checkin(connection: Any, record: object) -> None:
        in_use.discard(id(record))
        CONNECTIONS.set(len(in_use))

    event.listen(engine, "checkout", note_checkout)
    event.listen(engine, "checkin", note_checkin)
