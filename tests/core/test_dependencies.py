"""A package that a newer core needs is asked for by its command, before anything else fails."""

import shutil
import sys
from importlib import metadata
from pathlib import Path

from secure_flask import dependencies

import support

FLASK, CLICK = metadata.version("flask"), metadata.version("click")


def test_what_is_missing_or_too_old_is_found() -> None:
    expected: dict[str, list[str]] = {
        **{f"flask>={version}": [] for version in ("3.1", FLASK)},
        f"click>={CLICK}.0": [],
        "flask>=1000": ["flask>=1000"],
        "Flask_SQLAlchemy>=3.1.1": [],
        "psycopg[binary]>=3.2": [],
        "no-such-package>=1": ["no-such-package>=1"],
        "no-such-package>=1 optional": [],
        "flask>=1000 optional": ["flask>=1000"],
    }
    assert {listed: list(dependencies.missing(listed)) for listed in expected} == expected


def test_where_packaging_is_the_one_that_is_missing_it_is_named() -> None:
    code = """
import sys
sys.modules["packaging"] = None
try: import secure_flask
except ImportError as error: print(error)
"""
    said = support.python("-c", code, cwd=support.FOLDER)
    assert "Run: .venv/bin/uv sync\n" in said
    assert said.endswith(": .venv/bin/uv add 'packaging>=25'\n")


def test_without_a_list_nothing_is_compared(tmp_path: Path) -> None:
    dependencies.require(tmp_path / "DEPENDENCIES")


def test_without_any_package_the_app_says_what_to_run() -> None:
    """With -S, Python finds nothing but the standard library."""
    code = "try: import secure_flask\nexcept ImportError as error: print(error)"
    said = support.python("-S", "-c", code, cwd=support.FOLDER)
    assert "Run: .venv/bin/uv sync\n" in said
    assert ": .venv/bin/uv add 'alembic>=" in said


def test_another_python_than_the_projects_is_named_and_the_right_one(tmp_path: Path) -> None:
    """As where somebody types `flask` and gets one that is installed elsewhere."""
    core = tmp_path / "secure_flask"
    core.mkdir()
    for name in ("dependencies.py", "DEPENDENCIES"):
        shutil.copy(support.FOLDER / "secure_flask" / name, core)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    code = "try: import dependencies\nexcept ImportError as error: print(error)"
    said = support.python("-S", "-c", code, cwd=core)
    assert f"{sys.executable} runs this" in said
    assert f"The project has its Python in {tmp_path}/.venv" in said
    assert "Write .venv/bin/flask" in said
    assert "uv sync" not in said
