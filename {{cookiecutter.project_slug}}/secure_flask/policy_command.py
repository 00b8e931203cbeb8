"""`flask policy`: what is in force, and where each part comes from."""

from collections.abc import Iterator, Mapping
from typing import Any

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from secure_flask.policy import DEFAULTS
from secure_flask.web import csp, header_values
from secure_flask.web.headers import Kind

POLICY = "app/policy.py"


@click.command("policy")
@with_appcontext
def policy_command() -> None:
    """Show the policy that is in force, and where each part comes from."""
    config = current_app.config
    click.echo(f"Content-Security-Policy of pages: {_level(config)}")
    for line in (*_directives(config), "", "Headers of pages:", *_headers(config)):
        click.echo(line)
    click.echo("\nOther values:")
    for line in _values(config):
        click.echo(line)


def init_app(app: Flask) -> None:
    app.cli.add_command(policy_command)


def _level(config: Mapping[str, Any]) -> str:
    name = getattr(config["CSP"], "name", None)
    return f"the level {name}" if name else f"written out in {POLICY}"


def _directives(config: Mapping[str, Any]) -> Iterator[str]:
    for name, sources in csp.effective(config, {}).items():
        changed = f"  <- CSP_CHANGES of {POLICY}" if name in config["CSP_CHANGES"] else ""
        yield f"  {name} {' '.join(sources)}{changed}"


def _headers(config: Mapping[str, Any]) -> Iterator[str]:
    changes = config["HEADER_CHANGES"]
    for name, value in header_values.effective(config, Kind.PAGE).items():
        changed = f"  <- HEADER_CHANGES of {POLICY}" if name in changes else ""
        yield f"  {name}: {value}{changed}"
    yield f"  Strict-Transport-Security: {header_values.transport(config)} (over https)"
    removed = [name for name, value in changes.items() if value is None]
    yield from (f"  {name} is removed  <- HEADER_CHANGES of {POLICY}" for name in removed)


def _values(config: Mapping[str, Any]) -> Iterator[str]:
    shown = {"CSP", "CSP_CHANGES", "HEADER_CHANGES"}
    for name in sorted(DEFAULTS.keys() - shown):
        changed = "" if config[name] == DEFAULTS[name] else f"  <- {POLICY}"
        yield f"  {name} = {config[name]!r}{changed}"
