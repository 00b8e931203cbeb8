"""Settings of development, or of an example, that would go to production."""

import pytest
from secure_flask.auth import password_rules

from core.checks.conftest import Find


def test_a_development_is_reported(find: Find) -> None:
    assert find("settings.development") == find("settings.debug") == []
    assert len(find("settings.development", PRODUCTION=False)) == 1
    assert len(find("settings.debug", DEBUG=True)) == 1


def test_a_contact_that_nobody_reads_is_reported(find: Find) -> None:
    for contact in ("security@example.com", "https://www.example.org/security"):
        assert len(find("contact.example", SECURITY_CONTACT=contact)) == 1
    for contact in ("security@my-example.com", "security@example.com.test", "a@example-it.com"):
        assert find("contact.example", SECURITY_CONTACT=contact) == []


def test_a_cookie_setting_that_was_weakened_is_named(find: Find) -> None:
    for name, value in (
        ("SESSION_COOKIE_SECURE", False),
        ("SESSION_COOKIE_HTTPONLY", False),
        ("SESSION_COOKIE_SAMESITE", "None"),
        ("SESSION_COOKIE_DOMAIN", "safe.test"),
    ):
        [message] = find("cookies.insecure", **{name: value})
        assert message.startswith(f"{name} ")
    # Development serves cookies over http.
    assert find("cookies.insecure", PRODUCTION=False, SESSION_COOKIE_SECURE=False) == []


def test_a_missing_breach_list_is_reported(find: Find, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(password_rules, "find_spec", lambda name: None)
    assert len(find("passwords.no-breach-list")) == 1
