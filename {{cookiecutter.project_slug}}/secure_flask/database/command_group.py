"""Commands that report a database error or a refused value in one sentence, not a traceback."""

import click
from flask.cli import AppGroup
from secure_flask.database.database import DATABASE_UNAVAILABLE
from secure_flask.web.validation import Reason
from sqlalchemy.exc import IntegrityError


class _Explained(click.Command):
    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except Reason as refused:
            raise click.ClickException(f"{refused}.") from None
        except IntegrityError as error:
            # PostgreSQL adds lines with values.
            [reason, *_] = str(error.orig).splitlines()
            why = f"Nothing was changed, since the tables forbid it: {reason}."
            raise click.ClickException(f"{why} Look at ondelete of their foreign keys.") from None
        except DATABASE_UNAVAILABLE as error:
            raise click.ClickException(_explain_database_error(error)) from None


class Command(_Explained):
    """A command, such as `flask seed`, that explains an unavailable database."""


class CommandGroup(_Explained, AppGroup):
    """The same for a group of commands, such as `flask user …`."""


def _explain_database_error(error: Exception) -> str:
    reason = getattr(error, "orig", error)
    # psycopg has exception classes for this; SQLite only has messages.
    undefined = type(reason).__name__ in ("UndefinedTable", "UndefinedColumn")
    lacking = ("no such table", "no such column", "has no column")
    if undefined or any(words in str(reason) for words in lacking):
        return "The database has no tables, or old ones: run `.venv/bin/flask db upgrade`."
    return "The database cannot be reached or is busy: check DATABASE_URL, and try again."
