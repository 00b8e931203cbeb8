"""`.env` in development: a missing secret is added, and what is in the file stays."""

import os
import re
from pathlib import Path

import pytest
from secure_flask.settings import Settings, SettingsError, env_file
from secure_flask.settings.__main__ import CONFIGURATION_ERROR, fresh_secrets, main

from core.conftest import SECRETS
from core.settings.test_settings import from_file

# One secret, and the lines of the others.
MISSING = "BLIND_INDEX_KEYS"
REST = [f"{name.upper()}={value}" for name, value in SECRETS.items() if name.upper() != MISSING]
ADDED, KEPT = f"Added {MISSING} to .env", ".env has every secret already: kept"

CONTENTS = ["# mine\n\nexport A='x y' # why\n", "A=1\r\nB=2\r\n", "\ufeffA=\u00e9\n", "\n"]

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes, and few links")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A .env that lacks one secret."""
    (tmp_path / ".env").write_text("\n".join(["APP_ENV=development", *REST, ""]))
    return tmp_path / ".env"


def complete(path: Path) -> str:
    return env_file.complete(path, fresh_secrets())


def sentence(path: Path) -> str:
    with pytest.raises(env_file.UNUSABLE) as refused:
        complete(path)
    words = env_file.explain(refused.value)
    assert re.fullmatch(r"[^\n]+\.", words)
    return words


def test_a_missing_secret_is_added_and_named(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Whatever the environment holds.
    monkeypatch.setenv(MISSING, SECRETS[MISSING.lower()])
    assert complete(file) == ADDED
    monkeypatch.delenv(MISSING)
    assert from_file(file).app_env == "development"


def test_the_rest_stays_byte_for_byte(tmp_path: Path, subtests: pytest.Subtests) -> None:
    for before in CONTENTS:
        for sent in (before, before.rstrip()):
            with subtests.test(sent):
                (tmp_path / ".env").write_bytes(sent.encode())
                complete(tmp_path / ".env")
                written = (tmp_path / ".env").read_bytes().decode()
                added = written.removeprefix(sent).strip().split("\n")
                assert written.startswith(sent)
                assert [line.partition("=")[0].lower() for line in added] == [*SECRETS]


def test_an_empty_value_is_missing(file: Path) -> None:
    rest = file.read_text()
    for line in (MISSING, f"{MISSING}=", f'export {MISSING} = ""', f"{MISSING}=  # later"):
        file.write_text(f"{line}\n#{MISSING}=x\n{rest}")
        assert complete(file) == ADDED
        assert from_file(file)
        assert complete(file) == KEPT


def test_a_file_that_lacks_nothing_is_not_touched(file: Path) -> None:
    rest = file.read_text()
    for line in ("{}={}", "export {} = '{}'", '{}="{}"  # mine'):
        file.write_text(rest + line.format(MISSING.lower(), SECRETS[MISSING.lower()]))
        before = file.read_bytes(), file.stat()
        assert complete(file) == KEPT
        assert (file.read_bytes(), file.stat()) == before


def test_a_file_without_app_env_stays_production(file: Path) -> None:
    rest = file.read_text()
    for line in ("", "APP_ENV=\n"):
        file.write_text(rest.replace("APP_ENV=development\n", line))
        for done in (ADDED, KEPT):
            assert complete(file).splitlines() == [
                done,
                "It sets no APP_ENV, which means production; for development add APP_ENV=development",
            ]
        assert "APP_ENV=development" not in file.read_text()


@posix
def test_its_mode_stays(file: Path) -> None:
    rest = file.read_text()
    for mode in (0o600, 0o640):
        file.write_text(rest)
        file.chmod(mode)
        complete(file)
        assert file.stat().st_mode & 0o777 == mode


@posix
def test_a_link_stays_one(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "project" / ".env"
    link.parent.mkdir()
    link.symlink_to(file)
    complete(link)
    assert link.is_symlink()
    assert MISSING in file.read_text()


def test_a_full_disk_loses_no_key(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    before = file.read_text()
    monkeypatch.setattr(os, "open", full)
    assert "No space left on device" in sentence(file)
    assert file.read_text() == before


def test_a_file_that_cannot_be_used_is_refused_in_a_sentence(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setitem(Settings.model_config, "env_file", file)
    file.write_text("SECRET_KEY=x", encoding="utf-16")
    assert "not UTF-8" in sentence(file)
    with pytest.raises(SettingsError, match="not UTF-8"):
        Settings.load()
    (tmp_path / "folder").mkdir()
    assert "make it a plain file" in sentence(tmp_path / "folder")
    monkeypatch.setattr(Path, "open", refuse)
    assert "Permission denied" in sentence(file)
    with pytest.raises(SettingsError, match="Permission denied"):
        Settings.load()


def test_a_line_that_cannot_be_read_is_named_and_not_repeated(
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    subtests: pytest.Subtests,
) -> None:
    monkeypatch.setitem(Settings.model_config, "env_file", file)
    rest = file.read_text()
    count = rest.count("\n")
    for line in ("A='leaked", "A 'leaked'", "A: leaked", "A='leaked' b"):
        for text, number in ((f"{line}\n{rest}", 1), (f"{rest}\n# b\r\n\n{line}", count + 3)):
            with subtests.test(text):
                file.write_text(text, newline="")
                words = (
                    f".env: line {number} or the next cannot be read: "
                    "write NAME=value there, and close each quote."
                )
                assert sentence(file) == words
                with pytest.raises(SettingsError) as refused:
                    Settings.load()
                assert str(refused.value) == words
                assert file.read_bytes() == text.encode()
    assert caplog.messages == []


def test_the_command_writes_the_file_and_exits_with_a_sentence_where_it_cannot(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(tmp_path / ".env")
    assert capsys.readouterr().out == "Wrote .env\n"
    (tmp_path / ".env").write_text("A 'leaked")
    with pytest.raises(SystemExit) as stopped:
        main(tmp_path / ".env")
    assert stopped.value.code == CONFIGURATION_ERROR
    shown = capsys.readouterr()
    assert (shown.out, shown.err.count("\n")) == ("", 1)
    assert shown.err.startswith(".env: line 1 or the next cannot be read: ")
    assert "leaked" not in shown.err
