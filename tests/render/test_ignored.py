"""What git takes of a project: all that belongs to it, no secret, no data, nothing of a tool's."""

from __future__ import annotations

from pathlib import Path

import pytest

import support
from conftest import NewProject, Rendered

SECRETS = [
    *(".env", ".env.production", ".env.local", "secrets.env", "deploy/prod.env"),
    *("server.key", "privkey.pem", "localhost-key.pem"),
]
DATA = ["instance/photo.jpg", *(f"data/app.{kind}" for kind in ("db", "sqlite", "sqlite3"))]
# What SQLite keeps beside a database that is in use.
DATA += [f"{file}{kind}" for file in DATA[1:] for kind in ("-journal", "-shm", "-wal")]
WANTED = [".env.example", "uv.lock", "deploy/ca.pem", "migrations/versions/0002_envelopes.py"]


@pytest.fixture
def project(new_project: NewProject) -> Path:
    project = new_project()
    support.run("git", "init", "--quiet", cwd=project)
    return project


def add_all(project: Path, everywhere: Path | str = "") -> set[str]:
    """Add what git does not ignore, with a list of what the user ignores everywhere."""
    support.run("git", "-c", f"core.excludesFile={everywhere}", "add", ".", cwd=project)
    return {*support.run("git", "ls-files", cwd=project).splitlines()}


def touch(project: Path, names: list[str]) -> None:
    for name in names:
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).touch()


def test_secrets_and_data_stay_out(project: Path) -> None:
    touch(project, [*SECRETS, *DATA])
    added = add_all(project)
    assert [name for name in (*SECRETS, *DATA) if name in added] == []


def test_all_that_was_rendered_goes_in(project: Path, rendered: Rendered) -> None:
    touch(project, WANTED)
    assert add_all(project) == support.file_names(rendered({})) | {*WANTED}


def test_a_list_of_the_user_for_all_projects_keeps_no_file_of_the_core_out(
    project: Path, rendered: Rendered, tmp_path: Path
) -> None:
    """GitHub's list for Python has MANIFEST, a file of setuptools, and `lib/`."""
    everywhere = tmp_path / "ignored"
    everywhere.write_text("MANIFEST\n*.md\nweb/\n", "utf-8")
    core = {name for name in support.file_names(rendered({})) if name.startswith("secure_flask/")}
    assert core - add_all(project, everywhere) == set()


@pytest.mark.all
def test_nothing_goes_in_that_a_tool_made(ready_project: NewProject, rendered: Rendered) -> None:
    project = ready_project()
    support.run("git", "init", "--quiet", cwd=project)
    for command in (("pytest", "tests/test_encryption.py"), ("ruff", "check")):
        # In the folder, where Python puts them without the settings of these tests.
        support.python("-m", *command, cwd=project, PYTHONPYCACHEPREFIX="")
    assert (project / "app" / "__pycache__").exists()
    assert (project / "instance" / "app.db").exists()
    # The link, unlike the folder, is not ignored by git.
    assert add_all(project) - {".venv"} == support.file_names(rendered({}))
