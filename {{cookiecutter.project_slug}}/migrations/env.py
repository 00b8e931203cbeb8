"""Alembic's entry: runs the migrations on the app's own database connection."""

from typing import Literal

from alembic import context
from flask import current_app

from app.crypto.encrypted_types import Encrypted
from app.db import Model


def render_item(kind: str, item: object, context: object) -> str | Literal[False]:
    """What a new migration says of a type of ours: only the database's own outlive a rename."""
    return "sa.LargeBinary()" if kind == "type" and isinstance(item, Encrypted) else False


engine = current_app.extensions["migrate"].db.engine

with engine.connect() as connection:
    # SQLite changes a table only by copying it, which batch mode does.
    context.configure(
        connection=connection,
        target_metadata=Model.metadata,
        render_as_batch=True,
        render_item=render_item,
    )
    with context.begin_transaction():
        context.run_migrations()
