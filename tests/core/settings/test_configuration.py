"""What somebody writes into `app.config` counts, or is refused in words."""

import os
import re
import sqlite3
import ssl
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flask import Config, Flask
from secure_flask import db, init_app
from secure_flask.settings import Settings, SettingsError
from secure_flask.settings.configuration import READ_ONCE
from secure_flask.state import app_state
from secure_flask.web.origins import PolicyError

from core.conftest import PRODUCTION, SECRETS, SETTINGS, MakeApp, every_token_type
from core.site import POLICY, create_app

SECRET = "Qw8zXn3mVt5bKy2cRj7dHs4gLf9pTa6e"
URL = f"sqlite:///{SECRET}.db"
IN_A_TEST = "in a test write testing.settings(Settings, {}=…), for production {}=… in the "

# A name, what the owner writes before `init_app`, and what the refusal says; none for a value that
# counts. {setting} is for the lines that a test and production need.
WRITTEN: list[tuple[str, object, str]] = [
    ("SQLALCHEMY_DATABASE_URI", URL, "{DATABASE_URL}"),
    ("DATABASE_URL", URL, "{DATABASE_URL}"),
    ("SECRET_KEY", SECRET, "{SECRET_KEY}"),
    ("REDIS_URL", f"redis://:{SECRET}@localhost", "{REDIS_URL}"),
    ("TRUSTED_HOSTS", [f"{SECRET}.example"], "{TRUSTED_HOSTS}"),
    ("LOG_LEVEL", "WARNING", "{LOG_LEVEL}"),
    ("RATE_LIMIT", "7777 per minute", "{RATE_LIMIT}"),
    ("PROXY_HOPS", 7777, "{PROXY_HOPS}"),
    ("PRODUCTION", True, "{APP_ENV}"),
    ("MAX_CONTENT_LENGTH", 7777, ""),
    ("WTF_CSRF_ENABLED", True, "remove it from app.config"),
    ("MAX_FORM_PARTS", 7, ""),
    ("MAX_LOGINS", 7, ""),
    ("SESSION_COOKIE_NAME", "shop", ""),
    ("SESSION_COOKIE_SAMESITE", "Strict", ""),
    ("SESSION_COOKIE_SECURE", True, ""),
    ("SESSION_COOKIE_PATH", "/shop", ""),
]

# Read while `init_app` runs, with any type of token; jwt reads TOKEN_KEYS too.
NAMES_READ_ONCE = {
    *("ACCESS_LOG", "BLIND_INDEX_KEYS", "DATABASE_URL", "ENCRYPTION_KEYS", "LOG_LEVEL"),
    *("PRODUCTION", "PROXY_HOPS", "RATE_LIMIT", "REDIS_URL", "TRUSTED_HOSTS", "CSP_REPORT_ONLY"),
    *("CORS_ORIGINS", "CSP", "CSP_CANDIDATE", "CSP_CHANGES", "CSP_SOURCES", "FRAME_ANCESTORS"),
    "LINKS",
    *("HEADER_CHANGES", "PUBLIC_OPENAPI", "TOKEN_TYPE"),
    *("API_KEY_PREFIX", "OPAQUE_TOKEN_PREFIX"),
    *("SQLALCHEMY_BINDS", "SQLALCHEMY_DATABASE_URI", "SQLALCHEMY_ECHO"),
    *("SQLALCHEMY_ENGINE_OPTIONS", "SQLALCHEMY_RECORD_QUERIES", "SQLALCHEMY_TRACK_MODIFICATIONS"),
    "WTF_CSRF_ENABLED",
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "app.db"


@pytest.fixture
def on_disk(make_app: MakeApp, file: Path) -> Flask:
    """An app with an empty database, which no connection has opened."""
    return make_app(fill=False, database_url=f"sqlite:///{file}")


def tables_in(file: Path) -> set[str]:
    with closing(sqlite3.connect(file)) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}


