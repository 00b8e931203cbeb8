"""Reads violations from lines of the log, for an app that has no table of them."""

import ast
import json
import re
from collections.abc import Iterable, Iterator
from datetime import datetime

from secure_flask.csp_reports.violations import Violation, ViolationCount
from secure_flask.web.audit import CSP_VIOLATION

# A line of development holds Python strings, as in "directive='img-src'".
_PAIR = re.compile(r"""(\w+)=('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")""")
_NEEDED = {*Violation._fields, "datetime", "event"}


def logged_violations(lines: Iterable[str]) -> list[ViolationCount]:
    """The violations in lines of the log, the most frequent first; `count` counts the lines."""
    found: dict[Violation, ViolationCount] = {}
    for line in _lines_of_violations(lines):
        key = Violation(*(line[field] for field in Violation._fields))
        when = int(datetime.fromisoformat(line["datetime"]).timestamp())
        new = ViolationCount(**key._asdict(), count=0, first_seen=when, last_seen=when)
        row = found.setdefault(key, new)
        row.count += 1
        row.last_seen = when
    return sorted(found.values(), key=lambda row: -row.count)


def _lines_of_violations(lines: Iterable[str]) -> Iterator[dict[str, str]]:
    for line in lines:
        parsed = _parsed(line)
        if parsed.keys() >= _NEEDED and parsed["event"] == CSP_VIOLATION.name:
            yield parsed


def _parsed(line: str) -> dict[str, str]:
    """The strings of a line by name; empty if it is no line of the log."""
    try:
        if line.lstrip().startswith("{"):
            values = json.loads(line)
        else:
            values = {name: ast.literal_eval(text) for name, text in _PAIR.findall(line)}
    except (SyntaxError, ValueError):
        return {}
    return {name: value for name, value in values.items() if isinstance(value, str)}
