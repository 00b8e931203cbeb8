"""How messages name a command, so that a reader can type it."""

import os
import sys
from pathlib import Path

import pytest
from secure_flask.programs import program


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose environment has flask alone, where the PATH has another flask, and uv."""
    for folder in (tmp_path / ".venv" / "bin", tmp_path / "system"):
        folder.mkdir(parents=True)
        for name in ("flask", "flask.exe"):
            (folder / name).touch(0o755)
    (tmp_path / "system" / "uv").touch(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / ".venv" / "bin" / "python"))
    monkeypatch.setenv("PATH", str(tmp_path / "system"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_at_a_desk_it_is_the_one_of_this_environment(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path(".venv", "bin", "flask")
    assert program("flask") == str(path)
    (project / "app").mkdir()
    monkeypatch.chdir(project / "app")
    assert program("flask") == str(project / path)


def test_on_the_path_its_name_is_enough(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = (project / ".venv" / "bin", project / "system")
    monkeypatch.setenv("PATH", os.pathsep.join(map(str, folders)))
    assert program("flask") == "flask"


def test_what_is_not_installed_has_its_name(project: Path) -> None:
    assert program("uv") == "uv"
