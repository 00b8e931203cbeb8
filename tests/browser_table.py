"""`python tests/browser_table.py`: writes docs/browsers.md, as the browsers here behave."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import support
from engines import ENGINES, measuring
from engines.behaviours import BEHAVIOURS
from engines.measuring import ATTACK, BEHAVIOUR, FEATURE, LEVELS, WAY_OUT, Cell, Cells

PAGE = support.TEMPLATE / "docs" / "browsers.md"
VERSION = re.compile(r"^\| (\w+) \| ([\d.]+) \|$", re.MULTILINE)
INTRODUCTION = """# What browsers do

<!-- search: browser support, chromium, firefox, safari, webkit, exfiltration -->

`make browsers` writes this page: it tries everything below in each engine, with an unchanged new project. In every version of an engine, the tests require what the protections depend on: the results of most behaviours, that no attack gets further than the policy allows, and that in Chromium only the ways out of a page that are listed here are open. All other cells only record what these versions do.

| engine | version |
|---|---|
{versions}

WebKitGTK and Safari share the engine WebKit, but their code for cookies, storage and connections differs. Not measured: HSTS, `upgrade-insecure-requests`, and everything that needs a user's permission.
"""


def render(level: str, folder: Path) -> Path:
    folder.mkdir()
    command = ("cookiecutter", support.TEMPLATE, "--no-input", "--output-dir", folder)
    answers = ("project_slug=project", f"csp={level}", "token_type=session")
    support.python("-m", *command, *answers, cwd=folder)
    return folder / "project"


WAYS_OUT = """A script of an attacker's runs in a page, with a nonce that it has stolen, and tries to send what it reads to another site. “closed by” names the header that closes the way at the level `paranoid`. The headers are added one after the other: the CSP, `Integrity-Policy`, `Connection-Allowlist`, which only Chromium obeys so far. The same page without headers proves that a way leads out; “not there” means that it does not in this engine. `make test-all` tries them in Chromium alone, without headers and with all of them. At the other levels `LINKS` is `None` by default, so that there is no `Connection-Allowlist`.

“open” in the column of Chromium means that no header closes the way:

- **A redirect of the site itself.** The server decides where it leads. So no view may redirect to an address that comes from outside; `checked_next` checks one.
- **A page of the same origin without the header**, such as one that the proxy or another program serves: the script opens it and acts in it. So every response of the origin needs the header.
- **A connection at the next visit.** Chromium remembers which origins a page asked for, also where the allowlist closed the request, and connects to them when the site is visited again. So a script can send as much as fits into a name, such as `secret.attacker.example`, and nothing else. It does not happen where a user has switched off that pages are preloaded.

Any connection counts, also one without a request, since its port and its time tell something. Chromium opens one for a frame and for a form before it asks the CSP, and then sends nothing. Its prediction is switched on here, as in Chrome, though Debian switches it off. Whether a name was looked up is read in Chromium's log, and not measured in the other engines. A click is a user's. Not measured: what a page can tell without a connection, such as by the time that it takes, and programs that a user starts by a link such as `mailto:`."""


PARTS = {
    "Where they differ": "",
    "Behaviours": "These are the results at the level `strict`. A number such as 403 is the status of the site's answer.",
    "Attacks": "These are the attacks of `tests/views/browser/test_attacks.py`, on a page that shows other people's text as markup. “works” means that the attack succeeds.",
    "Features": "This is what a page and its own scripts may do. `innerHTML` stops at `paranoid` by Trusted Types, in all three engines. `import()` stops there, since the page has no hash of the module (`Integrity-Policy`); with an import map it works.",
    "Ways out": WAYS_OUT,
}


# The kinds of cells whose tables have a column for each engine.
BY_ENGINE = {"Behaviours": BEHAVIOUR, "Ways out": WAY_OUT}


def page(cells: Cells, versions: dict[str, str]) -> str:
    """Return the whole page."""
    rows = {cell.row: cell.kind for cell in cells}
    lines = INTRODUCTION.format(
        versions="\n".join(f"| {engine} | {version} |" for engine, version in versions.items())
    )
    differing = [row for row in rows if rows[row] != WAY_OUT and differs(cells, row)]
    parts = {
        "Where they differ": by_engine(cells, differing),
        "Behaviours": by_engine(cells, [row for row in rows if rows[row] == BEHAVIOUR]),
        "Attacks": by_level(cells, [row for row in rows if rows[row] == ATTACK]),
        "Features": by_level(cells, [row for row in rows if rows[row] == FEATURE]),
        "Ways out": by_engine(cells, [row for row in rows if rows[row] == WAY_OUT]),
    }
    for title, table in parts.items():
        said = f"{PARTS[title]}\n\n" if PARTS[title] else ""
        lines += f"\n## {title}\n\n{said}{table}\n"
    return lines


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


def stated() -> Cells:
    """Return what the page says of each engine."""
    found: Cells = {}
    for part in PAGE.read_text("utf-8").split("\n## ")[1:]:
        title, *lines = part.splitlines()
        rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")]
        if title in BY_ENGINE:
            for row, *texts in rows[2:]:
                found |= {
                    Cell(BY_ENGINE[title], row, engine): text
                    for engine, text in zip(ENGINES, texts, strict=True)
                }
        elif title in ("Attacks", "Features"):
            for row, *texts in rows[2:]:
                for level, text in zip(LEVELS, texts, strict=True):
                    found |= {
                        Cell(title.removesuffix("s"), row, engine, level): of(text, engine)
                        for engine in ENGINES
                    }
    return found


def of(text: str, engine: str) -> str:
    """Return what a cell says of one engine: all of it, unless it names them."""
    reported = dict(part.split(": ") for part in text.split("; ") if ": " in part)
    return reported.get(engine, text)


def versions() -> dict[str, str]:
    return dict(VERSION.findall(PAGE.read_text("utf-8")))


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
        PAGE.write_text(page(measure(Path(folder)), measuring.versions()), "utf-8", newline="\n")
