"""`flask user …` and `flask logins …`: an operator manages users, passwords, roles and logins.

A password is read from standard input, asked for on a terminal, or generated and printed. No
argument takes one: it would stay in the shell's history. A new role ends all logins, so that the
next one meets its demands. Source: OWASP ASVS 6.4.1, 8.2.1.
"""

import secrets
import sys
from itertools import chain
from shlex import quote
from typing import Any

import click
from flask import Flask, current_app
from secure_flask.auth import authentication, logins, passwords, user_changes, users
from secure_flask.auth.logins import Login, live_logins
from secure_flask.auth.roles import set_roles
from secure_flask.auth.users import Role, UserMixin, user_class, user_roles
from secure_flask.crypto.encryption import readable_value
from secure_flask.database import db
from secure_flask.database.command_group import CommandGroup, add_command
from secure_flask.database.database import pages_of_rows
from secure_flask.web import audit
from secure_flask.web.validation import is_plain_text
from sqlalchemy import Select, func, select
from sqlalchemy.exc import IntegrityError

user_commands = CommandGroup("user", help="Manage the users who can log in.")
logins_commands = CommandGroup("logins", help="Manage the rows of logins.")


password_option = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input; never make one."
)


@user_commands.command("create")
@click.argument("name")
@click.option("--email", help="An e-mail address; it is stored encrypted.")
@password_option
def create_command(name: str, email: str | None, password_stdin: bool) -> None:
    """Add a user. Asks for a password on a terminal, takes a piped one, or makes and prints one."""
    _check_name(name)
    if len(name) > users.MAX_NAME:
        raise click.ClickException(f"Give a name of 1 to {users.MAX_NAME} characters.")
    columns = {} if email is None else {"email": _address_to_store(email)}
    # `read_password` checks what a person typed; a generated one may contain the name by chance.
    password, note = read_password(password_stdin, name, email)
    try:
        user = user_changes.create_user(name, password, check_password=False, **columns)
    except IntegrityError:
        message = f"There is a user {name!r} already, or a column of User needs a default."
        raise click.ClickException(message) from None
    _report_change(f"Created user {name}{note}", audit.USER_CREATED, user)


@user_commands.command("password")
@click.argument("name")
@password_option
def change_password_command(name: str, password_stdin: bool) -> None:
    """Set a new password and end all logins and keys of a user."""
    user = find_user(name)
    password, note = read_password(password_stdin, name, readable_value(user, "email"))
    authentication.set_password(user, password, check_password=False)
    click.echo(f"Changed the password of {name}{note}")


@user_commands.command("email")
@click.argument("name")
@click.argument("email")
def change_email_command(name: str, email: str) -> None:
    """Set the e-mail address of a user, and tell the former one if the site sends mails."""
    address = _address_to_store(email)
    user: Any = find_user(name)
    old = readable_value(user, "email")
    try:
        user.email = address
        user_changes.address_changed.send(user, old=old)
        db.session.commit()
    except IntegrityError:
        raise click.ClickException("Another user has this address.") from None
    _report_change(
        f"Changed the e-mail address of {name}", audit.USER_UPDATED, user, change="email"
    )


@user_commands.command("disable")
@click.argument("name")
def disable_command(name: str) -> None:
    """Disable a user and end all logins and keys immediately."""
    user = find_user(name)
    user.disabled = True
    logins.end_logins_of(user)
    db.session.commit()
    _report_change(f"Disabled {name}", audit.USER_UPDATED, user, change="disabled")


@user_commands.command("enable")
@click.argument("name")
def enable_command(name: str) -> None:
    """Let a disabled user log in again; no login or key from before works."""
    user = find_user(name)
    user.disabled = False
    db.session.commit()
    _report_change(f"Enabled {name}", audit.USER_UPDATED, user, change="enabled")


@user_commands.command("logout")
@click.argument("name")
def log_out_command(name: str) -> None:
    """End all logins and keys of a user."""
    authentication.end_other_logins(find_user(name))
    click.echo(f"Ended all logins and keys of {name}")


@user_commands.command("delete")
@click.argument("name")
def delete_command(name: str) -> None:
    """Delete a user with all rows that refer to it."""
    user = find_user(name)
    user_changes.delete_user(user)
    click.echo(f"Deleted {name}")


@user_commands.command("roles")
@click.argument("name")
@click.argument("names", metavar="[ROLE]...", nargs=-1)
@click.option("--none", "remove", is_flag=True, help="Take all roles away.")
def set_roles_command(name: str, names: tuple[str, ...], remove: bool) -> None:
    """Show the roles of a user, or set exactly the ones that are given."""
    if names and remove:
        raise click.UsageError("Give roles or --none, not both.")
    user = find_user(name)
    if names or remove:
        _give_roles(user, names)
    click.echo(f"{name} has {', '.join(user.role_names) or 'no role'}")


