"""`make browsers`: writes docs/browsers.json and .md, as the browsers here behave."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import support
from engines import ENGINES, measuring
from engines.behaviours import BEHAVIOURS
from engines.measuring import ATTACK, LEVELS, WAY_OUT, Cell, Cells

PAGE = support.TEMPLATE / "docs" / "browsers.md"
# Every cell that was measured. The page shows where the engines differ.
MEASURED = PAGE.with_suffix(".json")
INTRODUCTION = """# What browsers do

<!-- search: browser support, chromium, firefox, safari, webkit, exfiltration -->

Where three browser engines differ, which attacks a level of the policy lets through, and how a script of an attacker's gets out of a page. `make browsers` measures it with an unchanged new project. [All {rows} rows](browsers.json) are in one file, most of them the same in each engine.

| engine | version |
|---|---|
{versions}

WebKitGTK and Safari share the engine WebKit, but their code for cookies, storage and connections differs. Not measured: HSTS, `upgrade-insecure-requests`, and everything that needs a user's permission.
"""


def render(level: str, folder: Path) -> Path:
    folder.mkdir()
    return support.bake({"csp": level, "token_type": "session"}, folder)


DIFFERENCES = "Behaviours are those at the level `strict`. A number such as 403 is the status of the site's answer. Attacks and features have the name of their row in the file."
ATTACKS = "These attacks of `tests/views/browser/test_attacks.py` work at some level, on a page that shows other people's text as markup. All others are stopped at each level, in each engine."
WAYS_OUT = """A script of an attacker's runs in a page, with a nonce that it has stolen, and tries to send what it reads to another site. “closed by” names the header that closes the way at the level `paranoid`: the CSP, `Integrity-Policy`, or `Connection-Allowlist`, which only Chromium obeys so far. “not there” means that no way leads out in this engine, also without headers. At the other levels `LINKS` is `None` by default, so that there is no `Connection-Allowlist`.

{table}

“open” in the column of Chromium means that no header closes the way:

- **A redirect of the site itself.** The server decides where it leads. So no view may redirect to an address that comes from outside; `checked_next` checks one.
- **A page of the same origin without the header**, such as one that the proxy or another program serves: the script opens it and acts in it. So every response of the origin needs the header.
- **A connection at the next visit.** Chromium remembers which origins a page asked for, also where the allowlist closed the request, and connects to them when the site is visited again. So a script can send as much as fits into a name, such as `secret.attacker.example`. It does not happen where a user has switched off that pages are preloaded.

Any connection counts, also one without a request, since its port and its time tell something. Not measured: what a page can tell without a connection, such as by the time that it takes, and programs that a user starts by a link such as `mailto:`."""


def page(cells: Cells, versions: dict[str, str]) -> str:
    """Return the whole page."""
    rows = {cell.row: cell.kind for cell in cells}
    lines = INTRODUCTION.format(
        rows=len(rows),
        versions="\n".join(f"| {engine} | {version} |" for engine, version in versions.items()),
    )
    differing = [row for row in rows if rows[row] != WAY_OUT and differs(cells, row)]
    working = [row for row in rows if rows[row] == ATTACK and works(cells, row)]
    parts = {
        "Where they differ": f"{DIFFERENCES}\n\n{by_engine(cells, differing)}",
        "Attacks that work": f"{ATTACKS}\n\n{by_level(cells, working)}",
        "Ways out": WAYS_OUT.format(table=by_outcome(cells)),
    }
    return lines + "".join(f"\n## {title}\n\n{text}\n" for title, text in parts.items())


def works(cells: Cells, row: str) -> bool:
    return "works" in (text for cell, text in cells.items() if cell.row == row)


def by_outcome(cells: Cells) -> str:
    """Return a table with one row for all ways out that end alike in each engine."""
    outcomes: dict[str, list[str]] = {}
    for cell, text in cells.items():
        if cell.kind == WAY_OUT:
            outcomes.setdefault(cell.row, []).append(text)
    alike: dict[tuple[str, ...], list[str]] = {}
    for row, texts in outcomes.items():
        alike.setdefault(tuple(texts), []).append(row)
    return table(["", *ENGINES], [["; ".join(ways), *texts] for texts, ways in alike.items()])


def differs(cells: Cells, row: str) -> bool:
    levels = {cell.level for cell in cells if cell.row == row}
    return any(
        len({text for cell, text in cells.items() if (cell.row, cell.level) == (row, level)}) > 1
        for level in levels
    )


def by_engine(cells: Cells, rows: list[str]) -> str:
    """Return a table with a column for each engine."""
    body = [[row, *(of_levels(cells, row, engine) for engine in ENGINES)] for row in rows]
    return table(["", *ENGINES], body)


def of_levels(cells: Cells, row: str, engine: str) -> str:
    found = {
        cell.level: text for cell, text in cells.items() if (cell.row, cell.engine) == (row, engine)
    }
    if len({*found.values()}) == 1:
        return next(iter(found.values()))
    return "; ".join(f"{text} at `{level}`" for level, text in found.items())


def by_level(cells: Cells, rows: list[str]) -> str:
    """Return a table with a column for each level; a cell names the engines where they differ."""
    body = [[row, *(of_engines(cells, row, level) for level in LEVELS)] for row in rows]
    return table(["", *(f"`{level}`" for level in LEVELS)], body)


def of_engines(cells: Cells, row: str, level: str) -> str:
    found = {
        cell.engine: text for cell, text in cells.items() if (cell.row, cell.level) == (row, level)
    }
    if len({*found.values()}) == 1:
        return next(iter(found.values()))
    return "; ".join(f"{engine}: {text}" for engine, text in found.items())


def table(head: list[str], body: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def written(cells: Cells, versions: dict[str, str]) -> str:
    """Return the file of all cells: of each row its kind, its level, and what each engine does."""
    rows: dict[tuple[str, str, str], list[str]] = {}
    for cell, text in cells.items():
        rows.setdefault((cell.kind, cell.row, cell.level), []).append(text)
    lines = (json.dumps([*row, *texts], ensure_ascii=False) for row, texts in rows.items())
    body = ",\n    ".join(lines)
    return f'{{\n  "versions": {json.dumps(versions)},\n  "cells": [\n    {body}\n  ]\n}}\n'


def stated() -> Cells:
    """Return what was measured in each engine."""
    rows = json.loads(MEASURED.read_text("utf-8"))["cells"]
    return {
        Cell(kind, row, engine, level): text
        for kind, row, level, *texts in rows
        for engine, text in zip(ENGINES, texts, strict=True)
    }


def versions() -> dict[str, str]:
    found: dict[str, str] = json.loads(MEASURED.read_text("utf-8"))["versions"]
    return found


def measure(folder: Path) -> Cells:
    cells: Cells = {}
    for level in LEVELS:
        (folder / level).mkdir()
        project = render(level, folder / level)
        for engine in ENGINES:
            if level == "strict":
                cells |= measuring.behaviours(engine, project, BEHAVIOURS)
            if level == "paranoid":
                cells |= measuring.ways_out(engine, project)
            cells |= measuring.features(engine, project, level)
            cells |= measuring.attacks(engine, project, level)[0]
    return cells


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        cells, engines = measure(Path(folder)), measuring.versions()
    MEASURED.write_text(written(cells, engines), "utf-8", newline="\n")
    PAGE.write_text(page(cells, engines), "utf-8", newline="\n")
