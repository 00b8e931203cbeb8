"""The database: `db`, and `Model`, the base class of all tables."""

from secure_flask.database.database import Model, db
from secure_flask.database.engine_options import THREADS

__all__ = ["THREADS", "Model", "db"]
