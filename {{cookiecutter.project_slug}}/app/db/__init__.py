"""The database: `from app.db import db, Model`."""

from app.db.database import Model, db

__all__ = ["Model", "db"]
