"""`flask user …`: the operator makes users, and manages their passwords and logins."""

import click
from flask import Flask
from secure_flask.auth import logins, operator_passwords, user_list
from secure_flask.auth.operator_passwords import find_user, password_option, record_change
from secure_flask.database import db
from secure_flask.database.command_group import CommandGroup
from secure_flask.web import audit

user_commands = CommandGroup("user", help="Manage the users who can log in.")


@user_commands.command("create")
@click.argument("name")
@click.option("--email", help="An e-mail address; it is stored encrypted.")
@password_option
def create_user(name: str, email: str | None, password_stdin: bool) -> None:
    """Add a user. Prompts for a password on a terminal; otherwise generates and prints one."""
    operator_passwords.create_user(name, email, password_stdin=password_stdin)


@user_commands.command("password")
@click.argument("name")
@password_option
def change_password(name: str, password_stdin: bool) -> None:
    """Set a new password and end all logins of a user."""
    operator_passwords.change_password(name, password_stdin=password_stdin)


@user_commands.command("list")
def list_users() -> None:
    """List the users, each with the number of active logins and the roles."""
    user_list.print_users()


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