def refusal(app: Flask) -> str:
    """What a request says of a configuration that has changed."""
    with pytest.raises(SettingsError) as refused:
        app.test_client().get("/")
    return refused.value.message


def lines_for(name: str, words: str) -> str:
    if not words.startswith("{"):
        return words
    setting = words.strip("{}")
    return IN_A_TEST.format(setting.lower(), setting)


@pytest.mark.parametrize(("name", "value", "words"), WRITTEN)
def test_a_value_in_the_configuration_counts_or_is_refused(
    make_app: MakeApp, name: str, value: object, words: str
) -> None:
    if not words:
        assert make_app(fill=False, **{name: value}).config[name] == value
        return
    with pytest.raises((SettingsError, PolicyError)) as refused:
        make_app(fill=False, **{name: value})
    assert f"{name}:" in refused.value.message
    assert lines_for(name, words) in refused.value.message
    assert not any(secret in refused.value.message for secret in (SECRET, "7777", "WARNING"))


def test_an_extension_finds_no_address_of_redis_where_there_is_none(make_app: MakeApp) -> None:
    """Extensions take an address of None for one, and read their own default where there is no name."""
    app = make_app(fill=False, redis_url=None)
    assert "REDIS_URL" not in app.config
    app.config["REDIS_URL"] = "redis://late"
    assert "REDIS_URL" in refusal(app)


def test_one_message_names_all_that_differ_and_both_places(make_app: MakeApp) -> None:
    with pytest.raises(SettingsError) as refused:
        make_app(fill=False, SECRET_KEY=SECRET, SQLALCHEMY_DATABASE_URI=URL)
    message = refused.value.message
    assert message.startswith("app.config and the settings hold different values.")
    assert [line.split(":")[0].strip() for line in message.splitlines()[1:]] == [
        *("SECRET_KEY", "SQLALCHEMY_DATABASE_URI")
    ]
    assert "SQLALCHEMY_DATABASE_URI: the setting DATABASE_URL; in a test" in message


def test_the_value_of_the_settings_and_a_default_of_a_library_are_fine(make_app: MakeApp) -> None:
    same = {"SECRET_KEY": SECRETS["secret_key"], "LOG_LEVEL": "INFO", "RATE_LIMIT": None}
    uri = SETTINGS["database_url"].replace("postgresql://", "postgresql+psycopg://")
    make_app(fill=False, SQLALCHEMY_DATABASE_URI=uri, **same)
    # The default of Flask-SQLAlchemy.
    make_app(fill=False, SQLALCHEMY_DATABASE_URI=None)


@pytest.mark.parametrize(
    "given", [{"database_url": URL}, {"sqlalchemy_database_uri": URL}, {"test_config": {}}], ids=str
)
def test_an_override_in_lower_case_is_refused(given: dict[str, Any]) -> None:
    [name] = given
    with pytest.raises(TypeError) as refused:
        create_app(settings(Settings), **given)
    assert str(refused.value).startswith(f"{name}: ")
    assert "create_app(testing.settings(Settings, database_url=…))" in str(refused.value)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("given", [{"TESTING": True}, "testing", None], ids=repr)
def test_what_is_no_settings_object_is_refused(given: Any) -> None:
    with pytest.raises(TypeError, match=f"got {type(given).__name__} ") as refused:
        create_app(given)
    assert "create_app(testing.settings(Settings, database_url=…), TESTING=True)" in str(
        refused.value
    )


def test_the_name_of_a_setting_in_lower_case_is_refused_in_the_configuration() -> None:
    app = Flask("shop")
    app.config.update(POLICY, database_url=URL, currency="CHF", sqlalchemy_database_uri=URL, own=1)
    with pytest.raises(SettingsError) as refused:
        init_app(app, settings(ShopSettings))
    found = re.findall(r"\n  (\w+): ", refused.value.message)
    assert sorted(found) == ["currency", "database_url", "sqlalchemy_database_uri"]
    assert IN_A_TEST.format("currency", "CURRENCY") in refused.value.message
    assert SECRET not in refused.value.message


