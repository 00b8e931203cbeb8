"""Evidence by OWASP ASVS 5.0.0: `python -m tests.asvs` writes docs/asvs.md.

A test that would fail if a requirement were broken carries `@pytest.mark.asvs("3.4.3")`.
docs/asvs.toml says in our own words what each requirement asks, and what meets it where
no test does. The marks are read off the source: nothing has to run for the table.
"""

import ast
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent
DATA, TABLE = ROOT / "docs" / "asvs.toml", ROOT / "docs" / "asvs.md"

# What a row may say, and how the table puts it; without any of them tests show it all.
ANSWERS = {
    "part": "In part. ",
    "setting": "",
    "yours": "**Yours to do.** ",
    "none": "Does not apply: ",
}

INTRODUCTION = """\
# Evidence by OWASP ASVS 5.0.0

Each requirement of levels 1 and 2 in twelve chapters of the [OWASP Application Security Verification Standard 5.0.0](https://owasp.org/www-project-application-security-verification-standard/), in our own words, and what meets it here: tests that would fail without it, a setting, or work of yours. Of level 3 only what tests show is listed. The exact text counts, and it is the standard's. Tests below `tests/browser` run by `make browser-test`, all others by `make test`; `.venv/bin/python -m pytest -m asvs` runs those named here alone.

`make asvs` writes this file from the marks on the tests and from [asvs.toml](asvs.toml): edit those.
"""


class Mark(NamedTuple):
    """One requirement that one test shows."""

    requirement: str
    file: str
    test: str


def requirements() -> dict[str, dict[str, Any]]:
    """The rows of asvs.toml by number, in the standard's order."""
    data = tomllib.loads(DATA.read_text("utf-8"))
    rows = data["requirements"]
    for number, answer in data["answers"].items():
        # A row of level 3 stands with the answer that meets it.
        rows[number] = rows.get(number, {}) | answer
    return dict(sorted(rows.items(), key=lambda row: [int(part) for part in row[0].split(".")]))


@cache
def marks() -> list[Mark]:
    return [
        Mark(requirement, file.relative_to(ROOT).as_posix(), function.name)
        for file in sorted(ROOT.glob("tests/**/test_*.py"))
        for function in ast.parse(file.read_text("utf-8")).body
        if isinstance(function, ast.FunctionDef)
        for requirement in _named_by(function)
    ]


def _named_by(function: ast.FunctionDef) -> Iterator[str]:
    for decorator in function.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.asvs":
            yield from map(ast.literal_eval, decorator.args)


def table() -> str:
    """The whole of asvs.md."""
    shown: dict[str, list[Mark]] = {}
    for mark in marks():
        shown.setdefault(mark.requirement, []).append(mark)
    lines, rows = [INTRODUCTION, *_summary()], requirements()
    for number, title in tomllib.loads(DATA.read_text("utf-8"))["chapters"].items():
        lines += ["", f"## V{number} {title}", ""]
        lines += ["| id | level | what it asks | what meets it |", "|---|---|---|---|"]
        lines += [
            f"| {each} | {row['level']} | {row['asks']} | {_met(row, shown.get(each, []))} |"
            for each, row in rows.items()
            if each.startswith(f"{number}.")
        ]
    return "\n".join([*lines, ""])


def problems() -> Iterator[str]:
    """What is wrong with the marks and the rows, a sentence each."""
    rows, listed = requirements(), marks()
    shown = {mark.requirement for mark in listed}
    for mark in sorted({mark for mark in listed if mark.requirement not in rows}):
        yield f"{mark.file}: {mark.test} names {mark.requirement}, which asvs.toml does not list."
    for mark in sorted({mark for mark in listed if not mark.test.startswith("test_")}):
        yield f"{mark.file}: {mark.test} has a mark and is no test."
    for mark in sorted({mark for mark in listed if listed.count(mark) > 1}):
        yield f"{mark.file}: {mark.test} names {mark.requirement} twice."
    for number, row in rows.items():
        if (number in shown) != (kind(row) in ("test", "part")):
            yield f"asvs.toml: {number} and the tests disagree on whether a test shows it."
        if len(row.keys() - {"level", "asks"}) > 1 or row.keys() - {
            "level",
            "asks",
            "note",
            *ANSWERS,
        }:
            yield f"asvs.toml: {number} gives more than one answer, or one of an unknown kind."


def kind(row: dict[str, Any]) -> str:
    """How a requirement is met: `test`, or one of ANSWERS."""
    return next((answer for answer in ANSWERS if answer in row), "test")


def counts() -> dict[str, list[int]]:
    """For each kind, how many requirements of levels 1 and 2."""
    found = [(kind(row), row["level"]) for row in requirements().values()]
    return {each: [found.count((each, level)) for level in (1, 2)] for each in ("test", *ANSWERS)}


def _summary() -> list[str]:
    names = ("shown by tests", "shown in part", "by a setting", "yours to do", "does not apply")
    totals = zip(names, counts().values(), strict=True)
    rows = [f"| {name} | {one} | {two} | {one + two} |" for name, (one, two) in totals]
    return ["| | level 1 | level 2 | both |", "|---|---|---|---|", *rows]


def _met(row: dict[str, Any], shown: list[Mark]) -> str:
    links = ", ".join(f"[{mark.test}](../{mark.file})" for mark in shown)
    answer = kind(row)
    words = ANSWERS.get(answer, "") + row.get(answer, row.get("note", ""))
    return ". ".join(filter(None, [links, words])) if links else words


if __name__ == "__main__":
    if found := "\n".join(problems()):
        sys.exit(found)
    TABLE.write_text(table(), "utf-8", newline="\n")
