"""New users and new passwords, as an operator makes them by a command.

A password is read from standard input, asked for on a terminal, or generated and printed.
Source: OWASP ASVS 6.4.1.
"""

import secrets
import sys

import click
from flask import current_app
from secure_flask.auth import password_rules, users
from secure_flask.auth.authentication import set_password
from secure_flask.auth.users import UserMixin, user_class
from secure_flask.web import audit
from secure_flask.web.validation import plain_text
from sqlalchemy.exc import IntegrityError

password_option = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input."
)


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


def check_new(name: str, email: str | None) -> None:
    """Check the name and the address of a new user.

    :raises click.ClickException: one of them cannot be used.
    """
    if not 1 <= len(name) <= users.MAX_NAME:
        raise click.ClickException(f"Give a name of 1 to {users.MAX_NAME} characters.")
    check_plain(name, "a name")
    if email is not None and not users.EMAIL.fullmatch(email):
        raise click.ClickException("Give an e-mail address like ada@example.org.")
    if email is not None and not hasattr(user_class(), "email"):
        raise click.ClickException("The class User in app/models.py has no e-mail address.")


def store_user(name: str, password: str, email: str | None) -> UserMixin:
    """Add a user whose name and password were checked.

    :raises click.ClickException: the name is taken.
    """
    columns = {} if email is None else {"email": email}
    try:
        user: UserMixin = users.create_user(name, password, **columns)
    except IntegrityError:
        raise click.ClickException(f"There is a user {name!r} already.") from None
    record_change(audit.USER_CREATED, user)
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
        text = f"Password ({current_app.config['PASSWORD_MIN_LENGTH']} characters or more)"
        given = str(click.prompt(text, hide_input=True, confirmation_prompt=True))
        try:
            _check_password(given, name)
            return given
        except click.ClickException as refused:
            refused.show()


def _check_password(given: str, name: str) -> None:
    if given:
        check_plain(given, "a password")
    problem = password_rules.why_refused(given, name)
    if problem:
        raise click.ClickException(f"{problem}.")


def record_change(event: audit.Event, user: UserMixin, **fields: str) -> None:
    """Write to the audit log what an operator did to a user."""
    audit.record(event, account=user.name, user_id=user.id, by="command line", **fields)


def find_user(name: str) -> UserMixin:
    """The user of this name.

    :raises click.ClickException: there is none.
    """
    check_plain(name, "a name")
    user = user_class().find(name)
    if user is None:
        raise click.ClickException(f"There is no user {name!r}.")
    return user


def check_plain(text: str, what: str) -> None:
    """Refuse text that is blank or has control characters, where `what` is wanted.

    :raises click.ClickException: it is so.
    """
    try:
        plain_text(text)
    except ValueError:
        raise click.ClickException(
            f"Give {what} that is not blank and has no control characters."
        ) from None
