"""Which names are taken for a slip of another, and which for somebody's own."""

import os

import pytest

from app.misspellings import meant, of_settings

KNOWN = {"LOGIN_RATE_LIMIT", "RATE_LIMIT", "DATABASE_URL", "TRUSTED_HOSTS", "APP_ENV"}
SLIPS = {
    "LOGIN_RATE_LIMT": "LOGIN_RATE_LIMIT",
    "LOGIN_RATE_LIMITS": "LOGIN_RATE_LIMIT",
    "LOGIN_RATE_LIMTI": "LOGIN_RATE_LIMIT",
    "LOGIN_RATE_LINIT": "LOGIN_RATE_LIMIT",
    "LOGIN_RATELIMIT": "LOGIN_RATE_LIMIT",
    "LOGIN-RATE-LIMIT": "LOGIN_RATE_LIMIT",
    "TRUSTED_HOST": "TRUSTED_HOSTS",
    "PP_ENV": "APP_ENV",
}
OTHERS = [
    "APP_NAME",
    "DATABASE_URL_2",
    "DATABASE_URL2",
    "DATABASE_NAME",
    "OLD_DATABASE_URL",
    "IP_RATE_LIMIT",
    "LIMIT",
    "FLASK_APP",
    "FLASK_ENV",
    "FLASK_RUN_PORT",
    "FLASK_SKIP_DOTENV",
    "GUNICORN_CMD_ARGS",
    "HOST",
    "PATH",
    "PGHOST",
    "PGSSLMODE",
    "PORT",
    "POSTGRES_PASSWORD",
    "PYTHONPATH",
    "SSL_CERT_FILE",
    "VIRTUAL_ENV",
]


def test_one_letter_is_a_slip(subtests: pytest.Subtests) -> None:
    for name, right in SLIPS.items():
        with subtests.test(name):
            assert meant(name, KNOWN) == right


def test_another_name_is_none(subtests: pytest.Subtests) -> None:
    for name in [*OTHERS, *KNOWN]:
        with subtests.test(name):
            assert meant(name, {name, *KNOWN}) is None


def test_settings_are_looked_for_in_the_file_and_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "environ", {"trusted_host": "a.example", "RATE_LIMIT": ""})
    written = {"RATE_LIMTI": "1 per day", "DATABASE_URI": None, "APP_ENV": "x"}
    assert of_settings(KNOWN, written) == {
        "DATABASE_URI": "DATABASE_URL",
        "RATE_LIMTI": "RATE_LIMIT",
        "TRUSTED_HOST": "TRUSTED_HOSTS",
    }


def test_beside_the_setting_itself_the_other_is_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"DATABASE_URI": "sqlite://"})
    assert of_settings(KNOWN, {"DATABASE_URL": "sqlite://"}) == {}
