"""The address of the site, the mail server and the sender, as the environment sets them."""

from pathlib import Path

import pytest
from flask import Flask
from secure_flask import PolicyError, SettingsError
from secure_flask.accounts import AccountSettings
from secure_flask.accounts.settings import public_link
from secure_flask.settings.__main__ import fresh_secrets

from core.conftest import MakeApp

PRODUCTION = {
    "APP_ENV": "production",
    "TRUSTED_HOSTS": "www.safe.test",
    "PUBLIC_URL": "https://www.safe.test",
    "MAIL_URL": "smtps://user:p%40ss@mail.example.org",
    "MAIL_FROM": "My Service <no-reply@example.org>",
}
DEVELOPMENT = {"APP_ENV": "development"}

REFUSED = [
    ("PUBLIC_URL", "", "is missing"),
    ("PUBLIC_URL", "http://www.safe.test", "must begin with https://"),
    ("PUBLIC_URL", "https://other.example.org", "must name a host of TRUSTED_HOSTS"),
    ("PUBLIC_URL", "https://www.safe.test.evil.test", "must name a host of TRUSTED_HOSTS"),
    ("PUBLIC_URL", "https://www.safe.test/", "without a path"),
    ("PUBLIC_URL", "https://www.safe.test?a", "without a path"),
    ("PUBLIC_URL", "https://user@www.safe.test", "without a path"),
    ("MAIL_URL", "", "is missing"),
    ("MAIL_URL", "https://mail.example.org", "must be smtps://"),
    ("MAIL_FROM", "", "is missing"),
    ("MAIL_FROM", "My Service", "must be one address"),
    ("MAIL_FROM", "a@example.org, b@example.org", "must be one address"),
    ("MAIL_FROM", "a@example.org\nBcc: b@example.org", "must be one address"),
    ("MAIL_FROM", "jörg@example.org", "must be one address"),
    ("MAILS_PER_HOUR", "0", "greater than or equal to"),
]


@pytest.fixture(autouse=True)
def _no_env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def load(**values: str) -> AccountSettings:
    with pytest.MonkeyPatch.context() as environment:
        for name, value in {**fresh_secrets(), **values}.items():
            environment.setenv(name, value)
        return AccountSettings.load()


@pytest.mark.parametrize(("name", "value", "words"), REFUSED)
def test_production_needs_all_and_says_what_to_write(name: str, value: str, words: str) -> None:
    assert load(**PRODUCTION)
    with pytest.raises(SettingsError, match=f"{name}: .*{words}") as refused:
        load(**{**PRODUCTION, name: value})
    assert len(value) < 2 or value not in str(refused.value)


def test_development_needs_none_and_may_use_http_for_a_trusted_host() -> None:
    settings = load(**DEVELOPMENT)
    assert settings.public_url == settings.mail_url.get_secret_value() == ""
    assert settings.mail_from == "no-reply@localhost"
    urls = ["http://localhost:8000", "http://127.0.0.1", "http://[::1]:8000"]
    assert [load(**DEVELOPMENT, PUBLIC_URL=url).public_url for url in urls] == urls
    senders = ["a@localhost", "Zoë <a@example.org>", '"Bread, Ltd." <a@bread.example.org>']
    assert [load(**DEVELOPMENT, MAIL_FROM=each).mail_from for each in senders] == senders
    with pytest.raises(SettingsError, match="PUBLIC_URL: must name a host of TRUSTED_HOSTS"):
        load(**DEVELOPMENT, PUBLIC_URL="http://www.safe.test")


def test_the_password_of_the_mail_server_is_not_printed() -> None:
    assert "p%40ss" not in repr(load(**PRODUCTION))
    with pytest.raises(SettingsError) as refused:
        load(**{**PRODUCTION, "MAIL_URL": "smtps://user:p%40ss@mail.example.org:port"})
    assert "p%40ss" not in str(refused.value)
    # Untrusted hosts are reported by themselves.
    with pytest.raises(SettingsError, match="TRUSTED_HOSTS: ") as untrusted:
        load(**{**PRODUCTION, "TRUSTED_HOSTS": "*"})
    assert "PUBLIC_URL" not in str(untrusted.value)


@pytest.mark.parametrize("unclear", ["False", None, 0])
def test_only_true_and_false_say_whether_registration_is_open(
    make_app: MakeApp, unclear: object
) -> None:
    with pytest.raises(PolicyError, match="REGISTRATION"):
        make_app(REGISTRATION=unclear)


def test_links_of_development_lead_to_where_it_is_served_unless_it_is_set(
    app: Flask, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.test_request_context("/", base_url="http://127.0.0.1:5000"):
        assert public_link("site.page") == "http://localhost:8000/login"
        # As `make run PORT=8102` sets it.
        monkeypatch.setenv("FLASK_RUN_PORT", "8102")
        assert public_link("site.page") == "http://localhost:8102/login"
    mounted = make_app(public_url="http://localhost:9000")
    mounted.config["APPLICATION_ROOT"] = "/shop"
    with mounted.app_context():
        assert public_link("site.page", next="/a b").endswith(":9000/shop/login?next=/a+b")


@pytest.mark.parametrize("name", ["Admin", "admin ", " ", "", "admin,boss", "@admin", "a" * 81])
def test_a_second_factor_is_demanded_by_the_name_of_a_role(make_app: MakeApp, name: str) -> None:
    # No view can demand a role of this name, so it would protect nobody.
    with pytest.raises(PolicyError) as refused:
        make_app(fill=False, SECOND_FACTOR_ROLES=["boss", name])
    assert str(refused.value) == (
        f"policy.py: SECOND_FACTOR_ROLES holds {name!r}; write the name of a role, a word such as "
        "'admin' of lower-case letters, digits, - and _, which begins with a letter."
    )
