"""Which names are misspelt settings, and which are an owner's."""

import pytest
from secure_flask.settings import Settings, names

KNOWN = {name.upper() for name in Settings.model_fields}
SLIPS = {
    "LOGIN_RATE_LIMT": "LOGIN_RATE_LIMIT",
    "LOGIN_RATE_LIMITS": "LOGIN_RATE_LIMIT",
    "LOGIN_RATE_LIMTI": "LOGIN_RATE_LIMIT",
    "LOGIN_RATE_LINIT": "LOGIN_RATE_LIMIT",
    "LOGIN_RATELIMIT": "LOGIN_RATE_LIMIT",
    "LOGIN-RATE-LIMIT": "LOGIN_RATE_LIMIT",
    "TRUSTED_HOST": "TRUSTED_HOSTS",
    "TRUSTEDHOST": "TRUSTED_HOSTS",
    "DATABASE_URI": "DATABASE_URL",
    "PP_ENV": "APP_ENV",
}
OTHERS = """
    APP_NAME DATABASE_URL_2 DATABASE_URL2 DATABASE_URL_RO DATABASE_NAME DATABASE_USER
    OLD_DATABASE_URL TEST_DATABASE_URL IP_RATE_LIMIT LIMIT FLASK_APP FLASK_ENV FLASK_RUN_PORT
    FLASK_SKIP_DOTENV GUNICORN_CMD_ARGS HOST PATH PGHOST PGSSLMODE PORT POSTGRES_PASSWORD
    PYTHONPATH SECRET_KEY_FILE SSL_CERT_FILE VIRTUAL_ENV
"""


def test_one_wrong_letter_is_a_slip() -> None:
    assert names.misspelt(SLIPS, KNOWN) == dict(sorted(SLIPS.items()))


def test_a_name_of_the_owner_is_none() -> None:
    assert names.misspelt([*OTHERS.split(), *KNOWN], KNOWN) == {}


def test_a_short_name_is_none() -> None:
    assert names.misspelt(["CSS"], ["CSP"]) == {}


def test_a_setting_of_a_subclass_is_known_and_so_is_a_slip_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Own(Settings):
        invoice_limit: int = 3
        token_keyz: str = ""

    for name in ("TOKEN_KEYZ", "INVOICE_LIMITS", "trusted_host"):
        monkeypatch.setenv(name, "1")
    meant = {"INVOICE_LIMITS": "INVOICE_LIMIT", "TRUSTED_HOST": "TRUSTED_HOSTS"}
    assert Own.misspelt() == meant


def test_beside_the_setting_the_other_name_is_the_owners(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URI", "redis://a")
    assert Settings.misspelt() == {"REDIS_URI": "REDIS_URL"}
    monkeypatch.setenv("REDIS_URL", "redis://a")
    assert Settings.misspelt() == {}
