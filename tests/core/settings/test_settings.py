"""What the environment may say, and what a message says when it says something unsafe."""

import os
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import PrivateAttr, SecretStr
from secure_flask import testing
from secure_flask.settings import Settings, SettingsError
from secure_flask.settings.__main__ import main

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
    *("", "short-but-Random-9f3kQ", GOOD_SECRET[:31]),
    *("a" * 64, "abcabcabc" * 8, "Zq7vX2mB9k" * 4, "0123456789abcdef" * 4),
    "abcdefghijklmnopqrstuvwxyz012345",
    "change-me-0123456789-abcdefghijklmnopqrstuv",
    "my-SECRET-key-0123456789-abcdefghijklmnopqr",
]
REFUSED = {
    "TRUSTED_HOSTS": [
        *("", ",", "*", "*.example", ".example"),
        *("https://a.example", "a.example:443", "a@b"),
    ],
    "PROXY_HOPS": ["-1", "99"],
    "WEB_CONCURRENCY": ["two", "0"],
    "LOGIN_RATE_LIMIT": ["often", "0 per minute", "5 per minute; 100 per hour"],
    "RATE_LIMIT": ["often"],
    "LOG_LEVEL": ["LOUD"],
    "ACCESS_LOG": ["perhaps"],
    "CSP_REPORT_ONLY": ["perhaps"],
}

Load = Callable[..., Settings]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Load:
    """`load(PROXY_HOPS="1")`: the settings of an environment that is fine but for this."""

    def load(**changes: str) -> Settings:
        with monkeypatch.context() as environment:
            for name, value in {**GOOD, **changes}.items():
                environment.setenv(name, value)
            return Settings.load()

    return load


def refusal(load: Load, **changes: str) -> str:
    """The message for an environment that is fine but for these."""
    with pytest.raises(SettingsError) as refused:
        load(**changes)
    return "".join(traceback.format_exception(refused.value))


def test_production_is_the_default_believes_no_proxy_and_prints_no_secret(load: Load) -> None:
    secret = {"DATABASE_URL": "postgresql://u:hide-me@h/n", "REDIS_URL": "redis://:hide-me@h"}
    settings = load(PROXY_HOPS="", LOG_LEVEL="", **secret)
    printed = repr(settings)
    assert ("hide-me" in printed, GOOD_SECRET in printed) == (False, False)
    assert settings.for_flask()["PRODUCTION"] is True
    assert settings.for_flask()["SECRET_KEY"] == GOOD_SECRET
    assert (settings.proxy_hops, settings.csp_report_only) == (0, False)


@pytest.mark.asvs("13.3.1")
def test_an_empty_environment_learns_all_that_it_lacks() -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.load()
    said = str(refused.value)
    assert "SECRET_KEY: is missing" in said
    assert "TRUSTED_HOSTS: is missing" in said
    assert "\n  ENCRYPTION_KEYS: must read id:key" in said
    assert "\n  BLIND_INDEX_KEYS: must read id:key" in said
    assert "`python -m secure_flask.settings`" in said


def test_one_message_names_every_problem_and_no_value(load: Load) -> None:
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
    shown = refusal(load, **bad)
    assert all(f"{name}: " in shown for name in bad)
    assert "leaked" not in shown


@pytest.mark.asvs("11.2.3")
@pytest.mark.parametrize("environment", ["production", "development"])
def test_a_weak_secret_is_refused_everywhere(
    load: Load, environment: str, subtests: pytest.Subtests
) -> None:
    for secret in WEAK_SECRETS:
        with subtests.test(secret=secret):
            message = refusal(load, APP_ENV=environment, SECRET_KEY=secret)
            assert "SECRET_KEY: is" in message, secret
            assert "secrets.token_urlsafe" in message


@pytest.mark.asvs("13.4.2")
@pytest.mark.parametrize("environment", ["production", "prod", ""])
def test_debug_is_refused_outside_development(load: Load, environment: str) -> None:
    message = refusal(load, APP_ENV=environment, FLASK_DEBUG="1")
    assert "FLASK_DEBUG: the debugger runs code for anybody" in message


def test_development_may_debug_and_answers_to_loopback(load: Load) -> None:
    settings = load(APP_ENV="development", TRUSTED_HOSTS="", FLASK_DEBUG="1")
    assert settings.flask_debug
    assert {"localhost", "127.0.0.1"} <= set(settings.trusted_hosts)


def test_host_names_stand_between_commas_or_spaces(load: Load, subtests: pytest.Subtests) -> None:
    for written in ("a.example,b.example", " a.example  B.example ", "a.example, b.example,"):
        with subtests.test(written=written):
            assert load(TRUSTED_HOSTS=written).trusted_hosts == ("a.example", "b.example")