@user_commands.command("list")
def list_users_command() -> None:
    """List the users, each with the number of active logins and the roles; tabs between columns."""
    following = pages_of_rows(db.session.execute, _users_query(), [user_class().name])
    # The first query comes before the header: it fails if the tables are missing.
    first = next(following, [])
    click.echo("NAME\tLOGINS\tROLES")
    for rows in chain([first], following):
        for name, disabled, active, roles in rows:
            sorted_roles = ", ".join(sorted((roles or "-").split(",")))
            click.echo(f"{printable(name)}\t{'disabled' if disabled else active}\t{sorted_roles}")


@logins_commands.command("end")
@click.confirmation_option(prompt="End all logins and keys of all users?", help="Do not ask.")
def end_all_logins_command() -> None:
    """End all logins and keys of all users immediately, as after a leak."""
    ended, keys = logins.end_all_logins()
    click.echo(f"Ended {ended} logins and {keys} keys")


@logins_commands.command("purge")
def purge_command() -> None:
    """Delete expired logins and keys; run this once a day."""
    click.echo(f"Deleted {logins.purge_logins()} expired")


def init_app(app: Flask) -> None:
    add_command(app, user_commands)
    add_command(app, logins_commands)


def find_user(name: str) -> UserMixin:
    _check_name(name)
    user = user_class().find(name)
    if user is None:
        raise click.ClickException(f"There is no user {name!r}.")
    return user


def printable(text: str) -> str:
    """A user's text without the characters that would control the terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def read_password(from_stdin: bool, *personal: str | None) -> tuple[str, str]:
    """The password for a user, and a note for the output about one that nobody typed.

    `personal` is what others know of the user; see `why_password_refused`.
    """
    if sys.stdin.isatty() and not from_stdin:
        return _ask_password(*personal), ""
    line = sys.stdin.readline()
    if line or from_stdin:
        given = line.rstrip("\r\n")
        _check_password(given, *personal)
        # The note is a warning: if a script is piped into a shell, the line that is read here as
        # the password is the next line of the script.
        return given, " with the password of standard input"
    generated = secrets.token_urlsafe(18)
    return generated, f" with password {generated}"


def _check_name(name: str) -> None:
    if not is_plain_text(name):
        raise click.ClickException("Give a name that is not blank and has no control characters.")


def _users_query() -> Select[tuple[str, bool, int, str]]:
    """The name of each user, whether it is disabled, the number of active logins, the roles."""
    user = user_class()
    active = select(func.count()).where(Login.user_id == user.id, live_logins())
    roles = select(func.aggregate_strings(Role.name, ",")).join(user_roles)
    of_user = roles.where(user_roles.c.user_id == user.id).correlate(user)
    counted = active.correlate(user).scalar_subquery()
    return select(user.name, user.disabled, counted, of_user.scalar_subquery())


def _give_roles(user: UserMixin, names: tuple[str, ...]) -> None:
    try:
        has_ended = set_roles(user, names)
    except ValueError as refused:
        raise click.ClickException(f"{refused}.") from None
    if has_ended:
        click.echo(f"Ended all logins of {user.name}, since the role is new")
    click.echo(f"Changed the roles of {user.name}")
    if users.demands_second_factor(user):
        click.echo(
            "A role demands a second factor: the next login asks for it, or for a code to set up "
            f"the first one. Make a code: .venv/bin/flask user factors {quote(user.name)} --invite"
        )


def _address_to_store(email: str) -> str:
    if not hasattr(user_class(), "email"):
        raise click.ClickException("The class User in app/models.py has no e-mail address.")
    return user_class().stored_address(email)


def _report_change(said: str, event: audit.Event, user: UserMixin, **fields: str) -> None:
    """Say what was done to a user, here and in the audit log."""
    audit.record(event, account=user.name, user_id=user.id, by="command line", **fields)
    click.echo(said)


def _ask_password(*personal: str | None) -> str:
    """Ask on the terminal until the password can be used."""
    while True:
        prompt = f"Password ({current_app.config['PASSWORD_MIN_LENGTH']} characters or more)"
        given = str(click.prompt(prompt, hide_input=True, confirmation_prompt=True))
        try:
            _check_password(given, *personal)
            return given
        except click.ClickException as refused:
            refused.show()


def _check_password(given: str, *personal: str | None) -> None:
    if problem := passwords.why_password_refused(given, *personal):
        raise click.ClickException(f"{problem}.")
