"""`.env` in development: a missing secret is added, and what is in the file stays."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from secure_flask.settings import Settings, SettingsError, names_in_file
from secure_flask.settings.__main__ import main

import support
from core.conftest import SECRETS

MISSING = "BLIND_INDEX_KEYS"
REST = [f"{name.upper()}={value}" for name, value in SECRETS.items() if name.upper() != MISSING]
VALUE = SECRETS[MISSING.lower()]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A .env that lacks one secret."""
    (tmp_path / ".env").write_text("\n".join(["APP_ENV=development", *REST, ""]))
    monkeypatch.setitem(Settings.model_config, "env_file", tmp_path / ".env")
    return tmp_path / ".env"


@pytest.mark.parametrize("before", ["# mine\n\nexport A='x y' # why\n", "A=1\r\nB=2", "A=\u00e9\n"])
def test_the_rest_stays_byte_for_byte(file: Path, before: str) -> None:
    file.write_bytes(before.encode())
    main(file)
    written = file.read_bytes().decode()
    added = written.removeprefix(before).strip().split("\n")
    assert written.startswith(before)
    assert [line.partition("=")[0].lower() for line in added] == [*SECRETS]
    assert {name.upper() for name in SECRETS} < names_in_file(file)


def test_a_missing_or_empty_secret_is_added_and_named(
    file: Path, capsys: pytest.CaptureFixture[str], subtests: pytest.Subtests
) -> None:
    rest = file.read_text()
    empty = (f"{MISSING}=", f'export {MISSING} = ""', f"{MISSING}=  # later", f"#{MISSING}=x")
    for line in ("", *empty):
        with subtests.test(line=line):
            file.write_text(f"{line}\n{rest}")
            main(file)
            assert capsys.readouterr().out == f"Added to .env: {MISSING}\n"
            assert Settings.load().app_env == "development"


def test_a_file_that_lacks_nothing_is_not_touched(file: Path, subtests: pytest.Subtests) -> None:
    rest = file.read_text()
    for line in ("{}={}", "export {} = '{}'", '{}="{}"  # mine'):
        with subtests.test(line=line):
            file.write_text(rest + line.format(MISSING.lower(), VALUE))
            before = file.read_bytes(), file.stat().st_mtime_ns
            main(file)
            assert (file.read_bytes(), file.stat().st_mtime_ns) == before


def test_a_new_file_is_for_development_in_the_project_and_for_production_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "etc").mkdir()
    monkeypatch.setattr("secure_flask.settings.__main__.ENV_FILE", tmp_path / ".env")
    others = [tmp_path / name for name in ("etc/.env", "app.env")]
    for new in (tmp_path / ".env", *others):
        main(new)
    assert "APP_ENV=development" in (tmp_path / ".env").read_text()
    secrets = {name.upper() for name in SECRETS}
    assert [names_in_file(other) for other in others] == [secrets, secrets]


def test_a_file_without_app_env_stays_production(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(file.read_text().replace("APP_ENV=development", "APP_ENV="))
    main(file)
    assert "It sets no APP_ENV, which means production" in capsys.readouterr().out
    assert "APP_ENV=development" not in file.read_text()


@pytest.mark.parametrize(
    "line", ["A='leaked", "A 'leaked'", "A: leaked", "A='leaked' b", "A=1\ud800"]
)
def test_a_file_that_cannot_be_read_stops_the_app_and_is_not_repeated(
    file: Path, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    text = f"{line}\n{file.read_text()}".encode(errors="surrogatepass")
    file.write_bytes(text)
    with pytest.raises(SystemExit) as stopped:
        main(file)
    with pytest.raises(SettingsError) as refused:
        Settings.load()
    assert str(refused.value) == stopped.value.code
    assert str(stopped.value.code).startswith(".env cannot be read: make it a file in UTF-8")
    assert "leaked" not in str(stopped.value.code) + capsys.readouterr().err
    assert file.read_bytes() == text


GIT = shutil.which("git")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git repository in which nothing is ignored."""
    support.need(GIT, "git")
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    subprocess.run([str(GIT), "init", "--quiet", tmp_path], check=True)
    return tmp_path


@pytest.mark.parametrize("name", [".env", "deploy/app.env"])
def test_no_secret_is_written_where_git_would_commit_it(repository: Path, name: str) -> None:
    file = repository / name
    file.parent.mkdir(exist_ok=True)
    with pytest.raises(SystemExit) as stopped:
        main(file)
    assert f"git does not ignore {file}" in str(stopped.value.code)
    assert f"Add the line {file.name} to .gitignore" in str(stopped.value.code)
    assert not file.exists()
    (repository / ".gitignore").write_text(f"{file.name}\n")
    main(file)
    assert file.exists()


def test_a_file_that_git_has_already_gets_no_secret(repository: Path) -> None:
    file = repository / ".env"
    file.write_text("A=1\n")
    (repository / ".gitignore").write_text(".env\n")
    subprocess.run([str(GIT), "-C", repository, "add", "--force", ".env"], check=True)
    with pytest.raises(SystemExit, match="git rm --cached"):
        main(file)
    assert file.read_text() == "A=1\n"


def test_without_git_secrets_are_written(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repository))
    main(repository / ".env")
    assert (repository / ".env").exists()