class ShopSettings(Settings):
    _rates: dict[str, float] = PrivateAttr({})


def test_settings_do_not_change_and_the_message_says_where_they_come_from() -> None:
    own = testing.settings(ShopSettings, secret_key=GOOD_SECRET)
    with pytest.raises(SettingsError) as refused:
        own.secret_key = SecretStr("x")
    assert "set SECRET_KEY in the environment" in refused.value.message
    assert "testing.settings(Settings, secret_key=…)" in refused.value.message
    assert own.secret_key.get_secret_value() == GOOD_SECRET
    own._rates = {"CHF": 0.9}


def test_a_value_that_cannot_be_meant_is_refused(load: Load, subtests: pytest.Subtests) -> None:
    for name, value in [(name, value) for name, values in REFUSED.items() for value in values]:
        with subtests.test(name=name, value=value):
            assert f"{name}: " in refusal(load, **{name: value}), value


@pytest.mark.parametrize(("name", "url"), [("data", "sqlite:///{}/data/app.db"), ("instance", "")])
def test_a_folder_that_sqlite_cannot_write_is_refused(
    load: Load, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, url: str
) -> None:
    monkeypatch.setattr("secure_flask.settings.types.INSTANCE", tmp_path / "instance")
    folder, url = tmp_path / name, url.format(tmp_path)
    folder.touch()
    assert f"SQLite cannot write to the folder {folder}: " in refusal(load, DATABASE_URL=url)
    folder.unlink()
    folder.mkdir()
    assert load(DATABASE_URL=url)
    # As of a disk that is only read; root may write in any other folder.
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)
    assert "SQLite cannot write" in refusal(load, DATABASE_URL=url)


@pytest.mark.parametrize(
    "url", ["", "sqlite://", "sqlite:///:memory:", "sqlite:///file:/data/app.db?mode=ro&uri=true"]
)
def test_a_database_that_needs_no_folder_or_makes_it_is_taken(
    load: Load, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str
) -> None:
    # Flask-SQLAlchemy makes the folder `instance`.
    monkeypatch.setattr("secure_flask.settings.types.INSTANCE", tmp_path / "instance")
    if url:
        monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)
    assert load(DATABASE_URL=url)


@pytest.mark.parametrize("name", SHARED)
def test_workers_that_would_count_apart_do_not_start(load: Load, name: str) -> None:
    load().check_workers(1)
    load(**SHARED).check_workers(8)
    load(APP_ENV="development").check_workers(8)
    settings = load(**{**SHARED, name: GOOD.get(name, "")})
    with pytest.raises(SettingsError, match=f"2 workers need more settings:\n  {name}: "):
        settings.check_workers(2)


@pytest.mark.parametrize(
    ("name", "extra"), [("REDIS_URL", "redis"), ("DATABASE_URL", "postgresql")]
)
def test_a_driver_that_is_not_installed_is_named_with_its_extra(
    load: Load, monkeypatch: pytest.MonkeyPatch, name: str, extra: str
) -> None:
    monkeypatch.setattr("secure_flask.settings.types.find_spec", lambda name: None)
    assert load()
    advice = f"{name}: needs the extra: .venv/bin/uv sync --inexact --extra {extra}"
    assert advice in refusal(load, **{name: SHARED[name]})


@pytest.mark.asvs("13.3.1")
def test_every_project_gets_settings_for_development_and_a_secret_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []
    for folder in (tmp_path / "one", tmp_path / "other"):
        folder.mkdir()
        monkeypatch.setattr("secure_flask.settings.__main__.ENV_FILE", folder / ".env")
        main(folder / ".env")
        monkeypatch.setitem(Settings.model_config, "env_file", folder / ".env")
        read.append(Settings.load())
    assert read[0].app_env == "development"
    assert read[0].secret_key != read[1].secret_key
    monkeypatch.setenv("APP_ENV", "production")
    monkeypatch.setenv("TRUSTED_HOSTS", GOOD["TRUSTED_HOSTS"])
    assert Settings.load().app_env == "production", "The environment decides."


@pytest.mark.asvs("13.3.2")
@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_secrets_that_are_added_to_a_file_are_not_for_everybody(
    tmp_path: Path, subtests: pytest.Subtests
) -> None:
    file = tmp_path / ".env"
    main(tmp_path / "new.env")
    assert (tmp_path / "new.env").stat().st_mode & 0o777 == 0o600
    # A copy of .env.example, one that everybody writes, and one that the group of a service reads.
    for before, after in {0o644: 0o600, 0o606: 0o600, 0o640: 0o640, 0o600: 0o600}.items():
        with subtests.test(before=before, after=after):
            file.write_text("APP_ENV=development\nSECRET_KEY=\n")
            file.chmod(before)
            main(file)
            assert file.stat().st_mode & 0o777 == after
