"""The database: `db`, and `Model`, the base class of all tables."""

from secure_flask.database.database import THREADS, Model, db

__all__ = ["THREADS", "Model", "db"]
