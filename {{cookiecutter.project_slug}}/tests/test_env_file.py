"""`.env` in development: what it lacks is added, and what is in it stays."""

import os
import re
from pathlib import Path
from typing import Any

import pytest

from app.settings import Settings, SettingsError, write_env_file
from tests.conftest import SECRETS

# A secret of each project, and the rest as a project has it that was made with other answers.
MISSING = "BLIND_INDEX_KEYS"
REST = [f"{name.upper()}={value}" for name, value in SECRETS.items() if name.upper() != MISSING]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A .env that lacks one secret."""
    (tmp_path / ".env").write_text("\n".join(["APP_ENV=development", *REST, ""]))
    return tmp_path / ".env"


def from_file(path: Path) -> Settings:
    arguments: dict[str, Any] = {"_env_file": path}
    return Settings(**arguments)


def test_what_is_missing_is_added_and_named(file: Path) -> None:
    assert write_env_file(file) == f"Added {MISSING} to .env"
    assert from_file(file).app_env == "development"


@pytest.mark.parametrize(
    ("before", "ending"),
    [
        ("# mine\n\nexport A='x y' # why\n", "\n"),
        ("# mine\n", "\n"),
        ("A=1\r\nB=2\r\n", "\r\n"),
        ("\ufeffA=\u00e9\n", "\n"),
        ("A='never closed\n", "\n"),
        ("\n", "\n"),
    ],
)
@pytest.mark.parametrize("cut", [False, True], ids=["whole", "last line without an end"])
def test_the_rest_stays_byte_for_byte(tmp_path: Path, before: str, ending: str, cut: bool) -> None:
    sent = before.removesuffix(ending) if cut else before
    (tmp_path / ".env").write_bytes(sent.encode())
    write_env_file(tmp_path / ".env")
    written = (tmp_path / ".env").read_bytes().decode()
    assert written.startswith(before if sent else "")
    added = written.removeprefix(before if sent else "").split(ending)
    assert [line.partition("=")[0].lower() for line in added] == [*SECRETS, ""]


@pytest.mark.parametrize(
    "line",
    [MISSING, f"{MISSING}=", f'export {MISSING} = ""', f"{MISSING}=  # later", f"#{MISSING}=x"],
)
def test_an_empty_value_is_missing(file: Path, line: str) -> None:
    file.write_text(f"{line}\n{file.read_text()}")
    assert write_env_file(file) == f"Added {MISSING} to .env"
    assert from_file(file)
    assert "kept" in write_env_file(file)


@pytest.mark.parametrize("line", ["{}={}", "export {} = '{}'", '{}="{}"  # mine'])
def test_a_file_that_lacks_nothing_is_not_touched(file: Path, line: str) -> None:
    with file.open("a") as more:
        more.write(line.format(MISSING.lower(), SECRETS[MISSING.lower()]))
    before = file.read_bytes(), file.stat()
    assert write_env_file(file) == ".env has every secret already: kept"
    assert (file.read_bytes(), file.stat()) == before


def test_what_the_environment_holds_changes_nothing(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MISSING, SECRETS[MISSING.lower()])
    assert write_env_file(file) == f"Added {MISSING} to .env"


@pytest.mark.parametrize("line", ["", "APP_ENV=\n"])
def test_a_file_without_app_env_stays_production(file: Path, line: str) -> None:
    file.write_text(file.read_text().replace("APP_ENV=development\n", line))
    for done in (f"Added {MISSING} to .env", ".env has every secret already: kept"):
        said = write_env_file(file).splitlines()
        assert said == [
            done,
            "It sets no APP_ENV, which means production; for development add APP_ENV=development",
        ]
    assert "APP_ENV=development" not in file.read_text()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_its_mode_stays(file: Path, mode: int) -> None:
    file.chmod(mode)
    write_env_file(file)
    assert file.stat().st_mode & 0o777 == mode


@pytest.mark.skipif(os.name == "nt", reason="Windows lets few people make links")
def test_a_link_stays_one(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "project" / ".env"
    link.parent.mkdir()
    link.symlink_to(file)
    write_env_file(link)
    assert link.is_symlink()
    assert MISSING in file.read_text()


def test_it_is_never_half_written(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    before = file.read_text()
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(SettingsError, match="No space left on device"):
        write_env_file(file)
    assert file.read_text() == before
    assert list(file.parent.iterdir()) == [file]


def sentence(path: Path) -> str:
    with pytest.raises(SettingsError) as refused:
        write_env_file(path)
    assert re.fullmatch(r"[^\n]+\.", str(refused.value))
    return str(refused.value)


def test_a_file_that_is_not_utf_8_is_told_of(file: Path) -> None:
    file.write_text("SECRET_KEY=x", encoding="utf-16")
    assert "not UTF-8" in sentence(file)


def test_so_is_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    assert "it is no plain file" in sentence(tmp_path / ".env")


def test_so_is_one_that_nobody_may_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert "Permission denied" in sentence(file)
    monkeypatch.setitem(Settings.model_config, "env_file", file)
    with pytest.raises(SettingsError, match="Permission denied"):
        Settings.load()
