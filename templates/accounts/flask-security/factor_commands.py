"""`flask user factors`: shows second factors, or removes them for somebody who lost them all.

`flask user list` shows who has one. Make sure who asks before you remove factors: whoever knows
the password then needs nothing else. Source: OWASP ASVS 6.4.4, 6.5.6.
"""

import click
from flask import Flask
from flask.cli import with_appcontext

from app.accounts import commands, notices, user_list
from app.accounts.commands import user_commands
from app.auth import logins, users
from app.auth.users import User
from app.security import audit


@click.command("factors")
@click.argument("name")
@click.option("--remove", is_flag=True, help="Remove them all, and end all logins.")
@with_appcontext
def factors_command(name: str, remove: bool) -> None:
    """Show the second factors of a user, or remove them all, passkeys and recovery codes too."""
    user = commands.find_user(name)
    if remove:
        _remove(user)
    click.echo(f"{name} has {', '.join(_factors(user)) or 'no second factor'}")


@click.command("list")
@with_appcontext
def list_users() -> None:
    """List the users, each with the number of active logins, second factors and the roles."""
    user_list.print_users(
        {
            "NAME": lambda user: user.name,
            "LOGINS": user_list.logins_of,
            "SECOND FACTOR": lambda user: "yes" if user.has_second_factor() else "-",
            "ROLES": user_list.roles_of,
        }
    )


def init_app(app: Flask) -> None:
    user_commands.add_command(factors_command)
    user_commands.add_command(list_users)


def _factors(user: User) -> list[str]:
    app = ["an authenticator app"] if user.tf_totp_secret else []
    codes = [f"recovery codes ({len(user.recovery_codes)} left)"] if user.recovery_codes else []
    return [*app, *codes, *(f"the passkey {passkey.name!r}" for passkey in user.webauthn)]


def _remove(user: User) -> None:
    users.lock(user.id)
    user.tf_totp_secret = user.tf_last_counter = None
    user.recovery_codes.clear()
    user.webauthn.clear()
    logins.end_all(user)
    commands.record_change(audit.USER_UPDATED, user, change="factors")
    notices.send(user, "factors_changed", what="An operator removed all second factors")
