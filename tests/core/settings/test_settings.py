"""What the environment may say, and what a message says when it says something unsafe."""

import os
import traceback
from pathlib import Path
from typing import Any

import pytest
from secure_flask.programs import UV
from secure_flask.settings import Settings, SettingsError, env_file, service_urls
from secure_flask.settings.__main__ import fresh_secrets

from core.conftest import SECRETS

GOOD_SECRET = "Zq7vX2mB9kLw4tRfYh8cNs3dGp6jUe1a"
GOOD = {
    **{name.upper(): secret for name, secret in SECRETS.items()},
    "SECRET_KEY": GOOD_SECRET,
    "TRUSTED_HOSTS": "www.example.org",
    "DATABASE_URL": "sqlite:///:memory:",
}
SHARED = {"REDIS_URL": "redis://r", "DATABASE_URL": "postgresql://u:p@h/n"}

WEAK_SECRETS = [
    "",
    "short-but-Random-9f3kQ",
    GOOD_SECRET[:31],
    "a" * 64,
    "abcabcabc" * 8,
    "Zq7vX2mB9k" * 4,
    "0123456789abcdef" * 4,
    "abcdefghijklmnopqrstuvwxyz012345",
    "change-me-0123456789-abcdefghijklmnopqrstuv",
    "my-SECRET-key-0123456789-abcdefghijklmnopqr",
]

# What a DATABASE_URL becomes.
DATABASES = {
    "sqlite:///:memory:": "sqlite:///:memory:",
    "postgres://u:p@h/n": "postgresql+psycopg://u:p@h/n",
    "postgresql://u:p@h/n": "postgresql+psycopg://u:p@h/n",
    "postgresql+psycopg://u:p@h/n": "postgresql+psycopg://u:p@h/n",
}

REFUSED = [
    *(("TRUSTED_HOSTS", name) for name in ("", ",", "*", "*.example", ".example")),
    *(("TRUSTED_HOSTS", name) for name in ("https://a.example", "a.example:443", "a@b")),
    ("DATABASE_URL", "mysql://h/n"),
    ("DATABASE_URL", "app.db"),
    ("DATABASE_URL", "postgresql://u:p@host:port/name"),
    ("REDIS_URL", "localhost:6379"),
    ("REDIS_URL", "memory://"),
    ("REDIS_URL", "unix:///run/redis.sock"),
    ("REDIS_URL", "redis://["),
    ("REDIS_URL", "redis://localhost?socket_timeout=soon"),
    ("PROXY_HOPS", "-1"),
    ("PROXY_HOPS", "99"),
    ("WEB_CONCURRENCY", "two"),
    ("WEB_CONCURRENCY", "0"),
    ("LOGIN_RATE_LIMIT", "often"),
    ("LOGIN_RATE_LIMIT", "0 per minute"),
    ("LOGIN_RATE_LIMIT", "5 per minute; 100 per hour"),
    ("RATE_LIMIT", "often"),
    ("LOG_LEVEL", "LOUD"),
    ("ACCESS_LOG", "perhaps"),
    ("CSP_REPORT_ONLY", "perhaps"),
]


def load(monkeypatch: pytest.MonkeyPatch, **changes: str) -> Settings:
    """The settings of an environment that is fine but for these."""
    with monkeypatch.context() as environment:
        for name, value in {**GOOD, **changes}.items():
            environment.setenv(name, value)
        return Settings.load()


def refusal(monkeypatch: pytest.MonkeyPatch, **changes: str) -> str:
    """The message for an environment that is fine but for these."""
    with pytest.raises(SettingsError) as refused:
        load(monkeypatch, **changes)
    return str(refused.value)


def from_file(path: Path) -> Settings:
    arguments: dict[str, Any] = {"_env_file": path}
    return Settings(**arguments)


def test_production_is_the_default_and_believes_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(monkeypatch)
    assert settings.for_flask()["PRODUCTION"] is True
    assert settings.for_flask()["SECRET_KEY"] == GOOD_SECRET
    assert (settings.proxy_hops, settings.csp_report_only) == (0, False)


def test_an_empty_environment_learns_all_that_it_lacks() -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.load()
    for words in ("SECRET_KEY: is missing", "TRUSTED_HOSTS: is missing", "`make .env`"):
        assert words in str(refused.value)


def test_a_misspelt_setting_is_named_where_the_right_one_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    message = refusal(monkeypatch, TRUSTED_HOSTS="", TRUSTED_HOST="leaked.example")
    assert "\n  TRUSTED_HOST: is no setting: is TRUSTED_HOSTS meant?\n" in message
    assert "leaked" not in message


