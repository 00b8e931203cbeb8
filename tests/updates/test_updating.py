"""docs/update.md: the made-up fix reaches each project by a pull request, as the page shows."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

import following
import support
from updates import releases

pytestmark = [pytest.mark.weekly, pytest.mark.slow]

PAGE = support.PAGES / "update.md"
TEXT = PAGE.read_text("utf-8")
FIXED = "secure_flask/auth/logins.py"
[(FAULTY, FIX)] = re.findall(r"^-(    .+)\n\+(    .+)", TEXT, re.MULTILINE)
[NOTE] = re.findall(r"^```markdown\n## .*\n\n- (.+)", TEXT, re.MULTILINE)
[PRINTED] = re.findall(r"^\$ \S+ secure_flask/update\.py\n(.+?)^```", TEXT, re.M | re.DOTALL)
[REFUSED] = re.findall(r"^```text\n(secure_flask/ .+?)^```", TEXT, re.MULTILINE | re.DOTALL)
PROGRAMS = {
    "gh": 'echo "gh $*"',
    # The address of pyproject.toml would have to be one of https.
    "python3": f'exec {sys.executable} -B "$@" --from="$TEMPLATE"',
}


@pytest.fixture
def template(tmp_path: Path) -> releases.Repository:
    """The template whose first release has the fault, and whose second one has today's code."""
    fixed = (support.FOLDER / FIXED).read_text("utf-8")
    assert FIX in fixed
    repository = releases.first_release(
        tmp_path / "releases", changes={FIXED: fixed.replace(FIX, FAULTY)}
    )
    releases.release(repository, "0.1.1", {FIXED: fixed}, NOTE)
    return repository


@pytest.fixture
def clones(template: releases.Repository, tmp_path: Path) -> Path:
    """Clones of three projects, the last one with an edit in the core."""
    project = releases.render_tag(template.path, "v0.1.0", tmp_path / "made")
    support.init_git(project)
    folder = tmp_path / "clones"
    folder.mkdir()
    for name in ("first", "second", "third"):
        if name == "third":
            (project / FIXED).write_text("# Ours.\n", "utf-8")
            support.commit(project)
        support.run("git", "clone", "--quiet", "--bare", project, tmp_path / name, cwd=folder)
        support.run("git", "clone", "--quiet", tmp_path / name, cwd=folder)
    return folder


def test_forty_projects_get_a_pull_request_and_an_edited_one_is_named(
    clones: Path, template: releases.Repository, tmp_path: Path
) -> None:
    commands = following.commands(PAGE)
    log = with_programs(clones, commands, tmp_path, TEMPLATE=str(template.path))
    assert log.count("gh pr create --fill") == 2
    assert REFUSED in log
    updated = [tmp_path / "first", tmp_path / "second"]
    fixed = [pushed(each, f"update-secure-flask:{FIXED}") for each in updated]
    assert [text for text in fixed if FIX not in text] == []
    messages = [pushed(each, "update-secure-flask") for each in updated]
    assert [text for text in messages if PRINTED.strip() not in text] == []
    # One id for the whole core: whether two projects have the same.
    [command] = re.findall(r"`git (rev-parse HEAD:\S+)`", TEXT)
    same, again, edited = (
        support.run("git", *command.split(), cwd=clones / name)
        for name in ("first", "second", "third")
    )
    assert same == again != edited
    assert "update-secure-flask" not in support.run("git", "branch", cwd=tmp_path / "third")


def with_programs(folder: Path, commands: str, programs: Path, **variables: str) -> str:
    for name, line in PROGRAMS.items():
        file = programs / "bin" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"#!/bin/sh\n{line}\n", "utf-8")
        file.chmod(0o755)
    path = f"{programs / 'bin'}{os.pathsep}{os.environ['PATH']}"
    names = dict.fromkeys(("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"), "Someone")
    email = {"EMAIL": "someone@example.com"}
    return support.run("bash", "-c", commands, cwd=folder, PATH=path, **names, **email, **variables)


def pushed(bare: Path, what: str) -> str:
    return support.run("git", "show", "--no-patch", "--format=%B", what, cwd=bare)
