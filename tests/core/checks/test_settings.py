"""Misspelt names, settings of development or of an example, and secrets that are found twice."""

import os
from pathlib import Path

import pytest
from secure_flask.auth import passwords
from secure_flask.settings import Settings, keyrings
from secure_flask.settings.types import LOOPBACK_NAMES

from core.checks.conftest import Find, MakeSite, found_in
from core.conftest import SECRETS

KEY = SECRETS["encryption_keys"]
YEAR = 365 * 24 * 60 * 60  # seconds


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the variables of the machine that runs the tests."""
    monkeypatch.setattr(os, "environ", {"PATH": os.environ["PATH"], "FLASK_APP": "wsgi"})


def test_a_misspelt_setting_is_reported(
    find: Find, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find("settings.misspelt") == []
    (tmp_path / ".env").write_text("LOGIN_RATE_LIMT=3 per minute\nMY_LIMIT=3\n")
    monkeypatch.setitem(Settings.model_config, "env_file", tmp_path / ".env")
    monkeypatch.setitem(os.environ, "PROXY_HOP", "1")
    assert find("settings.misspelt") == [
        "Nothing reads the setting LOGIN_RATE_LIMT: is LOGIN_RATE_LIMIT meant?",
        "Nothing reads the setting PROXY_HOP: is PROXY_HOPS meant?",
    ]


def test_a_misspelt_name_in_the_policy_is_reported(find: Find) -> None:
    assert find("policy.misspelt") == []
    slips = {"CORS_ORIGIN": [], "MAX_BODYS": 1, "SESSION_COOKIE_SECUR": True}
    assert find("policy.misspelt", **slips, PARTNERS=[], TASKS_PER_PAGE=3) == [
        "Nothing reads CORS_ORIGIN: is CORS_ORIGINS meant?",
        "Nothing reads MAX_BODYS: is MAX_BODY meant?",
        "Nothing reads SESSION_COOKIE_SECUR: is SESSION_COOKIE_SECURE meant?",
    ]


def test_a_development_is_reported(find: Find) -> None:
    assert find("settings.development") == []
    assert len(find("settings.development", PRODUCTION=False)) == 1
    assert len(find("settings.development", DEBUG=True)) == 1


def test_a_contact_that_nobody_reads_is_reported(find: Find) -> None:
    for contact in ("security@example.com", "https://www.example.org/security"):
        [message] = find("settings.example", SECURITY_CONTACT=contact)
        assert message.startswith("SECURITY_CONTACT ")
    for contact in ("security@my-example.com", "security@example.com.test", "a@example-it.com"):
        assert find("settings.example", SECURITY_CONTACT=contact) == []


def test_names_that_no_visitor_comes_by_are_reported(make_site: MakeSite) -> None:
    names = ("hosts.missing", "settings.example")
    for hosts, found in (
        (["localhost"], ["hosts.missing"]),
        (LOOPBACK_NAMES, ["hosts.missing"]),
        (["localhost", "www.safe.test"], []),
        (["www.safe.test", "www.example.org"], ["settings.example"]),
        (["site.example"], ["settings.example"]),
        (["example.safe.test", "my-example.com"], []),
    ):
        app = make_site(trusted_hosts=hosts)
        assert [name for name in names if found_in(app, name)] == found


def test_https_that_is_remembered_briefly_is_reported(find: Find) -> None:
    for hsts, found in ((f"max-age={YEAR}", 0), (f"max-age={YEAR - 1}", 1), ("preload", 1)):
        changes = {"Strict-Transport-Security": hsts}
        assert len(find("hsts.short", HEADER_CHANGES=changes)) == found
    assert find("hsts.short") == []
    assert len(find("hsts.short", HEADER_CHANGES={"Strict-Transport-Security": None})) == 1


def test_a_missing_breach_list_is_reported(find: Find, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "has_breach_list", lambda: False)
    assert len(find("passwords.no-breach-list")) == 1


def test_a_key_that_serves_two_purposes_is_reported(find: Find) -> None:
    assert find("secrets.reused") == []
    for name in ("BLIND_INDEX_KEYS", "TOKEN_KEYS"):
        reused = f"{keyrings.new('2')},{KEY.replace(':', '9:')}"
        [message] = find("secrets.reused", **{name: reused})
        assert message.startswith(f"ENCRYPTION_KEYS and {name} ")
    for secret in (KEY, f"{KEY.partition(':')[2]}="):
        [message] = find("secrets.reused", SECRET_KEY=secret)
        assert message.startswith("SECRET_KEY and ENCRYPTION_KEYS ")
