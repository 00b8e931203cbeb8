"""`flask user …`: the people who can log in, managed from the command line."""

import secrets
import sys

import click
from flask import Flask
from flask.cli import AppGroup
from sqlalchemy.exc import IntegrityError, OperationalError

from app.auth import users
from app.auth.passwords import MAX_LENGTH, MIN_LENGTH
from app.security.validation import plain_text

user_commands = AppGroup("user", help="The people who can log in.")


@user_commands.command("create")
@click.argument("name")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
def create_user(name: str, password_stdin: bool) -> None:
    """Add a user. Asks for a password on a terminal; otherwise makes one and prints it."""
    _check(name, "a name", 1, users.MAX_NAME)
    given = _ask_password(password_stdin)
    password = secrets.token_urlsafe(18) if given is None else given
    _check(password, "a password", MIN_LENGTH, MAX_LENGTH)
    try:
        users.create(name, password)
    except IntegrityError:
        raise click.ClickException(f"There is a user {name!r} already.") from None
    except OperationalError:
        raise click.ClickException("The database has no tables: run `flask db upgrade`.") from None
    click.echo(f"Created user {name}" + ("" if given else f" with password {password}"))


def init_app(app: Flask) -> None:
    app.cli.add_command(user_commands)


def _ask_password(password_stdin: bool) -> str | None:
    if password_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    return None


def _check(text: str, what: str, shortest: int, longest: int) -> None:
    if not shortest <= len(text) <= longest:
        raise click.ClickException(f"Give {what} of {shortest} to {longest} characters.")
    try:
        plain_text(text)
    except ValueError:
        raise click.ClickException(
            f"Give {what} that is not blank and has no control characters."
        ) from None
