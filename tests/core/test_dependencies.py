"""A package that a newer core needs is asked for by its command, before anything else fails."""

from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest
from secure_flask import dependencies

import support

FLASK = metadata.version("flask")


@pytest.mark.parametrize(
    ("listed", "missing"),
    [
        ("flask>=3.1", []),
        (f"flask>={FLASK}", []),
        (f"flask>={FLASK}.0", []),
        ("flask>=1000", ["flask>=1000"]),
        ("Flask_SQLAlchemy>=3.1.1", []),
        ("psycopg[binary]>=3.2", []),
        ("no-such-package>=1", ["no-such-package>=1"]),
        ("no-such-package>=1 optional", []),
        ("flask>=1000 optional", ["flask>=1000"]),
    ],
)
def test_what_is_missing_or_too_old_is_found(listed: str, missing: list[str]) -> None:
    assert list(dependencies.missing(listed)) == missing


@pytest.mark.parametrize("installed", ["3.2.0rc1", "3.2", "3.2.0.post1", "10.0"])
def test_only_the_numbers_of_a_version_count(
    installed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = SimpleNamespace(read_text=lambda name: f"Name: flask\nVersion: {installed}\n")
    monkeypatch.setattr(dependencies, "distribution", lambda name: packages)
    assert not list(dependencies.missing("flask>=3.2"))
    assert list(dependencies.missing("flask>=11"))


def test_without_a_list_nothing_is_compared(tmp_path: Path) -> None:
    dependencies.require(tmp_path / "DEPENDENCIES")


def test_without_any_package_the_app_says_what_to_run() -> None:
    """With -S, Python finds nothing but the standard library."""
    code = "try: import secure_flask\nexcept ImportError as error: print(error)"
    said = support.python("-S", "-c", code, cwd=support.FOLDER)
    assert "Run: .venv/bin/uv sync\n" in said
    assert ": .venv/bin/uv add 'alembic>=" in said
