"""`flask tokens …`: manages the credentials that logins issued."""

import click
from flask import Flask

from app.auth import grants
from app.db.command_group import CommandGroup

tokens_commands = CommandGroup("tokens", help="Manage the credentials that logins issued.")


@tokens_commands.command("purge")
def purge_tokens() -> None:
    """Delete expired credentials; run this once a day."""
    click.echo(f"Deleted {grants.purge()} expired")


def init_app(app: Flask) -> None:
    app.cli.add_command(tokens_commands)
