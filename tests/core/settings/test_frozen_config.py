"""What somebody writes into `app.config` counts, or is refused in words."""

import copy
import json
import os
import re
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from operator import methodcaller
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Config, Flask
from secure_flask import csp_levels, init_app, testing
from secure_flask.settings import Settings, SettingsError
from secure_flask.web.origins import PolicyError

from core.conftest import PRODUCTION, SECRETS, SETTINGS, MakeApp
from core.site import POLICY, create_app

SECRET = "Qw8zXn3mVt5bKy2cRj7dHs4gLf9pTa6e"
URL = f"sqlite:///{SECRET}.db"
IN_A_TEST = "in a test write testing.settings(Settings, {}=…), for production {}=… in the "

# A name, what the owner writes before `init_app`, and what the refusal says; none for a value that
# counts. {setting} is for the lines that a test and production need.
WRITTEN: list[tuple[str, object, str]] = [
    ("SQLALCHEMY_DATABASE_URI", URL, "the setting DATABASE_URL; in a test"),
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

TILES = "https://tiles.example"
SCRIPTS = [*csp_levels.STRICT.directives["script-src"]]
# What an app has of which the lines below change a part.
NESTED: dict[str, Any] = {
    "REDIS_URL": None,
    "CORS_ORIGINS": ["https://a.example"],
    "CSP_CHANGES": {"img-src": [TILES]},
    "PUBLIC_ENDPOINTS": {"shop.static": "Style sheets."},
    "SQLALCHEMY_BINDS": {"other": "sqlite://"},
}

Line = Callable[[Any], object]


def late(name: str, value: object) -> tuple[str, Line]:
    return name, lambda config: config.update({name: value})


def from_a_file(config: Config) -> None:
    file = Path(config.root_path) / "late.py"
    file.write_text("MAX_LOGINS = 1\n", "utf-8")
    config.from_pyfile(file)


# A name, and a line that would change it. The first three once passed without a word.
LINES: dict[str, tuple[str, Line]] = {
    "a length": late("PASSWORD_MIN_LENGTH", 1),
    "a text": late("PUBLIC_ENDPOINTS", "site.me"),
    "a setting": late("LOGIN_RATE_LIMIT", "100000 per second"),
    "database": late("SQLALCHEMY_DATABASE_URI", "sqlite://"),
    "hosts": late("TRUSTED_HOSTS", ["*"]),
    "item": ("MAX_LOGINS", lambda config: config.__setitem__("MAX_LOGINS", 1)),
    "update of names": ("MAX_LOGINS", lambda config: config.update(MAX_LOGINS=1)),
    "update of pairs": ("MAX_LOGINS", lambda config: config.update([("MAX_LOGINS", 1)])),
    "|=": ("MAX_LOGINS", lambda config: config.__ior__({"MAX_LOGINS": 1})),
    "pop": ("MAX_LOGINS", lambda config: config.pop("MAX_LOGINS", 1)),
    "del": ("MAX_LOGINS", lambda config: config.__delitem__("MAX_LOGINS")),
    "popitem": ("", lambda config: config.popitem()),
    "clear": ("", lambda config: config.clear()),
    "setdefault": ("REDIS_URL", lambda config: config.setdefault("REDIS_URL", "redis://x")),
    "from_mapping": ("MAX_LOGINS", lambda config: config.from_mapping(MAX_LOGINS=1)),
    "from_object": ("MAX_LOGINS", lambda config: config.from_object(SimpleNamespace(MAX_LOGINS=1))),
    "from_pyfile": ("MAX_LOGINS", from_a_file),
    "from_prefixed_env": ("MAX_LOGINS", lambda config: config.from_prefixed_env("LATE")),
    "nested variable": ("CSP_CHANGES", lambda config: config.from_prefixed_env("NESTED")),
    "list": ("CORS_ORIGINS", lambda config: config["CORS_ORIGINS"].append("*")),
    "list +=": ("CORS_ORIGINS", lambda config: config["CORS_ORIGINS"].__iadd__(["*"])),
    "part of a list": ("CORS_ORIGINS", lambda config: config["CORS_ORIGINS"].__setitem__(0, "*")),
    "dict": ("PUBLIC_ENDPOINTS", lambda config: config["PUBLIC_ENDPOINTS"].update(me="Me.")),
    "list in a dict": ("CSP_CHANGES", lambda config: config["CSP_CHANGES"]["img-src"].clear()),
    "level": ("CSP", lambda config: config["CSP"].directives["script-src"].append("*")),
    "directives of a level": ("CSP", lambda config: config["CSP"].directives.pop("base-uri")),
    "binds": ("SQLALCHEMY_BINDS", lambda config: config["SQLALCHEMY_BINDS"].clear()),
}


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


def test_the_value_of_the_settings_and_a_default_of_a_library_are_fine(make_app: MakeApp) -> None:
    same = {"SECRET_KEY": SECRETS["secret_key"], "LOG_LEVEL": "INFO", "RATE_LIMIT": None}
    uri = SETTINGS["database_url"].replace("postgresql://", "postgresql+psycopg://")
    make_app(fill=False, SQLALCHEMY_DATABASE_URI=uri, **same)
    # The default of Flask-SQLAlchemy.
    make_app(fill=False, SQLALCHEMY_DATABASE_URI=None)


def test_an_override_in_lower_case_and_what_is_no_settings_object_are_refused(
    subtests: pytest.Subtests,
) -> None:
    for name in ("database_url", "sqlalchemy_database_uri", "test_config"):
        with subtests.test(name=name):
            with pytest.raises(TypeError, match=rf"^{name}: .*testing\.settings\(S") as refused:
                create_app(settings(Settings), **{name: URL})
            assert SECRET not in str(refused.value)
    no_settings: list[Any] = [{"TESTING": True}, "testing", None]
    for given in no_settings:
        with (
            subtests.test(given=given),
            pytest.raises(TypeError, match=f"got {type(given).__name__} .*testing.settings"),
        ):
            create_app(given)


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


def settings(kind: type[Settings]) -> Settings:
    return kind(_env_file=None, **{**SETTINGS, **SECRETS})


def test_a_setting_of_the_owner_and_a_value_of_the_policy_agree() -> None:
    assert create_app(settings(ShopSettings)).config["MAX_LOGINS"] == 3
    with pytest.raises(SettingsError, match=r"\n  MAX_LOGINS: in a test"):
        create_app(settings(ShopSettings), MAX_LOGINS=4)
    with pytest.raises(SettingsError, match=r"\n  CURRENCY: in a test"):
        create_app(settings(ShopSettings), CURRENCY="CHF")
    config = create_app(settings(ShopSettings)).config
    assert "\n  CURRENCY: " in refusal_of(lambda each: each.update(CURRENCY="CHF"), config)


def refusal_of(line: Line, config: Config) -> str:
    with pytest.raises(SettingsError) as refused:
        line(config)
    return refused.value.message


@pytest.mark.parametrize(("name", "line"), LINES.values(), ids=LINES)
def test_a_line_that_changes_a_name_of_the_core_is_refused_there(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, line: Line
) -> None:
    monkeypatch.setenv("LATE_MAX_LOGINS", "1")
    monkeypatch.setenv("NESTED_CSP_CHANGES__img-src", "*")
    config = make_app(fill=False, **NESTED).config
    config.root_path = tmp_path
    before = copy.deepcopy({**config})
    said = refusal_of(line, config)
    assert (f"\n  {name}" in said, {**config} == before) == (True, True)
    assert csp_levels.STRICT.directives["script-src"] == SCRIPTS


def test_what_changes_nothing_is_no_change(make_app: MakeApp) -> None:
    config = make_app(fill=False, **NESTED).config
    before = {**config}
    config.from_mapping({name: copy.deepcopy(value) for name, value in before.items()})
    config.update(TRUSTED_HOSTS=None, REDIS_URL=None)
    found = config.setdefault("MAX_LOGINS", 1), config.pop("REDIS_URL", "none"), {**config}
    assert found == (20, "none", before)


def test_a_frozen_value_reads_and_copies_as_a_plain_one(make_app: MakeApp) -> None:
    config = make_app(fill=False, **NESTED).config
    origins, changes = config["CORS_ORIGINS"], config["CSP_CHANGES"]
    assert json.dumps([origins, changes]) == json.dumps(
        [["https://a.example"], {"img-src": [TILES]}]
    )
    copies = [copy.copy(origins), copy.deepcopy(changes)["img-src"], origins.copy(), [*origins]]
    assert {type(each) for each in copies} == {list}
    assert [type(each) for each in (copy.copy(config), copy.deepcopy(changes))] == [dict, dict]
    assert isinstance(copy.deepcopy(config["CSP"]), csp_levels.Level)


def test_names_of_flask_and_of_others_stay_open(make_app: MakeApp) -> None:
    app = make_app()
    app.secret_key = SECRET
    app.config.update(DEBUG=False, TESTING=True, SERVER_NAME=None, MAX_CONTENT_LENGTH=1000)
    app.config["FEATURES"] = {}
    app.config["FEATURES"]["cakes"] = True
    app.config.setdefault("CACHE_TYPE", "SimpleCache")
    assert app.config.pop("CACHE_TYPE") == "SimpleCache"
    assert (app.config["FEATURES"], app.config["SECRET_KEY"]) == ({"cakes": True}, SECRET)
    assert app.test_client().get("/").status_code == 200


def test_a_replaced_configuration_is_refused_at_each_request(make_app: MakeApp) -> None:
    app = make_app(fill=False)
    app.config = Config(app.root_path, {**app.config, "PASSWORD_MIN_LENGTH": 1})
    ask = partial(app.test_client().get, "/")
    said = [refusal_of(lambda config: ask(), app.config) for _ in range(2)]
    assert ["app.config was replaced" in each for each in said] == [True, True]
    # A client of production learns nothing of it.
    app = make_app(fill=False, TESTING=False, **PRODUCTION)
    app.config = Config(app.root_path, app.config)
    answers = [app.test_client().get(path) for path in ("/", "/healthz")]
    assert [(each.status_code, "config" in each.text) for each in answers] == [(500, False)] * 2


def test_the_tokens_of_flask_wtf_stay_switched_off(make_app: MakeApp) -> None:
    config = make_app(fill=False).config
    config["WTF_CSRF_ENABLED"] = False
    with pytest.raises(PolicyError, match="WTF_CSRF_ENABLED: remove it"):
        config["WTF_CSRF_ENABLED"] = True
    assert config["WTF_CSRF_ENABLED"] is False


NEW_VALUE = 'write a new value, as in app.config["SECRET_KEY_FALLBACKS"] = [].'
WEAK_FALLBACKS: list[object] = [[SECRET, "short"], [b"short"], ["change-me" * 9], SECRET]


def test_a_weak_key_of_the_past_is_refused_in_production(
    make_app: MakeApp, subtests: pytest.Subtests
) -> None:
    late = make_app(fill=False, **PRODUCTION)
    for keys in WEAK_FALLBACKS:
        with subtests.test(keys=keys):
            early = make_app(fill=False, SECRET_KEY_FALLBACKS=keys)
            assert early.test_client().get("/").status_code == 200
            with pytest.raises(SettingsError, match="SECRET_KEY_FALLBACKS") as refused:
                make_app(fill=False, SECRET_KEY_FALLBACKS=keys, **PRODUCTION)
            assert not any(key in refused.value.message for key in (SECRET, "change-me"))
            said = refusal_of(methodcaller("update", SECRET_KEY_FALLBACKS=keys), late.config)
            assert "SECRET_KEY_FALLBACKS: a key is short" in said
            assert late.config["SECRET_KEY_FALLBACKS"] is None
    # Nor does the code replace the key of the settings.
    said = refusal_of(methodcaller("update", SECRET_KEY=SECRET), late.config)
    assert ("\n  SECRET_KEY: " in said, SECRET in said) == (True, False)


def test_no_weak_key_is_added_to_those_of_the_past(make_app: MakeApp) -> None:
    strong = [SECRET, os.urandom(32)]
    app = make_app(fill=False, SECRET_KEY_FALLBACKS=strong, **PRODUCTION)
    assert app.test_client().get("/").status_code == 200
    config = app.config
    early = refusal_of(lambda config: config["SECRET_KEY_FALLBACKS"].append("short"), config)
    config["SECRET_KEY_FALLBACKS"] = [SECRET[::-1]]
    late = refusal_of(lambda config: config["SECRET_KEY_FALLBACKS"].append("short"), config)
    assert early == late == f"SECRET_KEY_FALLBACKS: {NEW_VALUE}"


def test_a_test_thaws_the_configuration_and_finds_it_again(
    make_app: MakeApp, subtests: pytest.Subtests
) -> None:
    app = make_app(fill=False)
    before = {**app.config}
    with suppress(KeyError), testing.thawed(app, MAX_LOGINS=1), testing.thawed(app):
        app.config["PASSWORD_MIN_LENGTH"] = 8
        app.config.pop("PROJECT_NAME")
        app.config["CORS_ORIGINS"] = ["https://a.example"]
        app.config["CORS_ORIGINS"].append("https://b.example")
        inside = {**app.config}
        app.config.pop("MISSING")
    assert {name for name in before if before[name] != inside.get(name)} == {
        *("CORS_ORIGINS", "MAX_LOGINS", "PASSWORD_MIN_LENGTH", "PROJECT_NAME")
    }
    assert app.config == before
    refusal_of(lambda config: config.update(MAX_LOGINS=1), app.config)
    database = {"SQLALCHEMY_DATABASE_URI": "", "SQLALCHEMY_BINDS": {"x": ""}, "DATABASE_URL": ""}
    for name, value in database.items():
        with (
            subtests.test(name=name, value=value),
            pytest.raises(SettingsError, match=f"\n  {name}: "),
            testing.thawed(app, **{name: value}),
        ):
            pass
