"""Alembic's entry: runs the migrations on the app's own database connection."""

from alembic import context
from flask import current_app

from app.db import Model

engine = current_app.extensions["migrate"].db.engine

with engine.connect() as connection:
    # SQLite changes a table only by copying it, which batch mode does.
    context.configure(connection=connection, target_metadata=Model.metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