class ShopSettings(Settings):
    max_logins: int = 3
    currency: str = "EUR"


class WrongSettings(Settings):
    max_logins: str = "many"


def settings(kind: type[Settings]) -> Settings:
    return kind(_env_file=None, **{**SETTINGS, **SECRETS})


def test_a_setting_of_the_owner_and_a_value_of_the_policy_agree() -> None:
    assert create_app(settings(ShopSettings)).config["MAX_LOGINS"] == 3
    with pytest.raises(SettingsError, match=r"\n  MAX_LOGINS: in a test"):
        create_app(settings(ShopSettings), MAX_LOGINS=4)
    with pytest.raises(SettingsError, match=r"\n  CURRENCY: in a test"):
        create_app(settings(ShopSettings), CURRENCY="CHF")


def test_a_setting_of_the_owner_is_checked_like_the_value_of_the_policy() -> None:
    with pytest.raises(PolicyError, match="MAX_LOGINS is 'many'; write a valid integer"):
        create_app(settings(WrongSettings))


@pytest.mark.parametrize("step", [db.create_all, db.drop_all])
def test_a_test_that_names_another_database_too_late_touches_none(
    make_app: MakeApp, file: Path, step: Callable[[], None]
) -> None:
    # The development database, as the environment names it.
    app = make_app(database_url=f"sqlite:///{file}")
    tables = tables_in(file)
    assert "users" in tables
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
    # `_fill` has opened a connection, as a factory that calls `create_all` does.
    with app.app_context(), pytest.raises(SettingsError) as refused:
        step()
    assert "\n  SQLALCHEMY_DATABASE_URI: the setting DATABASE_URL; in" in refused.value.message
    assert "sqlite" not in refused.value.message
    assert tables_in(file) == tables


def test_a_database_that_was_named_too_late_is_not_opened(on_disk: Flask, file: Path) -> None:
    on_disk.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
    with on_disk.app_context(), pytest.raises(SettingsError):
        db.create_all()
    assert not file.exists()


