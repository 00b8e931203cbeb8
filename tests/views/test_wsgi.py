"""How the app starts, as the operator sees it."""

import gc
import runpy
from pathlib import Path
from typing import Any

import click
import pytest

from app import policy
from core.conftest import SECRETS, Lines

ROOT = Path(__file__).parent.parent
GOOD = {
    **{name.upper(): secret for name, secret in SECRETS.items()},
    "TRUSTED_HOSTS": "www.example.org",
    "DATABASE_URL": "sqlite:///:memory:",
    # What accounts by Flask-Security demand.
    "PUBLIC_URL": "https://www.example.org",
    "MAIL_URL": "smtps://mail.example.org",
    "MAIL_FROM": "no-reply@example.org",
}


def start(monkeypatch: pytest.MonkeyPatch, **changes: str) -> dict[str, Any]:
    """What wsgi.py holds in an environment that is good but for these."""
    for name, value in {**GOOD, **changes}.items():
        monkeypatch.setenv(name, value)
    return runpy.run_path(str(ROOT / "wsgi.py"))


def test_a_good_environment_serves_and_says_what_is_in_force(
    monkeypatch: pytest.MonkeyPatch, lines: Lines
) -> None:
    gc.unfreeze()
    app = start(monkeypatch)["app"]
    assert [line["event"] for line in lines()] == ["sys_startup"]
    assert app.test_client().get("/healthz").status_code == 200
    # The garbage collector need not walk the app.
    assert not any(each is app for each in gc.get_objects())


def test_a_command_that_serves_nobody_says_nothing(
    monkeypatch: pytest.MonkeyPatch, lines: Lines
) -> None:
    with click.Context(click.Command("user"), info_name="user"):
        start(monkeypatch)
    assert lines() == []


def test_a_bad_setting_or_policy_is_reported_in_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit) as stopped:
        start(monkeypatch, SECRET_KEY="too-short", TRUSTED_HOSTS="")
    assert str(stopped.value).startswith("This app does not start with these settings:\n")
    assert "too-short" not in str(stopped.value)
    monkeypatch.setattr(policy, "CORS_ORIGINS", ["*"])
    with pytest.raises(SystemExit, match=r"^policy\.py: CORS_ORIGINS holds '\*'"):
        start(monkeypatch)
