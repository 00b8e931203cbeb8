"""`flask access`: who may call which route, and `flask logins …`: the rows of logins."""

import json
from collections.abc import Iterable, Sequence
from textwrap import fill

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from secure_flask.auth import logins, route_table
from secure_flask.auth.route_table import LOGIN_RATE_LIMIT, NO_MARK, Row
from secure_flask.database.command_group import CommandGroup
from secure_flask.web.view_options import FORM_TYPES

WIDTH = 100  # characters of a line
HEADINGS = ("METHOD", "ROUTE", "MARK", "LIMIT", "BODY")
SHORT = {**dict.fromkeys(FORM_TYPES, "form"), "application/json": "JSON", "*/*": "any"}

logins_commands = CommandGroup("logins", help="Manage the rows of logins.")


@click.command("access")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table")
@with_appcontext
def access_command(form: str) -> None:
    """Show who may call which route, by which mark, with its limits and body types."""
    rows = route_table.rows(current_app)
    click.echo(_as_json(rows) if form == "json" else _as_table(rows))


@logins_commands.command("purge")
def purge_logins() -> None:
    """Delete expired logins; run this once a day."""
    click.echo(f"Deleted {logins.purge()} expired")


def init_app(app: Flask) -> None:
    app.cli.add_command(access_command)
    app.cli.add_command(logins_commands)


def _as_json(rows: list[Row]) -> str:
    limits = {name: current_app.config[name] for name in ("RATE_LIMIT", LOGIN_RATE_LIMIT)}
    described = {
        "routes": [row._asdict() for row in rows],
        "limits": limits,
    }
    return json.dumps(described, indent=2)


def _as_table(rows: list[Row]) -> str:
    columns = zip(HEADINGS, *map(_cells, rows), strict=True)
    widths = [max(map(len, column)) for column in columns]
    lines = [_line(HEADINGS, widths)]
    for who in sorted({row.who for row in rows}):
        lines += ["", f"{who.capitalize()}:"]
        lines += [_line(_cells(row), widths) for row in rows if row.who == who]
    return "\n".join([*lines, "", *_notes(rows)])


def _cells(row: Row) -> tuple[str, ...]:
    # A dict: two types of forms have one name here, and the order stays.
    names = (SHORT.get(body, body.removeprefix("application/")) for body in row.bodies)
    return row.method, row.route, row.mark, _listed(row.limits), _listed(dict.fromkeys(names))


def _listed(texts: Iterable[str]) -> str:
    return ", ".join(texts) or "-"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    *padded, last = (f"{cell:<{width}}  " for cell, width in zip(cells, widths, strict=True))
    start = "".join(padded)
    width = max(WIDTH, len(start) + 20)
    return _wrapped(last.rstrip(), width, start)


def _wrapped(text: str, width: int = WIDTH, start: str = "") -> str:
    indent = " " * len(start)
    return start + fill(
        text, width, initial_indent=indent, subsequent_indent=indent, break_long_words=False
    ).removeprefix(indent)


def _notes(rows: list[Row]) -> list[str]:
    config = current_app.config
    unmarked = sorted({row.endpoint for row in rows if row.mark == NO_MARK})
    notes = {
        "LOGIN_RATE_LIMIT, failures of one address": config[LOGIN_RATE_LIMIT],
        "RATE_LIMIT, requests of one address to all routes but probes": config["RATE_LIMIT"],
        "Endpoints without a mark, so closed": _listed(unmarked),
    }
    return [_wrapped(f"{name}: {text}") for name, text in notes.items() if text not in (None, "-")]
