"""The entry point of Alembic: runs the migrations on the app's database connection."""

from typing import Literal

from alembic import context
from flask import current_app

from app.crypto.encrypted_types import Encrypted
from app.db import Model


def render_item(kind: str, item: object, context: object) -> str | Literal[False]:
    """Write our column types into new migrations as LargeBinary, so that they can be renamed."""
    return "sa.LargeBinary()" if kind == "type" and isinstance(item, Encrypted) else False


engine = current_app.extensions["migrate"].db.engine

with engine.connect() as connection:
    # Batch mode copies a table to alter it, which SQLite requires.
    context.configure(
        connection=connection,
        target_metadata=Model.metadata,
        render_as_batch=True,
        render_item=render_item,
    )
    with context.begin_transaction():
        context.run_migrations()
