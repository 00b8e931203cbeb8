"""What the environment may say, and what it is told when it says something unsafe."""

import os
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app import setting_types
from app.settings import Settings, SettingsError, write_env_file
from tests.conftest import SECRETS

GOOD_SECRET = "Zq7vX2mB9kLw4tRfYh8cNs3dGp6jUe1a"
GOOD = {
    **{name.upper(): secret for name, secret in SECRETS.items()},
    "SECRET_KEY": GOOD_SECRET,
    "TRUSTED_HOSTS": "www.example.org",
}


def load(monkeypatch: pytest.MonkeyPatch, **environment: str) -> Settings:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return Settings.load()


def refusal(monkeypatch: pytest.MonkeyPatch, **environment: str) -> str:
    """The message for an environment that is fine but for these."""
    with pytest.raises(SettingsError) as refused:
        load(monkeypatch, **{**GOOD, **environment})
    return str(refused.value)


def test_what_is_forgotten_is_production(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(monkeypatch, **GOOD)
    assert settings.app_env == "production"
    assert settings.proxy_hops == 0
    assert not settings.csp_report_only


@pytest.mark.asvs("13.3.1")
def test_an_empty_environment_is_told_all_it_lacks() -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.load()
    message = str(refused.value)
    assert "SECRET_KEY: is missing" in message
    assert "TRUSTED_HOSTS: is missing" in message
    assert "python -m app.settings" in message


def test_every_problem_is_in_one_message_and_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    bad = {
        "APP_ENV": "X1leaked",
        "FLASK_DEBUG": "X2leaked",
        "SECRET_KEY": "X3leaked",
        "DATABASE_URL": "mysql://root:X4leaked@host/db",
        "TRUSTED_HOSTS": "*.X5leaked",
        "PROXY_HOPS": "X6leaked",
        "LOGIN_RATE_LIMIT": "X7leaked",
        "LOG_LEVEL": "X8leaked",
    }
    with pytest.raises(SettingsError) as refused:
        load(monkeypatch, **bad)
    shown = "".join(traceback.format_exception(refused.value))
    assert all(f"{name}: " in shown for name in bad)
    assert "leaked" not in shown


@pytest.mark.asvs("11.2.3")
@pytest.mark.parametrize(
    "secret",
    [
        "",
        "short-but-Random-9f3kQ",
        GOOD_SECRET[:31],
        "a" * 64,
        "abcabcabc" * 8,
        "change-me-0123456789-abcdefghijklmnopqrstuv",
        "my-SECRET-key-0123456789-abcdefghijklmnopqr",
    ],
    ids=["none", "short", "one too short", "one letter", "three", "change", "secret"],
)
def test_a_weak_secret_is_refused(monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
    message = refusal(monkeypatch, SECRET_KEY=secret)
    assert "SECRET_KEY: is" in message
    assert "secrets.token_urlsafe" in message


@pytest.mark.parametrize("environment", ["production", "development"])
def test_so_it_is_in_either_environment(monkeypatch: pytest.MonkeyPatch, environment: str) -> None:
    assert "SECRET_KEY" in refusal(monkeypatch, APP_ENV=environment, SECRET_KEY="weak")


@pytest.mark.asvs("13.4.2")
@pytest.mark.parametrize("environment", ["production", "prod", ""])
def test_debug_is_refused_outside_development(
    monkeypatch: pytest.MonkeyPatch, environment: str
) -> None:
    message = refusal(monkeypatch, APP_ENV=environment, FLASK_DEBUG="1")
    assert "FLASK_DEBUG: the debugger runs code for anybody" in message


def test_development_may_debug_and_answers_to_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {**GOOD, "APP_ENV": "development", "TRUSTED_HOSTS": "", "FLASK_DEBUG": "1"}
    settings = load(monkeypatch, **environment)
    assert settings.flask_debug
    assert {"localhost", "127.0.0.1"} <= set(settings.trusted_hosts)


@pytest.mark.parametrize(
    "written", ["a.example,b.example", " a.example  B.example ", "a.example, b.example,"]
)
def test_host_names_stand_between_commas_or_spaces(
    monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    settings = load(monkeypatch, **{**GOOD, "TRUSTED_HOSTS": written})
    assert settings.trusted_hosts == ["a.example", "b.example"]


@pytest.mark.parametrize(
    "written", ["", ",", "*", "*.example", ".example", "https://a.example", "a.example:443", "a@b"]
)
def test_any_other_host_name_is_refused(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    assert "TRUSTED_HOSTS: " in refusal(monkeypatch, TRUSTED_HOSTS=written)


@pytest.mark.parametrize(
    ("written", "used"),
    [
        ("sqlite:///app.db", "sqlite:///app.db"),
        ("postgres://u:p@h/n", "postgresql+psycopg://u:p@h/n"),
        ("postgresql://u:p@h/n", "postgresql+psycopg://u:p@h/n"),
        ("postgresql+psycopg://u:p@h/n", "postgresql+psycopg://u:p@h/n"),
    ],
)
def test_a_database_is_named_as_people_name_it(
    monkeypatch: pytest.MonkeyPatch, written: str, used: str
) -> None:
    settings = load(monkeypatch, **GOOD, DATABASE_URL=written)
    assert settings.for_flask()["DATABASE_URL"] == used


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://h/n"),
        ("DATABASE_URL", "app.db"),
        ("REDIS_URL", "localhost:6379"),
        ("REDIS_URL", "memory://"),
        ("REDIS_URL", "unix:///run/redis.sock"),
        ("REDIS_URL", "redis://["),
        ("REDIS_URL", "redis://localhost?socket_timeout=soon"),
        ("DATABASE_URL", "postgresql://u:p@host:port/name"),
        ("PROXY_HOPS", "-1"),
        ("PROXY_HOPS", "99"),
        ("WEB_CONCURRENCY", "two"),
        ("WEB_CONCURRENCY", "0"),
        ("LOGIN_RATE_LIMIT", "often"),
        ("RATE_LIMIT", "often"),
        ("LOGIN_RATE_LIMIT", "0 per minute"),
        ("LOGIN_RATE_LIMIT", "5 per minute; 100 per hour"),
        ("LOG_LEVEL", "LOUD"),
        ("CSP_REPORT_ONLY", "perhaps"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    assert f"{name}: " in refusal(monkeypatch, **{name: value})


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that `instance` is to be made in."""
    monkeypatch.setattr(setting_types, "INSTANCE", tmp_path / "instance")
    return tmp_path


def missing(folder: Path) -> None:
    folder.rmdir()


def replaced_by_a_file(folder: Path) -> None:
    folder.rmdir()
    folder.touch()


@pytest.mark.parametrize("become", [missing, replaced_by_a_file])
def test_a_folder_that_sqlite_cannot_write_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, become: Callable[[Path], None]
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    url = f"sqlite:///{folder / 'app.db'}"
    load(monkeypatch, **GOOD, DATABASE_URL=url)
    become(folder)
    told = refusal(monkeypatch, DATABASE_URL=url)
    assert f"DATABASE_URL: SQLite cannot write to the folder {folder}: " in told


def test_so_it_is_where_no_address_was_set(monkeypatch: pytest.MonkeyPatch, project: Path) -> None:
    load(monkeypatch, **GOOD)
    (project / "instance").touch()
    assert "DATABASE_URL: SQLite cannot write" in refusal(monkeypatch)


@pytest.mark.parametrize("there", [True, False])
def test_so_it_is_without_the_rights(
    monkeypatch: pytest.MonkeyPatch, project: Path, there: bool
) -> None:
    if there:
        (project / "instance").mkdir()
    # As of a disk that is only read; root may write in any other folder.
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)
    assert "DATABASE_URL: SQLite cannot write" in refusal(monkeypatch)


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:/data/app.db?mode=ro&uri=true"]
)
def test_a_database_that_writes_no_file_needs_no_folder(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert load(monkeypatch, **GOOD, DATABASE_URL=url)


def test_an_empty_value_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    empty = {"DATABASE_URL": "", "REDIS_URL": "", "PROXY_HOPS": "", "LOG_LEVEL": ""}
    assert load(monkeypatch, **GOOD, **empty) == load(monkeypatch, **GOOD)


SHARED = {"REDIS_URL": "redis://r", "DATABASE_URL": "postgresql://u:p@h/n"}


@pytest.mark.parametrize(
    ("workers", "environment"),
    [(1, {}), (8, SHARED), (8, {"APP_ENV": "development"})],
    ids=["one worker", "what they share is outside", "development"],
)
def test_workers_that_agree_start(
    monkeypatch: pytest.MonkeyPatch, workers: int, environment: dict[str, str]
) -> None:
    load(monkeypatch, **{**GOOD, **environment}).check_workers(workers)


@pytest.mark.parametrize("name", SHARED)
def test_workers_that_would_count_apart_do_not(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    settings = load(monkeypatch, **{**GOOD, **SHARED, name: ""})
    with pytest.raises(SettingsError, match=f"2 workers need more settings:\n  {name}: "):
        settings.check_workers(2)


def test_printed_settings_hide_their_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(
        monkeypatch,
        **GOOD,
        DATABASE_URL="postgresql://u:hide-me@h/n",
        REDIS_URL="redis://:hide-me@h",
    )
    assert "hide-me" not in repr(settings)
    assert GOOD_SECRET not in repr(settings)


def test_flask_gets_them_by_upper_case_name(monkeypatch: pytest.MonkeyPatch) -> None:
    config = load(monkeypatch, **GOOD).for_flask()
    assert config["SECRET_KEY"] == GOOD_SECRET
    assert config["PRODUCTION"] is True


def from_file(path: Path) -> Settings:
    arguments: dict[str, Any] = {"_env_file": path}
    return Settings(**arguments)


def test_a_written_env_file_starts_development(tmp_path: Path) -> None:
    assert write_env_file(tmp_path / ".env") == "Wrote .env"
    assert from_file(tmp_path / ".env").app_env == "development"


@pytest.mark.asvs("13.3.1")
def test_every_project_gets_a_secret_of_its_own(tmp_path: Path) -> None:
    write_env_file(tmp_path / "one")
    write_env_file(tmp_path / "two")
    one, two = from_file(tmp_path / "one"), from_file(tmp_path / "two")
    assert one.secret_key != two.secret_key


@pytest.mark.asvs("13.3.2")
@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_nobody_else_reads_it(tmp_path: Path) -> None:
    write_env_file(tmp_path / ".env")
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600


def test_the_environment_wins_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_env_file(tmp_path / ".env")
    monkeypatch.setenv("APP_ENV", "production")
    monkeypatch.setenv("TRUSTED_HOSTS", "www.example.org")
    assert from_file(tmp_path / ".env").app_env == "production"


def test_an_env_file_that_is_not_utf_8_is_told_of(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("SECRET_KEY=x", encoding="utf-16")
    monkeypatch.setitem(Settings.model_config, "env_file", tmp_path / ".env")
    with pytest.raises(SettingsError, match="not UTF-8"):
        Settings.load()


@pytest.mark.parametrize(
    ("name", "url", "extra"),
    [
        ("DATABASE_URL", "postgresql://host/name", "postgresql"),
        ("REDIS_URL", "redis://host", "redis"),
    ],
)
def test_a_driver_that_is_not_installed_is_told_of(
    monkeypatch: pytest.MonkeyPatch, name: str, url: str, extra: str
) -> None:
    monkeypatch.setattr("app.setting_types.find_spec", lambda name: None)
    told = refusal(monkeypatch, **{name: url})
    assert f"{name}: needs the extra: uv sync --extra {extra}" in told


def test_sqlite_needs_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.setting_types.find_spec", lambda name: None)
    assert load(monkeypatch, **GOOD, DATABASE_URL="sqlite:///a.db")
