"""A project takes over a newer template, or another answer, and keeps its owner's edits."""

from __future__ import annotations

import json
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


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """Copy the template into a repository of its own, where the tests may change it."""
    repository = support.copy_template(tmp_path / "template")
    support.run("git", "init", "--quiet", cwd=repository)
    commit(repository)
    return repository


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
    answer = json.dumps({"csp": "paranoid"})
    cruft("update", "--skip-apply-ask", "--variables-to-update", answer, cwd=project)
    assert "require-trusted-types-for" in (project / "app" / "policy.py").read_text("utf-8")
    assert EDIT in (project / "app" / "pages.py").read_text("utf-8")
    assert answers(project)["csp"] == "paranoid"


def test_both_at_once(template: Path, project: Path) -> None:
    append(template / support.FOLDER.name / "app" / "api.py", NEWS)
    commit(template)
    answer = json.dumps({"framing": "sameorigin"})
    cruft("update", "--skip-apply-ask", "--variables-to-update", answer, cwd=project)
    assert NEWS in (project / "app" / "api.py").read_text("utf-8")
    assert answers(project)["framing"] == "sameorigin"


def test_nothing_to_do_right_after_creating(project: Path) -> None:
    cruft("check", cwd=project)


@pytest.mark.parametrize("given", [[], EVERYTHING_ANSWERED], ids=["defaults", "everything"])
def test_replaying_the_answers_renders_the_same_project(given: list[str], tmp_path: Path) -> None:
    first = cookiecutter("--no-input", str(support.TEMPLATE), *given, out=tmp_path / "first")
    replay = ("--replay-file", str(first / ".cookiecutter.json"))
    second = cookiecutter(*replay, str(support.TEMPLATE), out=tmp_path / "second")
    assert contents(second) == contents(first)


def cookiecutter(*arguments: str, out: Path) -> Path:
    """Render the template into a folder as a user would."""
    support.python(
        *("-m", "cookiecutter", "--output-dir", str(out), *arguments), cwd=support.TEMPLATE
    )
    return next(out.iterdir())


def cruft(*arguments: str, cwd: Path) -> None:
    support.python("-m", "cruft", *arguments, cwd=cwd)


def commit(repository: Path) -> None:
    support.run("git", "add", "--all", cwd=repository)
    support.run("git", *AUTHOR, "commit", "--quiet", "--message", "As it is", cwd=repository)


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
