"""A name that nothing reads is reported with the one that is meant; a name of the owner is not."""

import os
from logging import ERROR
from pathlib import Path

import pytest
from secure_flask.checks import registry
from secure_flask.settings import Settings

from core.checks.conftest import Find


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


def test_a_slip_fails_the_command() -> None:
    for name in ("settings.misspelt", "policy.misspelt"):
        assert registry.CHECKS[name].finding.level == ERROR
