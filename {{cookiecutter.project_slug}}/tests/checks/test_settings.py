"""Settings of development, or of an example, that would go to production."""

from typing import Any

import pytest

from app.auth import password_rules
from tests.checks.conftest import Find


@pytest.mark.parametrize(
    ("finding_id", "changes"),
    [
        ("settings.development", {"PRODUCTION": False}),
        ("settings.debug", {"DEBUG": True}),
        ("contact.example", {"SECURITY_CONTACT": "security@example.com"}),
        ("contact.example", {"SECURITY_CONTACT": "https://www.example.org/security"}),
    ],
)
def test_what_suits_no_production_is_told(
    find: Find, finding_id: str, changes: dict[str, Any]
) -> None:
    assert len(find(finding_id, **changes)) == 1


@pytest.mark.parametrize(
    "contact", ["security@my-example.com", "security@example.com.test", "a@example-it.com"]
)
def test_a_name_that_somebody_owns_is_no_example(find: Find, contact: str) -> None:
    assert find("contact.example", SECURITY_CONTACT=contact) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SESSION_COOKIE_SECURE", False),
        ("SESSION_COOKIE_HTTPONLY", False),
        ("SESSION_COOKIE_SAMESITE", "None"),
        ("SESSION_COOKIE_DOMAIN", "safe.test"),
    ],
)
def test_a_cookie_setting_that_was_loosened_is_named(find: Find, name: str, value: object) -> None:
    [message] = find("cookies.insecure", **{name: value})
    assert message.startswith(f"{name} ")


def test_development_keeps_its_cookies_over_http(find: Find) -> None:
    off = {"PRODUCTION": False, "SESSION_COOKIE_SECURE": False}
    assert find("cookies.insecure", **off) == []


def test_a_missing_list_of_breached_passwords_is_told(
    find: Find, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(password_rules, "find_spec", lambda name: None)
    assert len(find("passwords.no-breach-list")) == 1