def test_one_message_names_every_problem_and_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_a_weak_secret_is_refused_everywhere(
    monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    for secret in WEAK_SECRETS:
        for environment in ("production", "development"):
            with subtests.test(secret, environment=environment):
                message = refusal(monkeypatch, APP_ENV=environment, SECRET_KEY=secret)
                assert "SECRET_KEY: is" in message
                assert "secrets.token_urlsafe" in message


def test_debug_is_refused_outside_development(monkeypatch: pytest.MonkeyPatch) -> None:
    for environment in ("production", "prod", ""):
        message = refusal(monkeypatch, APP_ENV=environment, FLASK_DEBUG="1")
        assert "FLASK_DEBUG: the debugger runs code for anybody" in message


def test_development_may_debug_and_answers_to_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    changes = {"APP_ENV": "development", "TRUSTED_HOSTS": ""}
    settings = load(monkeypatch, **changes, FLASK_DEBUG="1")
    assert settings.flask_debug
    assert {"localhost", "127.0.0.1"} <= set(settings.trusted_hosts)


def test_host_names_stand_between_commas_or_spaces(monkeypatch: pytest.MonkeyPatch) -> None:
    for written in ("a.example,b.example", " a.example  B.example ", "a.example, b.example,"):
        settings = load(monkeypatch, TRUSTED_HOSTS=written)
        assert settings.trusted_hosts == ["a.example", "b.example"]


def test_a_database_is_named_as_people_name_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for written, used in DATABASES.items():
        settings = load(monkeypatch, DATABASE_URL=written)
        assert settings.for_flask()["DATABASE_URL"] == used


def test_a_value_that_cannot_be_meant_is_refused(
    monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    for name, value in REFUSED:
        with subtests.test(name, value=value):
            assert f"{name}: " in refusal(monkeypatch, **{name: value})


def test_a_folder_that_sqlite_cannot_write_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    url = f"sqlite:///{folder}/app.db"
    sentence = f"DATABASE_URL: SQLite cannot write to the folder {folder}: "
    assert sentence in refusal(monkeypatch, DATABASE_URL=url)
    folder.touch()
    assert sentence in refusal(monkeypatch, DATABASE_URL=url)
    folder.unlink()
    folder.mkdir()
    assert load(monkeypatch, DATABASE_URL=url)
    # As of a disk that is only read; root may write in any other folder.
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)
    assert sentence in refusal(monkeypatch, DATABASE_URL=url)


def test_the_folder_of_a_relative_address_is_made_where_the_project_may_be_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(service_urls, "INSTANCE", tmp_path / "instance")
    assert load(monkeypatch, DATABASE_URL="")
    (tmp_path / "instance").touch()
    assert "SQLite cannot write" in refusal(monkeypatch, DATABASE_URL="")
    (tmp_path / "instance").unlink()
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)
    assert "SQLite cannot write" in refusal(monkeypatch, DATABASE_URL="")


def test_a_database_that_writes_no_file_needs_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    read_only = "sqlite:///file:/data/app.db?mode=ro&uri=true"
    for url in ("sqlite://", "sqlite:///:memory:", read_only):
        assert load(monkeypatch, DATABASE_URL=url)


def test_an_empty_value_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    empty = {"REDIS_URL": "", "PROXY_HOPS": "", "LOG_LEVEL": ""}
    assert load(monkeypatch, **empty) == load(monkeypatch)


def test_workers_that_would_count_apart_do_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    load(monkeypatch).check_workers(1)
    load(monkeypatch, **SHARED).check_workers(8)
    load(monkeypatch, APP_ENV="development").check_workers(8)
    for name in SHARED:
        settings = load(monkeypatch, **{**SHARED, name: GOOD.get(name, "")})
        with pytest.raises(SettingsError, match=f"2 workers need more settings:\n  {name}: "):
            settings.check_workers(2)


def test_printed_settings_hide_their_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = {"DATABASE_URL": "postgresql://u:hide-me@h/n", "REDIS_URL": "redis://:hide-me@h"}
    printed = repr(load(monkeypatch, **hidden))
    assert "hide-me" not in printed
    assert GOOD_SECRET not in printed


def test_every_project_gets_settings_for_development_and_a_secret_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert env_file.complete(tmp_path / ".env", fresh_secrets()) == "Wrote .env"
    env_file.complete(tmp_path / "other", fresh_secrets())
    settings = from_file(tmp_path / ".env")
    assert settings.app_env == "development"
    assert settings.secret_key != from_file(tmp_path / "other").secret_key
    monkeypatch.setenv("APP_ENV", "production")
    monkeypatch.setenv("TRUSTED_HOSTS", GOOD["TRUSTED_HOSTS"])
    assert from_file(tmp_path / ".env").app_env == "production", "The environment decides."


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_nobody_else_reads_the_file_of_settings(tmp_path: Path) -> None:
    env_file.complete(tmp_path / ".env", fresh_secrets())
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600


def test_a_driver_that_is_not_installed_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("secure_flask.settings.service_urls.find_spec", lambda name: None)
    assert load(monkeypatch)
    for (name, url), extra in zip(SHARED.items(), ("redis", "postgresql"), strict=True):
        message = refusal(monkeypatch, **{name: url})
        assert f"{name}: needs the extra: {UV} sync --extra {extra}" in message
