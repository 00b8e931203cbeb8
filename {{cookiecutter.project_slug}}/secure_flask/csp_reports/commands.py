"""`flask csp …`: shows the reported violations with advice.

Anybody can send a report, so control characters are removed before it reaches the terminal.
Source: OWASP ASVS 16.4.1.
"""

import json
from datetime import UTC, datetime
from textwrap import fill

import click
from flask import Flask, current_app
from secure_flask.csp_reports import table
from secure_flask.csp_reports.advice import Advice, advise
from secure_flask.csp_reports.formats import Violation
from secure_flask.csp_reports.table import ViolationCount
from secure_flask.database.command_group import CommandGroup

WIDTH = 100  # characters of a line
WHAT, PAGE = 46, 20  # of a column
INDENT = " " * 8

TITLES = {"enforce": "Blocked:", "report": "Only reported, and let through:"}

csp_commands = CommandGroup("csp", help="Show violations of the Content-Security-Policy.")


@csp_commands.command("report")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table")
def report(form: str) -> None:
    """Show the violations that browsers reported, with counts and advice."""
    rows = table.most_frequent()
    click.echo(_as_json(rows) if form == "json" else _as_table(rows))


@csp_commands.command("clear")
def clear() -> None:
    """Delete all reports, to see which violations remain after a change."""
    click.echo(f"Deleted {table.clear()} violations")


def init_app(app: Flask) -> None:
    app.cli.add_command(csp_commands)


def _as_json(rows: list[ViolationCount]) -> str:
    described = [
        {
            **{field: getattr(row, field) for field in Violation._fields},
            "times": row.times,
            "first_seen": _time(row.first_seen).isoformat(),
            "last_seen": _time(row.last_seen).isoformat(),
            **advise(row, current_app.config)._asdict(),
        }
        for row in rows
    ]
    return json.dumps({"mode": _mode(), "violations": described}, indent=2)


def _as_table(rows: list[ViolationCount]) -> str:
    if not rows:
        return f"{_mode()}\nBrowsers reported nothing."
    parts = [_mode(), "Anybody can post a report: allow only what you know."]
    if len(rows) >= table.MAX_ROWS:
        parts.append("The table is full: the least frequent violations are deleted.")
    for disposition, title in TITLES.items():
        lines = [_lines(row) for row in rows if row.disposition == disposition]
        if lines:
            parts += ["", title, _columns("TIMES", "WHAT", "ON", "SINCE", "LAST"), *lines]
    return "\n".join(parts)


def _lines(row: ViolationCount) -> str:
    blocked = _end(row.blocked or "(not named)", WHAT - len(row.directive) - 1)
    since, last = (f"{_time(when):%Y-%m-%d}" for when in (row.first_seen, row.last_seen))
    first = _columns(
        str(row.times), f"{row.directive} {blocked}", _end(row.page, PAGE), since, last
    )
    return "\n".join(map(_plain, [first, *_below(advise(row, current_app.config))]))


def _below(advice: Advice) -> list[str]:
    words = fill(advice.words, WIDTH, initial_indent=INDENT, subsequent_indent=INDENT)
    return [*words.splitlines(), *([f"{INDENT}    {advice.change}"] if advice.change else [])]


def _columns(times: str, what: str, page: str, since: str, last: str) -> str:
    return f"{times:>6}  {what:<{WHAT}}  {page:<{PAGE}}  {since:<10}  {last}"


def _end(text: str, width: int) -> str:
    # Keep the end: the last labels of a host name show its owner.
    return text if len(text) <= width else ".." + text[2 - width :]


def _plain(line: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in line)


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _mode() -> str:
    config = current_app.config
    if config["CSP_REPORT_ONLY"]:
        return "CSP_REPORT_ONLY is set: pages block nothing and report violations of the policy."
    tried = " CSP_CANDIDATE is tried beside it." if config["CSP_CANDIDATE"] else ""
    return f"Pages enforce the policy.{tried}"