def test_a_bind_is_not_opened_either(make_app: MakeApp, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    app = make_app(fill=False, SQLALCHEMY_BINDS={"other": f"sqlite:///{other}"})
    app.config["SQLALCHEMY_BINDS"] = {"other": "sqlite://"}
    with app.app_context(), pytest.raises(SettingsError, match="SQLALCHEMY_BINDS: in a test"):
        db.engines["other"].connect()
    assert not other.exists()


@every_token_type
def test_only_these_names_are_read_once(make_app: MakeApp, token_type: str) -> None:
    app = make_app(fill=False, TOKEN_TYPE=token_type)
    more = {"TOKEN_KEYS"} if token_type == "jwt" else set()
    assert app_state(app)[READ_ONCE].names == NAMES_READ_ONCE | more


def test_a_name_that_is_read_once_is_refused_at_each_request(make_app: MakeApp) -> None:
    app = make_app(fill=False)
    app.config["REDIS_URL"] = None
    found = {name: app.config[name] for name in NAMES_READ_ONCE}
    app.config.update(dict.fromkeys(found, SECRET))
    said = [refusal(app), refusal(app)]
    assert [{*re.findall(r"\n  (\w+): ", each)} for each in said] == [NAMES_READ_ONCE] * 2
    assert SECRET not in str(said)
    app.config.update(found)
    assert app.test_client().get("/").status_code == 200


def test_the_lines_to_write_instead_are_those_of_the_name(make_app: MakeApp) -> None:
    app = make_app(fill=False)
    app.config.update(RATE_LIMIT="1 per minute", PUBLIC_OPENAPI=False)
    [_, openapi, limit] = refusal(app).splitlines()
    assert openapi.strip() == (
        "PUBLIC_OPENAPI: in a test write create_app(settings, PUBLIC_OPENAPI=…), for production "
        "PUBLIC_OPENAPI = … in app/policy.py"
    )
    assert limit.strip().startswith("RATE_LIMIT: " + IN_A_TEST.format("rate_limit", "RATE_LIMIT"))


def test_a_list_that_has_grown_is_another_value(make_app: MakeApp) -> None:
    app = make_app(fill=False, CSP_CHANGES={"img-src": ["https://a.example"]})
    app.config["CSP_CHANGES"]["img-src"].append("https://b.example")
    assert "CSP_CHANGES" in refusal(app)


def test_a_client_of_production_learns_nothing_of_it(make_app: MakeApp) -> None:
    app = make_app(fill=False, TESTING=False, **PRODUCTION)
    app.config["RATE_LIMIT"] = "1 per minute"
    answers = [app.test_client().get(path) for path in ("/", "/healthz")]
    assert [answer.status_code for answer in answers] == [500, 500]
    assert not any("RATE_LIMIT" in answer.text for answer in answers)


def test_what_each_request_reads_may_change(make_app: MakeApp) -> None:
    app = make_app()
    app.config.update(LOGIN_RATE_LIMIT="1 per minute", MAX_LOGINS=1, PROJECT_NAME="Mill")
    app.config.update(SECRET_KEY=SECRET, DEBUG=False, TESTING=True, SERVER_NAME=None)
    assert app.test_client().get("/").status_code == 200


def test_in_production_no_key_of_the_code_replaces_that_of_the_settings(
    make_app: MakeApp,
) -> None:
    app = make_app(fill=False, **PRODUCTION)
    app.secret_key = SECRET
    said = refusal(app)
    assert ("\n  SECRET_KEY: " in said, SECRET in said) == (True, False)


WEAK_FALLBACKS: list[object] = [[SECRET, "short"], [b"short"], ["change-me" * 9], SECRET]


@pytest.mark.parametrize("keys", WEAK_FALLBACKS, ids=repr)
def test_a_weak_key_of_the_past_is_refused_in_production(make_app: MakeApp, keys: object) -> None:
    early = make_app(fill=False, SECRET_KEY_FALLBACKS=keys)
    assert early.test_client().get("/").status_code == 200
    with pytest.raises(SettingsError, match="SECRET_KEY_FALLBACKS") as refused:
        make_app(fill=False, SECRET_KEY_FALLBACKS=keys, **PRODUCTION)
    assert not any(key in refused.value.message for key in (SECRET, "change-me"))
    late = make_app(fill=False, **PRODUCTION)
    late.config["SECRET_KEY_FALLBACKS"] = keys
    said = [refusal(late), refusal(late)]
    assert ["SECRET_KEY_FALLBACKS" in each for each in said] == [True, True]


def test_strong_keys_of_the_past_are_fine(make_app: MakeApp) -> None:
    app = make_app(fill=False, SECRET_KEY_FALLBACKS=[SECRET, os.urandom(32)], **PRODUCTION)
    assert app.test_client().get("/").status_code == 200


def test_after_the_first_request_a_test_may_change_anything(make_app: MakeApp) -> None:
    app = make_app()
    app.test_client().get("/")
    app.config["RATE_LIMIT"] = "1 per minute"
    assert app.test_client().get("/readyz").status_code == 200


def test_an_option_that_nothing_can_copy_is_fine(make_app: MakeApp) -> None:
    options = {"connect_args": {"ssl": ssl.create_default_context()}}
    app = make_app(fill=False, SQLALCHEMY_ENGINE_OPTIONS=options)
    assert app.test_client().get("/").status_code == 200


class OwnConfig(Config):
    def shout(self) -> str:
        return str(self["PROJECT_NAME"]).upper()


class OwnFlask(Flask):
    config_class = OwnConfig


def test_the_configuration_is_the_same_object_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.site.Flask", OwnFlask)
    config: Any = create_app(settings(Settings)).config
    assert type(config) is OwnConfig
    assert config.shout() == "BAKERY"
