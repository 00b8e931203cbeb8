"""An advisory rehearsed: many renders, edited at random places, take the release that fixes it.

`make test-weekly` runs one; REHEARSAL=40 in the environment runs forty. `-s` shows the table.
"""

from __future__ import annotations

import ast
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random

import pytest

import support
from render.owner_edits import ROUNDS, shown_by_a_portal
from updates import releases

# What the release replaces: a line of the core, and one in each of two files of `app/`.
FIX = {
    "secure_flask/auth/logins.py": ("token_urlsafe(32)", "token_urlsafe(48)"),
    "app/login.py": ("Length(max=MAX_USERNAME)", "Length(1, MAX_USERNAME)"),
    "app/pages.py": ("latest_csp_violations(5)", "latest_csp_violations(4)"),
}
VIEW = '@blueprint.get("/view-{0}")\n@public\ndef view_{0}() -> str:\n    return "{0}"\n\n\n'
# Files before and after an update, and seconds.
COLUMNS = ("edited", "core", "around", "conflicts", "update", "cruft", "suite")
Row = tuple[float, ...]


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
    print("\n" + "".join(f"{name:>10}" for name in COLUMNS))
    for row in (*rows, [sum(column) for column in zip(*rows, strict=True)]):
        print("".join(f"{value:10.4g}" for value in row))


@pytest.mark.weekly
@pytest.mark.slow
@pytest.mark.parametrize("number", range(int(os.environ.get("REHEARSAL", "1"))))
def test_an_edited_project_takes_the_fix_keeps_its_edits_and_stays_green(
    number: int, template: releases.Repository, table: list[Row], tmp_path: Path
) -> None:
    chance = Random(number)  # noqa: S311 (the same projects at each run)
    project = create(template, chance, tmp_path)
    rendered = lines(project)
    edit(project, chance)
    support.commit(project)
    edited = lines(project)
    differing = sum(rendered.get(name) != edited.get(name) for name in rendered | edited)

    update = clock(partial(releases.update, project, template))
    core = len(changed(project))
    support.commit(project)
    how = ("-m", "cruft", "update", "--skip-apply-ask", "--checkout", "v0.1.1")
    cruft = clock(partial(support.python, *how, cwd=project))
    around, conflicts = len(changed(project)), changed(project, "--diff-filter=U")
    for name in conflicts:
        support.run("git", "checkout", "--ours", "--", name, cwd=project)
    suite = clock(partial(support.own_tests, project))
    table.append((differing, core, around, len(conflicts), update, cruft, suite))

    took = [name for name, (_, new) in FIX.items() if new in (project / name).read_text("utf-8")]
    assert took == [name for name in FIX if name not in conflicts]
    now = lines(project)
    lost = {name: edited[name] - rendered.get(name, set()) - now[name] for name in edited}
    assert [name for name in lost if lost[name]] == []
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
    for _ in range(chance.randint(3, 9)):
        chance.choice([comment, comment_of_page, view])(project, chance)


def comment(project: Path, chance: Random) -> None:
    file = chance.choice(sorted(project.glob("app/*.py")))
    nodes = ast.walk(ast.parse(file.read_text("utf-8")))
    places = sorted({node.lineno - 1 for node in nodes if isinstance(node, ast.stmt)})
    insert(file, chance.choice(places), f"# Ours since {chance.random()}\n")


def comment_of_page(project: Path, chance: Random) -> None:
    file = chance.choice(sorted(project.glob("app/templates/*.html")))
    # Between others it could stand inside a tag of Jinja.
    if places := places_of(file, r" *<(?:p|h1|h2|section|div|ul|button|main)\b"):
        insert(file, chance.choice(places), f"{{# Ours since {chance.random()} #}}\n")


def view(project: Path, chance: Random) -> None:
    """Put a view before one of those that are there."""
    file = project / "app" / chance.choice(["account.py", "login.py", "pages.py"])
    insert(file, chance.choice(places_of(file, "@blueprint")), VIEW.format(chance.getrandbits(32)))


def places_of(file: Path, pattern: str) -> list[int]:
    text = file.read_text("utf-8").splitlines()
    return [number for number, line in enumerate(text) if re.match(pattern, line)]


def insert(file: Path, at: int, new: str) -> None:
    """Put lines before another, and indent them as that is."""
    text = file.read_text("utf-8").splitlines(keepends=True)
    text.insert(at, " " * (len(text[at]) - len(text[at].lstrip())) + new)
    file.write_text("".join(text), "utf-8")


def changed(project: Path, what: str = "HEAD") -> list[str]:
    """Return the files that differ from the last commit, or those that `what` selects."""
    return sorted({*support.run("git", "diff", "--name-only", what, cwd=project).split()})


def lines(project: Path) -> dict[str, set[str]]:
    """Return the lines of each file of `app/`."""
    files = filter(Path.is_file, project.glob("app/**/*"))
    return {
        file.relative_to(project).as_posix(): {*file.read_text("utf-8").splitlines()}
        for file in files
    }


def clock(command: Callable[[], object]) -> float:
    start = time.monotonic()
    command()
    return time.monotonic() - start
