"""An advisory rehearsed: many renders, edited at random places, take the release that fixes it.

`make test-all` runs three; REHEARSAL=40 in the environment runs forty. `-s` shows the table.
"""

from __future__ import annotations

import ast
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

import releases
import support
from owner_edits import ROUNDS, shown_by_a_portal

# What the release replaces: a line of the core, and one in each of two files of `app/`.
FIX = {
    "secure_flask/auth/logins.py": ("token_urlsafe(32)", "token_urlsafe(48)"),
    "app/login.py": ("Length(max=MAX_USERNAME)", "Length(1, MAX_USERNAME)"),
    "app/pages.py": ("latest_violations(5)", "latest_violations(4)"),
}
VIEW = '@blueprint.get("/view-{0}")\n@public\ndef view_{0}() -> str:\n    return "{0}"\n\n\n'
# A comment, and the lines of a file before which it may stand.
COMMENTS = {
    ".css": ("/* {} */", r"[.\w].*\{$"),
    ".html": ("{{# {} #}}", r" *<(?:p|h1|h2|section|div|ul|button|main)\b"),
    ".py": ("# {}", ""),
}


class Row(NamedTuple):
    """What an update did to one project: files, and seconds."""

    edited: int
    core: int
    around: int
    conflicts: int
    update: float
    cruft: float
    suite: float


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> releases.Repository:
    """The template with the release that all projects have, and the one with the fix."""
    repository = releases.first_release(tmp_path_factory.mktemp("rehearsal"))
    for name, (old, new) in FIX.items():
        releases.substitute(repository.path / releases.PROJECT / name, re.escape(old), new)
    releases.release(repository, "0.1.1", {}, "Advisory: update today.")
    return repository


@pytest.fixture(scope="module")
def table() -> Iterator[list[Row]]:
    rows: list[Row] = []
    yield rows
    print("\n" + "".join(f"{name:>10}" for name in Row._fields))
    for row in (*rows, [sum(column) for column in zip(*rows, strict=True)]):
        print("".join(f"{value:10.4g}" for value in row))


@pytest.mark.all
@pytest.mark.slow
@pytest.mark.parametrize("number", range(int(os.environ.get("REHEARSAL", "3"))))
def test_an_edited_project_takes_the_fix_keeps_its_edits_and_stays_green(
    number: int, template: releases.Repository, table: list[Row], tmp_path: Path
) -> None:
    chance = Random(number)  # noqa: S311 (the same projects at each run)
    project = create(template, chance, tmp_path)
    rendered = lines(project)
    edit(project, chance)
    support.commit(project)
    edited = lines(project)

    update = clock(lambda: releases.update(project, template))
    core = len(changed(project))
    support.commit(project)
    cruft = clock(lambda: cruft_update(project))
    around, conflicts = len(changed(project)), changed(project, "--diff-filter=U")
    for name in conflicts:
        support.run("git", "checkout", "--ours", "--", name, cwd=project)
    suite = clock(lambda: support.own_tests(project))
    differing = sum(rendered.get(name) != edited.get(name) for name in rendered | edited)
    table.append(Row(differing, core, around, len(conflicts), update, cruft, suite))

    for name, (_, new) in FIX.items():
        assert (new in (project / name).read_text("utf-8")) == (name not in conflicts), name
    now = lines(project)
    for name, text in edited.items():
        assert text - rendered.get(name, set()) <= now[name], name
    assert not list(project.rglob("*.rej"))


def create(template: releases.Repository, chance: Random, folder: Path) -> Path:
    """Make a project of the first release by random answers, and commit it."""
    answers = json.dumps(chance.choice(support.EVERY) | {"project_slug": "my-service"})
    how = ("--no-input", "--checkout", "v0.1.0", "--extra-context", answers)
    support.python("-m", "cruft", "create", template.path, *how, cwd=folder)
    support.init_git(folder / "my-service")
    return folder / "my-service"


def edit(project: Path, chance: Random) -> None:
    """Make some edits of a round of owner_edits, and comments and views at random places."""
    for each in chance.choice(list(ROUNDS.values())):
        # The last needs one of the answers.
        if chance.random() < 0.3 and not each.states and each.change != shown_by_a_portal:
            each.change(project)
    for _ in range(chance.randint(3, 8)):
        chance.choice([comment, comment, view])(project, chance)


def comment(project: Path, chance: Random) -> None:
    file = project / chance.choice(sorted(lines(project)))
    mark, before = COMMENTS[file.suffix]
    text = file.read_text("utf-8").splitlines(keepends=True)
    places = [number for number, line in enumerate(text) if re.match(before, line)]
    if file.suffix == ".py":
        nodes = ast.walk(ast.parse("".join(text)))
        places = sorted({node.lineno - 1 for node in nodes if isinstance(node, ast.stmt)})
    if places:
        at = chance.choice(places)
        indent = " " * (len(text[at]) - len(text[at].lstrip()))
        text.insert(at, f"{indent}{mark.format(f'Ours since {chance.random()}')}\n")
        file.write_text("".join(text), "utf-8")


def view(project: Path, chance: Random) -> None:
    """Put a view before one of those that are there."""
    file = project / "app" / chance.choice(["account.py", "login.py", "pages.py"])
    text = file.read_text("utf-8")
    at = chance.choice([found.start() for found in re.finditer(r"(?m)^@blueprint", text)])
    file.write_text(text[:at] + VIEW.format(chance.randrange(10**6)) + text[at:], "utf-8")


def cruft_update(project: Path) -> None:
    how = ("--skip-apply-ask", "--checkout", "v0.1.1")
    support.python("-m", "cruft", "update", *how, cwd=project)


def changed(project: Path, what: str = "HEAD") -> list[str]:
    """Return the files that differ from the last commit, or those that `what` selects."""
    return sorted({*support.run("git", "diff", "--name-only", what, cwd=project).split()})


def lines(project: Path) -> dict[str, set[str]]:
    """Return the lines of each file of `app/` that may be edited."""
    files = [file for file in project.glob("app/**/*.*") if file.suffix in COMMENTS]
    return {
        str(file.relative_to(project)): {*file.read_text("utf-8").split("\n")} for file in files
    }


def clock(command: Callable[[], object]) -> float:
    start = time.monotonic()
    command()
    return time.monotonic() - start
