"""Settings: a missing or insecure one stops the app, with a message that repeats no secret."""

from typing import Any

import pytest
from flask import Flask
from secure_flask import SettingsError, testing

from app.settings import Settings
from tests.conftest import PRODUCTION, SETTINGS, MakeApp

PLACEHOLDER = "changeme-changeme-changeme-changeme-1234"


def refused(**changes: Any) -> str:
    """The message about these settings, which the app refuses."""
    with pytest.raises(SettingsError) as caught:
        testing.settings(Settings, **{**SETTINGS, **changes})
    return caught.value.message


@pytest.mark.parametrize("name", ["secret_key", "encryption_keys", "blind_index_keys"])
@pytest.mark.parametrize("value", ["", PLACEHOLDER, "x" * 64], ids=["missing", "placeholder", "x"])
def test_a_missing_or_weak_secret_stops_the_app(name: str, value: str) -> None:
    message = refused(**{name: value})
    assert name.upper() in message
    assert not value or value not in message


def test_signed_tokens_need_keys(app: Flask, make_app: MakeApp) -> None:
    if app.config["TOKEN_TYPE"] in ("session", "opaque"):
        assert make_app(token_keys=None)
    else:
        with pytest.raises(SettingsError, match="TOKEN_KEYS"):
            make_app(token_keys=None)


def test_without_app_env_the_app_is_in_production() -> None:
    assert Settings.model_fields["app_env"].default == "production"


def test_production_needs_the_names_of_the_site() -> None:
    assert "TRUSTED_HOSTS" in refused(app_env="production")


def test_production_runs_no_debugger() -> None:
    assert "FLASK_DEBUG" in refused(**PRODUCTION, flask_debug=True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("app_env", "prod"),
        ("trusted_hosts", "*.example.org"),
        ("database_url", "mysql://root@localhost/app"),
        ("proxy_hops", "-1"),
    ],
)
def test_a_value_that_would_not_work_is_named(name: str, value: str) -> None:
    assert name.upper() in refused(**{name: value})
