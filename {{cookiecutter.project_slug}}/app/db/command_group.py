"""Groups of commands that need the database, and say in a sentence why it cannot be used."""

from typing import Any

import click
from flask.cli import AppGroup

from app.db.database import UNAVAILABLE


class CommandGroup(AppGroup):
    """`flask user …` and the like: an error of the database ends in a sentence."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except UNAVAILABLE as error:
            raise click.ClickException(_explain(error)) from None


def _explain(error: Exception) -> str:
    reason = getattr(error, "orig", error)
    # The words of SQLite, and the classes that psycopg raises.
    lacks_something = type(reason).__name__ in ("UndefinedTable", "UndefinedColumn")
    if lacks_something or str(reason).startswith(("no such table", "no such column")):
        return "The database has no tables, or old ones: run `flask db upgrade`."
    return "The database cannot be reached or is busy: look at DATABASE_URL, and try again."
