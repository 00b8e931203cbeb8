"""A project takes over a newer template, or another answer, and keeps its owner's edits."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import pytest

import support

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
AUTHOR = ("-c", "user.name=Someone", "-c", "user.email=someone@example.com")
# The README shows it over several lines.
LINK = re.compile(r"^ *(?:\$ )?(cruft link (?:.*\\\n)*.*)$", re.MULTILINE)
REPOSITORY = re.compile(r"https://github\.com/<org>/\S+|<template>")
# A line of the policy that each level words differently, and an owner's own.
LEVEL = "CSP = csp_levels.RELAXED"
OWN_LEVEL = f"{LEVEL}  # for the old forum"


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """Copy the template into a repository of its own, where the tests may change it."""
    repository = support.copy_template(tmp_path / "template")
    support.run("git", "init", "--quiet", cwd=repository)
    commit(repository)
    return repository


@pytest.fixture
def unlinked(template: Path, tmp_path: Path) -> Path:
    """Make a project by cookiecutter alone, with a release of the template and no default answer."""
    support.run("git", "tag", f"v{support.SETTINGS['_version']}", cwd=template)
    answers = (*EVERYTHING_ANSWERED, "token_type=jwt")
    return cookiecutter("--no-input", str(template), *answers, out=tmp_path / "plain")


@pytest.fixture
def project(template: Path, tmp_path: Path) -> Path:
    """Make a project by `cruft create`; its owner edits a file and commits."""
    (tmp_path / "out").mkdir()
    cruft("create", str(template), "--no-input", "--output-dir", "out", cwd=tmp_path)
    created = tmp_path / "out" / "my-service"
    append(created / "app" / "pages.py", EDIT)
    support.run("git", "init", "--quiet", cwd=created)
    commit(created)
    return created


def test_a_newer_template_arrives_and_the_edit_stays(template: Path, project: Path) -> None:
    append(template / support.FOLDER.name / "app" / "api.py", NEWS)
    commit(template)
    cruft("update", "--skip-apply-ask", cwd=project)
    assert NEWS in (project / "app" / "api.py").read_text("utf-8")
    assert EDIT in (project / "app" / "pages.py").read_text("utf-8")
    assert not list(project.rglob("*.rej"))


def test_a_changed_answer_arrives_and_the_edit_stays(project: Path) -> None:
    update_answers(project, csp="paranoid")
    assert "csp_levels.PARANOID" in (project / "app" / "policy.py").read_text("utf-8")
    assert EDIT in (project / "app" / "pages.py").read_text("utf-8")
    assert answers(project)["csp"] == "paranoid"


def test_both_at_once(template: Path, project: Path) -> None:
    append(template / support.FOLDER.name / "app" / "api.py", NEWS)
    commit(template)
    update_answers(project, framing="sameorigin")
    assert NEWS in (project / "app" / "api.py").read_text("utf-8")
    assert answers(project)["framing"] == "sameorigin"


def test_nothing_to_do_right_after_creating(project: Path) -> None:
    cruft("check", cwd=project)


def test_a_project_is_linked_with_its_own_answers_as_the_readme_shows(
    template: Path, unlinked: Path
) -> None:
    append(unlinked / "app" / "pages.py", EDIT)
    support.run("git", "init", "--quiet", cwd=unlinked)
    append(template / support.FOLDER.name / "app" / "api.py", NEWS)
    commit(template)
    link(unlinked, template)
    linked = json.loads((unlinked / ".cruft.json").read_text("utf-8"))["context"]["cookiecutter"]
    assert answers(unlinked).items() <= linked.items()
    cruft("update", "--skip-apply-ask", cwd=unlinked)
    assert NEWS in (unlinked / "app" / "api.py").read_text("utf-8")
    assert EDIT in (unlinked / "app" / "pages.py").read_text("utf-8")


def test_an_edit_of_what_changes_is_marked_as_git_marks_it(template: Path, unlinked: Path) -> None:
    support.run("git", "init", "--quiet", cwd=unlinked)
    commit(unlinked)
    replace(unlinked / "app" / "policy.py", LEVEL, OWN_LEVEL)
    link(unlinked, template)
    update_answers(unlinked, csp="paranoid")
    merged = (unlinked / "app" / "policy.py").read_text("utf-8")
    [ours] = re.findall(r"^<<<<<<<.*?^=======", merged, re.MULTILINE | re.DOTALL)
    assert OWN_LEVEL in ours
    assert not list(unlinked.rglob("*.rej"))


def test_where_git_never_saw_the_render_the_rest_is_in_a_rej_file(
    template: Path, unlinked: Path
) -> None:
    support.run("git", "init", "--quiet", cwd=unlinked)
    replace(unlinked / "app" / "policy.py", LEVEL, OWN_LEVEL)
    link(unlinked, template)
    update_answers(unlinked, csp="paranoid")
    assert OWN_LEVEL in (unlinked / "app" / "policy.py").read_text("utf-8")
    rejected = (unlinked / "app" / "policy.py.rej").read_text("utf-8")
    assert "+CSP = csp_levels.PARANOID" in rejected


@pytest.mark.parametrize(
    "given",
    [[], EVERYTHING_ANSWERED, ["token_type=paseto"]],
    ids=["defaults", "everything", "signed tokens"],
)
def test_replaying_the_answers_renders_the_same_project(given: list[str], tmp_path: Path) -> None:
    first = cookiecutter("--no-input", str(support.TEMPLATE), *given, out=tmp_path / "first")
    replay = ("--replay-file", str(first / ".cookiecutter.json"))
    second = cookiecutter(*replay, str(support.TEMPLATE), out=tmp_path / "second")
    assert contents(second) == contents(first)


def test_rendering_over_a_project_keeps_the_owners_own_files(tmp_path: Path) -> None:
    project = cookiecutter("--no-input", str(support.TEMPLATE), out=tmp_path)
    folders = [project, *(path for path in project.rglob("*") if path.is_dir())]
    for folder in folders:
        (folder / "own.txt").write_text("Mine.", "utf-8")
    again = ("--no-input", "--overwrite-if-exists", str(support.TEMPLATE))
    assert cookiecutter(*again, out=tmp_path) == project
    assert not [folder for folder in folders if not (folder / "own.txt").exists()]


def cookiecutter(*arguments: str, out: Path) -> Path:
    """Render the template into a folder as a user would."""
    support.python(
        *("-m", "cookiecutter", "--output-dir", str(out), *arguments), cwd=support.TEMPLATE
    )
    return next(out.iterdir())


def link(project: Path, template: Path) -> None:
    """Run the command that the README shows; commit what it writes, and all that is uncommitted."""
    [shown] = LINK.findall((support.TEMPLATE / "README.md").read_text("utf-8"))
    command = REPOSITORY.sub(str(template), shown).replace(
        "<version>", support.SETTINGS["_version"]
    )
    scripts = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    support.run("sh", "-c", command, cwd=project, PATH=scripts)
    commit(project)


def cruft(*arguments: str, cwd: Path) -> None:
    support.python("-m", "cruft", *arguments, cwd=cwd)


def update_answers(project: Path, **changed: str) -> str:
    answer = json.dumps(changed)
    # Git tells of conflicts in the language of its user.
    english = {"LC_ALL": "C.UTF-8"}
    how = ("update", "--skip-apply-ask", "--variables-to-update", answer)
    return support.python("-m", "cruft", *how, cwd=project, **english)


def commit(repository: Path) -> None:
    support.run("git", "add", "--all", cwd=repository)
    support.run("git", *AUTHOR, "commit", "--quiet", "--message", "As it is", cwd=repository)


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


def contents(project: Path) -> dict[str, bytes]:
    return {
        file.relative_to(project).as_posix(): file.read_bytes()
        for file in project.rglob("*")
        if file.is_file()
    }
