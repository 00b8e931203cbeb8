"""Finds commands of the app that have replaced one of secure_flask, which Flask does silently."""

from collections.abc import Iterator

from flask import Flask
from secure_flask.checks.registry import Finding, register_check
from secure_flask.database.command_group import COMMANDS
from secure_flask.state import app_state


@register_check("commands.replaced", "error")
def replaced_commands(app: Flask) -> Iterator[Finding]:
    for name, command in app_state(app)[COMMANDS].items():
        if app.cli.commands.get(name) is not command:
            yield Finding(
                f"A command of the app replaces `flask {name}` of secure_flask.",
                hint="Give it another name.",
            )
