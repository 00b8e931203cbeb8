"""`flask check`: what is loose, missing or out of reach, before an attacker finds it.

With `--deploy` the app is judged as production, and asked over https by itself.
Source: OWASP ASVS 13.4.2.
"""

import json
from logging import CRITICAL, ERROR, INFO, WARNING

import click
from flask import Flask, current_app
from flask.cli import with_appcontext

# Imported to be registered.
from app.checks import answers, hosts, policy, secrets, services, settings  # noqa: F401
from app.checks.registry import Finding, findings
from app.db import AS_A_REQUEST

LEVELS = {"error": ERROR, "warning": WARNING, "info": INFO}
FAIL_LEVELS = {**LEVELS, "never": CRITICAL}
NAMES = {level: name for name, level in LEVELS.items()}


@click.command("check")
@click.option("--deploy", is_flag=True, help="Judge this as production, and ask the app itself.")
@click.option("--accept", metavar="ID", multiple=True, help="Leave out what you decided to accept.")
@click.option(
    "--fail-level",
    type=click.Choice(list(FAIL_LEVELS)),
    help="The least level that makes the exit status 1: error, or warning with --deploy.",
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@with_appcontext
def check_command(deploy: bool, accept: tuple[str, ...], fail_level: str | None, form: str) -> None:
    """Say what is loose, missing or out of reach, and what to do."""
    click.get_current_context().meta[AS_A_REQUEST] = True
    found = [item for item in findings(current_app, deploy=deploy) if item.id not in accept]
    click.echo(_as_json(found) if form == "json" else _as_text(found))
    least = FAIL_LEVELS[fail_level or ("warning" if deploy else "error")]
    if any(finding.level >= least for finding in found):
        click.get_current_context().exit(1)


def init_app(app: Flask) -> None:
    app.cli.add_command(check_command)


def _as_text(found: list[Finding]) -> str:
    lines = [
        f"{NAMES[finding.level].upper()} {finding.id}: {finding.message}\n    {finding.hint}"
        for finding in found
    ]
    counts = ", ".join(f"{name}s: {number}" for name, number in _count(found).items())
    return "\n".join([*lines, counts])


def _as_json(found: list[Finding]) -> str:
    listed = [{**finding._asdict(), "level": NAMES[finding.level]} for finding in found]
    return json.dumps({"findings": listed, "counts": _count(found)}, indent=2)


def _count(found: list[Finding]) -> dict[str, int]:
    return {
        name: sum(finding.level == level for finding in found) for name, level in LEVELS.items()
    }
