"""`flask user …`: manages users and their logins.

The commands that make users, set passwords and list users differ by the answer to `accounts`; what
they share is here.
"""

import secrets
import sys

import click
from flask import Flask
from sqlalchemy.exc import IntegrityError

from app.accounts.password_change import set_password
from app.auth import grants, password_rules, users
from app.auth.passwords import MIN_LENGTH
from app.auth.users import User
from app.db import db
from app.db.command_group import CommandGroup
from app.security import audit
from app.security.validation import plain_text

user_commands = CommandGroup("user", help="Manage the users who can log in.")

password_option = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input."
)


@user_commands.command("disable")
@click.argument("name")
def disable_user(name: str) -> None:
    """Disable a user and end all logins immediately."""
    user = find_user(name)
    user.disabled = True
    grants.end_all(user)
    record_change(audit.USER_UPDATED, user, change="disabled")
    click.echo(f"Disabled {name}")


@user_commands.command("enable")
@click.argument("name")
def enable_user(name: str) -> None:
    """Let a disabled user log in again."""
    user = find_user(name)
    user.disabled = False
    db.session.commit()
    record_change(audit.USER_UPDATED, user, change="enabled")
    click.echo(f"Enabled {name}")


@user_commands.command("logout")
@click.argument("name")
def log_out_user(name: str) -> None:
    """End all logins of a user."""
    user = find_user(name)
    grants.end_all(user)
    record_change(audit.SESSION_EXPIRED, user, reason="revoked", session="all")
    click.echo(f"Ended all logins of {name}")


def init_app(app: Flask) -> None:
    app.cli.add_command(user_commands)


def create_user(name: str, email: str | None, *, password_stdin: bool) -> None:
    """Add a user with a password that is read, asked for, or generated and printed.

    :raises click.ClickException: the name, the address or the password cannot be used.
    """
    check_new(name, email)
    password, note = _password(name, password_stdin)
    store_user(name, password, email)
    click.echo(f"Created user {name}{note}")


def change_password(name: str, *, password_stdin: bool) -> None:
    """Set a new password, which is read, asked for or generated, and end all logins.

    :raises click.ClickException: there is no such user, or the password cannot be used.
    """
    user = find_user(name)
    password, note = _password(name, password_stdin)
    set_password(user, password)
    record_change(audit.PASSWORD_CHANGE, user)
    click.echo(f"Changed the password of {name}{note}")


def record_change(event: audit.Event, user: User, **fields: str) -> None:
    """Write to the audit log what an operator did to a user."""
    audit.record(event, account=user.name, user_id=user.id, by="command line", **fields)


def check_new(name: str, email: str | None) -> None:
    """Check the name and the address of a new user.

    :raises click.ClickException: one of them cannot be used.
    """
    if not 1 <= len(name) <= users.MAX_NAME:
        raise click.ClickException(f"Give a name of 1 to {users.MAX_NAME} characters.")
    _check_plain(name, "a name")
    if email is not None and not users.EMAIL.fullmatch(email):
        raise click.ClickException("Give an e-mail address like ada@example.org.")


def store_user(name: str, password: str, email: str | None) -> User:
    """Add a user whose name and password were checked.

    :raises click.ClickException: the name is taken.
    """
    try:
        user = users.create(name, password, email)
    except IntegrityError:
        raise click.ClickException(f"There is a user {name!r} already.") from None
    record_change(audit.USER_CREATED, user)
    return user


def find_user(name: str) -> User:
    """The user of this name.

    :raises click.ClickException: there is none.
    """
    _check_plain(name, "a name")
    user = users.find(name)
    if user is None:
        raise click.ClickException(f"There is no user {name!r}.")
    return user


def _password(name: str, from_stdin: bool) -> tuple[str, str]:
    """The password for a user, and a note for the output that shows a generated password."""
    if from_stdin:
        given = sys.stdin.readline().rstrip("\r\n")
        _check_password(given, name)
        return given, ""
    if sys.stdin.isatty():
        return _ask_password(name), ""
    generated = secrets.token_urlsafe(18)
    return generated, f" with password {generated}"


def _ask_password(name: str) -> str:
    """Ask on the terminal until the password can be used."""
    while True:
        text = f"Password ({MIN_LENGTH} characters or more)"
        given = str(click.prompt(text, hide_input=True, confirmation_prompt=True))
        try:
            _check_password(given, name)
            return given
        except click.ClickException as refused:
            refused.show()


def _check_password(given: str, name: str) -> None:
    if given:
        _check_plain(given, "a password")
    problem = password_rules.why_refused(given, name)
    if problem:
        raise click.ClickException(f"{problem}.")


def _check_plain(text: str, what: str) -> None:
    try:
        plain_text(text)
    except ValueError:
        raise click.ClickException(
            f"Give {what} that is not blank and has no control characters."
        ) from None
