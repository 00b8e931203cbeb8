"""A project takes over a newer template, or another answer, and keeps its owner's edits."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import pytest

import support
from answers.replaying import replay

EDIT = "\n# An edit of the project's owner.\n"
NEWS = "\n# News of a newer template.\n"
EVERYTHING_ANSWERED = [
    'project_name=Zoë\'s "Service" 🚀',
    "description=Back\\slash, # hash and: colon",
    "security_contact=https://example.com/security",
    "csp=relaxed",
    "csp_sources=https://cdn.example.com, https://fonts.example.com",
    "framing=allowlist",
    "frame_ancestors=https://partner.example.com",
    "cors_origins=https://app.example.com",
]
# The page shows it over several lines.
LINK = re.compile(r"^ *(?:\$ )?uvx (cruft link (?:.*\\\n)*.*)$", re.MULTILINE)
REPOSITORY = re.compile(r"https://github\.com/[^/]+/cookiecutter-secure-flask\S*|<template>")
# A line of the policy that each level words differently, and an owner's own.
LEVEL = "CSP = csp_levels.RELAXED"
OWN_LEVEL = f"{LEVEL}  # for the old forum"
# update.py replaces the first, and puts the migrations of the core behind the owner's.
SKIPPED = ("secure_flask/health.py", "migrations/versions/0001_users_and_logins.py")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the template into a repository, with a release."""
    repository = support.copy_template(tmp_path_factory.mktemp("template") / "template")
    support.init_git(repository)
    support.run("git", "tag", f"v{support.SETTINGS['_version']}", cwd=repository)
    return repository


