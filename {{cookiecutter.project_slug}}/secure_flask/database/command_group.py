"""Commands that report a database error or a refused value in one sentence, not a traceback."""

import click
from flask import Flask
from flask.cli import AppGroup
from secure_flask.database import failures
from secure_flask.state import StateKey, app_state
from secure_flask.web.validation import Reason
from sqlalchemy.exc import DBAPIError, IntegrityError, TimeoutError

# The commands of the core, by name. `flask check` looks whether the app has replaced one.
COMMANDS = StateKey[dict[str, click.Command]]("commands")
UNREACHABLE = "The database cannot be reached or is busy: check DATABASE_URL, and try again."


class _Explained(click.Command):
    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except Reason as refused:
            raise click.ClickException(f"{refused}.") from None
        except IntegrityError as error:
            # Only the first line is shown: PostgreSQL adds lines with values.
            [reason, *_] = str(error.orig).splitlines()
            foreign = failures.is_missing_reference(error)
            hint = " Look at ondelete of their foreign keys." if foreign else ""
            raise click.ClickException(f"The tables forbid this: {reason}.{hint}") from None
        except (DBAPIError, TimeoutError) as error:
            raise explained_database_error(error) from None


class Command(_Explained):
    """A command that explains an unavailable database: `@app.cli.command("seed", cls=Command)`."""


class CommandGroup(_Explained, AppGroup):
    """A group whose commands explain an unavailable database, such as `flask user …`."""


def add_command(app: Flask, command: click.Command) -> None:
    """Add a command of the core, such as `flask user`.

    :raises ValueError: the app has a command of this name, which Flask would replace silently.
    """
    name = command.name or ""
    if name in app.cli.commands:
        raise ValueError(f"`flask {name}` is a command of secure_flask: give yours another name.")
    app.cli.add_command(command)
    app_state(app).setdefault(COMMANDS, {})[name] = command


def explained_database_error(error: DBAPIError | TimeoutError) -> Exception:
    """A ClickException that says what to do about a database error; the error itself for a bug."""
    if isinstance(error, DBAPIError) and (said := failures.undefined_name(error)):
        commands = " and ".join(f"`{command}`" for command in failures.MIGRATION_COMMANDS)
        return click.ClickException(f"The database says: {said}. Run {commands}.")
    if failures.is_away(error):
        return click.ClickException(UNREACHABLE)
    return error
