"""The address of the site, the mail server and the sender, as the environment sets them."""

import pytest

from app.settings import Settings, SettingsError, fresh_secrets

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
    ("PUBLIC_URL", "www.safe.test", "must begin with https://"),
    ("PUBLIC_URL", "https://other.example.org", "must name a host of TRUSTED_HOSTS"),
    ("PUBLIC_URL", "https://www.safe.test.evil.test", "must name a host of TRUSTED_HOSTS"),
    ("PUBLIC_URL", "https://www.safe.test/", "without a path"),
    ("PUBLIC_URL", "https://www.safe.test/app", "without a path"),
    ("PUBLIC_URL", "https://www.safe.test?a", "without a path"),
    ("PUBLIC_URL", "https://user@www.safe.test", "without a path"),
    ("PUBLIC_URL", "https://www.safe.test:99999", "without a path"),
    ("MAIL_URL", "", "is missing"),
    ("MAIL_URL", "https://mail.example.org", "must be smtps://"),
    ("MAIL_URL", "mail.example.org:25", "must be smtps://"),
    ("MAIL_FROM", "", "is missing"),
    ("MAIL_FROM", "My Service", "must be one address"),
    ("MAIL_FROM", "a@example.org, b@example.org", "must be one address"),
    ("MAIL_FROM", "My Service <no-reply@example.org", "must be one address"),
    ("MAIL_FROM", "a@example.org\nBcc: b@example.org", "must be one address"),
    ("MAIL_FROM", "jörg@example.org", "must be one address"),
]


def load(**values: str) -> Settings:
    with pytest.MonkeyPatch.context() as environment:
        for name, value in {**fresh_secrets(), **values}.items():
            environment.setenv(name, value)
        return Settings.load()


def test_production_needs_all_three_and_says_what_to_write(subtests: pytest.Subtests) -> None:
    assert load(**PRODUCTION)
    for name, value, words in REFUSED:
        with subtests.test(f"{name}={value}"):
            with pytest.raises(SettingsError, match=f"{name}: .*{words}") as refused:
                load(**{**PRODUCTION, name: value})
            assert not value or value not in str(refused.value)


def test_development_needs_none() -> None:
    settings = load(**DEVELOPMENT)
    assert settings.public_url == settings.mail_url.get_secret_value() == ""
    assert settings.mail_from == "no-reply@localhost"


def test_development_may_use_http_for_a_trusted_host() -> None:
    for url in (
        "http://localhost:8000",
        "http://127.0.0.1",
        "http://[::1]:8000",
        "https://localhost",
    ):
        assert load(**DEVELOPMENT, PUBLIC_URL=url).public_url == url
    with pytest.raises(SettingsError, match="PUBLIC_URL: must name a host of TRUSTED_HOSTS"):
        load(**DEVELOPMENT, PUBLIC_URL="http://www.safe.test")


def test_untrusted_hosts_are_reported_by_themselves() -> None:
    with pytest.raises(SettingsError, match="TRUSTED_HOSTS: ") as refused:
        load(**{**PRODUCTION, "TRUSTED_HOSTS": "*"})
    assert "PUBLIC_URL" not in str(refused.value)


def test_a_sender_may_have_a_name_in_any_language() -> None:
    for sender in ("a@localhost", "Zoë <a@example.org>", '"Bread, Ltd." <a@bread.example.org>'):
        assert load(**{**PRODUCTION, "MAIL_FROM": sender}).mail_from == sender


@pytest.mark.asvs("13.3.1")
def test_the_password_of_the_mail_server_is_not_printed() -> None:
    assert "p%40ss" not in repr(load(**PRODUCTION))
    with pytest.raises(SettingsError) as refused:
        load(**{**PRODUCTION, "MAIL_URL": "smtps://user:p%40ss@mail.example.org:port"})
    assert "p%40ss" not in str(refused.value)
