"""`flask tokens …`: what logins gave to clients."""

import click
from flask import Flask

from app.auth import grants
from app.db.command_group import CommandGroup

tokens_commands = CommandGroup("tokens", help="What logins gave to clients.")


@tokens_commands.command("purge")
def purge_tokens() -> None:
    """Delete what has expired; run it once a day."""
    click.echo(f"Deleted {grants.purge()} expired")


def init_app(app: Flask) -> None:
    app.cli.add_command(tokens_commands)
