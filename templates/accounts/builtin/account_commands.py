"""`flask user create`, `flask user password`, `flask user list`: the operator makes the users."""

import click
from flask import Flask
from flask.cli import with_appcontext

from app.accounts import operator_passwords, user_list
from app.accounts.commands import user_commands
from app.accounts.operator_passwords import password_option


@click.command("create")
@click.argument("name")
@click.option("--email", help="An e-mail address; it is stored encrypted.")
@password_option
@with_appcontext
def create_user(name: str, email: str | None, password_stdin: bool) -> None:
    """Add a user. Prompts for a password on a terminal; otherwise generates and prints one."""
    operator_passwords.create_user(name, email, password_stdin=password_stdin)


@click.command("password")
@click.argument("name")
@password_option
@with_appcontext
def change_password(name: str, password_stdin: bool) -> None:
    """Set a new password and end all logins of a user."""
    operator_passwords.change_password(name, password_stdin=password_stdin)


@click.command("list")
@with_appcontext
def list_users() -> None:
    """List the users, each with the number of active logins and the roles."""
    user_list.print_users(
        {
            "NAME": lambda user: user.name,
            "LOGINS": user_list.logins_of,
            "ROLES": user_list.roles_of,
        }
    )


def init_app(app: Flask) -> None:
    for command in (create_user, change_password, list_users):
        user_commands.add_command(command)
