"""Each target of a project's Makefile and each command of `flask`, as their help describes them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from docs.reference import Fact, Facts, create_app, is_of_accounts


def facts(project: Path) -> Facts:
    makefile = (project / "Makefile").read_text("utf-8")
    help_of = dict(re.findall(r"^\t@echo 'make (\S+) +(.+)'$", makefile, re.MULTILINE))
    [targets] = re.findall(r"^\.PHONY: help (.+)$", makefile, re.MULTILINE)
    found = {
        f"make {each}": Fact([f"`make {each}`", help_of[each]], False) for each in targets.split()
    }
    for name, command in commands(create_app().cli, "flask"):
        # The others are those of Flask-Migrate.
        if command.callback.__module__.startswith(("app.", "secure_flask.")):
            found[name] = Fact(described(name, command), is_of_accounts(command.callback))
    return found


def commands(group: Any, path: str) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def described(name: str, command: Any) -> list[str]:
    context = click.Context(command)
    usage = [each for each in command.collect_usage_pieces(context) if each != "[OPTIONS]"]
    options = [each for each in command.params if isinstance(each, click.Option)]
    records = filter(None, (option.get_help_record(context) for option in options))
    lines = [" ".join(command.help.split()), *(f"`{option}`: {what}" for option, what in records)]
    # Outside of code, the site makes a dash of two hyphens.
    text = re.sub(r"(?<=\s)--[\w-]+", r"`\g<0>`", "<br>".join(lines))
    return [f"`{' '.join([name, *usage])}`", text.replace("|", r"\|")]