@pytest.fixture(scope="module")
def created(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a project by `cruft create`, before there is a newer template."""
    out = tmp_path_factory.mktemp("created")
    cruft("create", str(template), "--no-input", "--output-dir", str(out), cwd=out)
    return out / "my-service"


@pytest.fixture(scope="module")
def newer(template: Path, created: Path) -> Path:
    for name in ("app/api.py", *SKIPPED):
        append(template / support.FOLDER.name / name, NEWS)
    support.commit(template)
    return template


@pytest.fixture
def unlinked(newer: Path, tmp_path: Path) -> Path:
    """Make a project by cookiecutter alone, with no default answer."""
    release = ("--checkout", f"v{support.SETTINGS['_version']}", f"git+file://{newer}")
    answers = (*EVERYTHING_ANSWERED, "token_type=jwt")
    project = replay(tmp_path / "plain" / "out", "--no-input", *release, *answers).project
    support.run("git", "init", "--quiet", cwd=project)
    return project


@pytest.mark.slow
def test_a_newer_template_and_another_answer_arrive_and_the_edit_stays(
    newer: Path, created: Path
) -> None:
    append(created / "app" / "pages.py", EDIT)
    support.init_git(created)
    update_answers(created, csp="paranoid")
    assert NEWS in (created / "app" / "api.py").read_text("utf-8")
    assert EDIT in (created / "app" / "pages.py").read_text("utf-8")
    assert "csp_levels.PARANOID" in (created / "app" / "policy.py").read_text("utf-8")
    assert answers(created)["csp"] == "paranoid"
    assert not list(created.rglob("*.rej"))


@pytest.mark.all
@pytest.mark.slow
def test_a_project_is_linked_with_its_own_answers_as_the_page_shows(
    newer: Path, unlinked: Path
) -> None:
    append(unlinked / "app" / "pages.py", EDIT)
    link(unlinked, newer)
    linked = json.loads((unlinked / ".cruft.json").read_text("utf-8"))["context"]["cookiecutter"]
    assert answers(unlinked).items() <= linked.items()
    cruft("update", "--skip-apply-ask", cwd=unlinked)
    assert NEWS in (unlinked / "app" / "api.py").read_text("utf-8")
    assert EDIT in (unlinked / "app" / "pages.py").read_text("utf-8")


@pytest.mark.all
@pytest.mark.slow
def test_an_edit_of_what_changes_is_marked_as_git_marks_it(newer: Path, unlinked: Path) -> None:
    support.commit(unlinked)
    replace(unlinked / "app" / "policy.py", LEVEL, OWN_LEVEL)
    link(unlinked, newer)
    update_answers(unlinked, csp="paranoid")
    merged = (unlinked / "app" / "policy.py").read_text("utf-8")
    [ours] = re.findall(r"^<<<<<<<.*?^=======", merged, re.MULTILINE | re.DOTALL)
    assert OWN_LEVEL in ours
    assert not list(unlinked.rglob("*.rej"))


@pytest.mark.all
@pytest.mark.slow
def test_the_core_and_migrations_are_left_to_the_core_s_own_update(
    newer: Path, unlinked: Path
) -> None:
    link(unlinked, newer)
    cruft("update", "--skip-apply-ask", cwd=unlinked)
    assert NEWS in (unlinked / "app" / "api.py").read_text("utf-8")
    assert [name for name in SKIPPED if NEWS in (unlinked / name).read_text("utf-8")] == []
    # They differ from what cruft knows as the newest, and it does not mind.
    append(unlinked / "app" / "pages.py", EDIT)
    shown = support.python("-m", "cruft", "diff", cwd=unlinked)
    assert re.findall(r"^\+{3} [^/]+/(.+)$", shown, re.MULTILINE) == ["app/pages.py"]


@pytest.mark.all
def test_where_git_never_saw_the_render_the_rest_is_in_a_rej_file(
    newer: Path, unlinked: Path
) -> None:
    replace(unlinked / "app" / "policy.py", LEVEL, OWN_LEVEL)
    link(unlinked, newer)
    update_answers(unlinked, csp="paranoid")
    assert OWN_LEVEL in (unlinked / "app" / "policy.py").read_text("utf-8")
    rejected = (unlinked / "app" / "policy.py.rej").read_text("utf-8")
    assert "+CSP = csp_levels.PARANOID" in rejected


def test_replaying_the_answers_renders_the_same_project(tmp_path: Path) -> None:
    given = (*EVERYTHING_ANSWERED, "token_type=jwt")
    template = str(support.TEMPLATE)
    first = replay(tmp_path / "first" / "out", "--no-input", template, *given).project
    same = ("--replay-file", str(first / ".cookiecutter.json"))
    second = replay(tmp_path / "second" / "out", *same, template).project
    assert support.contents(second) == support.contents(first)


def test_rendering_over_a_project_keeps_the_owners_own_files(tmp_path: Path) -> None:
    out = tmp_path / "out"
    project = replay(out, "--no-input", str(support.TEMPLATE)).project
    folders = [project, *(path for path in project.rglob("*") if path.is_dir())]
    for folder in folders:
        (folder / "own.txt").write_text("Mine.", "utf-8")
    again = ("--no-input", "--overwrite-if-exists", str(support.TEMPLATE))
    assert replay(out, *again).project == project
    assert not [folder for folder in folders if not (folder / "own.txt").exists()]


def link(project: Path, template: Path) -> None:
    """Run the command that the page shows; commit what it writes, and all that is uncommitted."""
    [shown] = LINK.findall((support.PAGES / "update.md").read_text("utf-8"))
    command = REPOSITORY.sub(str(template), shown).replace(
        "<version>", support.SETTINGS["_version"]
    )
    scripts = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    support.run("sh", "-c", command, cwd=project, PATH=scripts)
    support.commit(project)


def cruft(*arguments: str, cwd: Path) -> None:
    support.python("-m", "cruft", *arguments, cwd=cwd)


def update_answers(project: Path, **changed: str) -> str:
    answer = json.dumps(changed)
    # Git tells of conflicts in the language of its user.
    english = {"LC_ALL": "C.UTF-8"}
    how = ("update", "--skip-apply-ask", "--variables-to-update", answer)
    return support.python("-m", "cruft", *how, cwd=project, **english)


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), "utf-8")


def append(file: Path, text: str) -> None:
    file.write_text(file.read_text("utf-8") + text, "utf-8")


def answers(project: Path) -> dict[str, str]:
    replay = json.loads((project / ".cookiecutter.json").read_text("utf-8"))
    given: dict[str, str] = replay["cookiecutter"]
    return given
