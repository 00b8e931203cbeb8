"""`flask user …`: manages users and their logins.

operator_passwords.py makes users and sets passwords, and user_list.py lists users. Their commands
differ by the answer to `accounts`.
"""

import click
from flask import Flask

from app.auth import logins, users
from app.auth.users import User
from app.db import db
from app.db.command_group import CommandGroup
from app.security import audit
from app.security.validation import plain_text

user_commands = CommandGroup("user", help="Manage the users who can log in.")


@user_commands.command("disable")
@click.argument("name")
def disable_user(name: str) -> None:
    """Disable a user and end all logins immediately."""
    user = find_user(name)
    user.disabled = True
    logins.end_all(user)
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
    logins.end_all(user)
    record_change(audit.SESSION_EXPIRED, user, reason="revoked", session="all")
    click.echo(f"Ended all logins of {name}")


def init_app(app: Flask) -> None:
    app.cli.add_command(user_commands)


def record_change(event: audit.Event, user: User, **fields: str) -> None:
    """Write to the audit log what an operator did to a user."""
    audit.record(event, account=user.name, user_id=user.id, by="command line", **fields)


def find_user(name: str) -> User:
    """The user of this name.

    :raises click.ClickException: there is none.
    """
    check_plain(name, "a name")
    user = users.find(name)
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
