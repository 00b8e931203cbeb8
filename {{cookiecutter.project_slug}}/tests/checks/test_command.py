"""`flask check`, as its caller and a build see it."""

import json
from logging import ERROR, INFO, WARNING

import pytest
from click.testing import Result
from flask import Flask

from app.checks import registry
from app.checks.registry import check
from tests.checks.conftest import ALONE, MakeSite
from tests.conftest import SECRETS

LEVELS = {"error": ERROR, "warning": WARNING, "info": INFO}


def run(app: Flask, *arguments: str) -> Result:
    return app.test_cli_runner().invoke(args=["check", *arguments])


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """No check but those that a test registers."""
    monkeypatch.setattr(registry, "CHECKS", {})


def always(level: str) -> None:
    """Register a check that always finds something of a level."""
    check(f"test.{level}", LEVELS[level], "It is so.", "Change it.")(lambda app: True)


def test_a_fresh_project_passes(app: Flask) -> None:
    assert run(app).exit_code == 0


def test_a_clean_site_passes_for_production_once_it_is_known_to_be_one_process(site: Flask) -> None:
    assert run(site, "--deploy").exit_code == 1
    result = run(site, "--deploy", *(f"--accept={finding_id}" for finding_id in ALONE))
    assert result.exit_code == 0
    assert result.stdout.endswith("errors: 0, warnings: 0, infos: 1\n")


def test_a_development_does_not(app: Flask) -> None:
    result = run(app, "--deploy")
    assert result.exit_code == 1
    assert "ERROR settings.development: " in result.stdout


def test_each_finding_is_two_lines_the_worst_first(app: Flask, checks: None) -> None:
    always("info")
    always("error")
    assert run(app).stdout.splitlines() == [
        "ERROR test.error: It is so.",
        "    Change it.",
        "INFO test.info: It is so.",
        "    Change it.",
        "errors: 1, warnings: 0, infos: 1",
    ]


def test_programs_get_json(app: Flask, checks: None) -> None:
    always("warning")
    found = {"id": "test.warning", "level": "warning", "message": "It is so.", "hint": "Change it."}
    assert json.loads(run(app, "--format", "json").stdout) == {
        "findings": [found],
        "counts": {"error": 0, "warning": 1, "info": 0},
    }


@pytest.mark.parametrize(
    ("arguments", "failing"),
    [
        ("", ["error"]),
        ("--deploy", ["error", "warning"]),
        ("--fail-level error --deploy", ["error"]),
        ("--fail-level warning", ["error", "warning"]),
        ("--fail-level info", ["error", "warning", "info"]),
        ("--fail-level never --deploy", []),
    ],
)
def test_the_exit_status_is_1_from_the_chosen_level_on(
    app: Flask, monkeypatch: pytest.MonkeyPatch, arguments: str, failing: list[str]
) -> None:
    statuses = {}
    for level in LEVELS:
        monkeypatch.setattr(registry, "CHECKS", {})
        always(level)
        statuses[level] = run(app, *arguments.split()).exit_code
    assert statuses == {level: int(level in failing) for level in LEVELS}


def test_what_was_accepted_is_left_out(app: Flask, checks: None) -> None:
    always("error")
    always("info")
    result = run(app, "--accept", "test.error", "--accept", "test.warning")
    assert result.exit_code == 0
    assert "test.error" not in result.stdout
    assert "test.info" in result.stdout


def test_no_secret_is_in_it(make_site: MakeSite) -> None:
    weak = "abcdefghijklmnopqrstuvwxyz0123456789"
    reused = SECRETS["encryption_keys"]
    app = make_site(
        secret_key=weak, blind_index_keys=reused, redis_url="redis://:s3cret@127.0.0.1:1/0"
    )
    shown = run(app, "--deploy").output + run(app, "--deploy", "--format", "json").output
    for told in ("secrets.guessable", "secrets.reused", "redis.unreachable"):
        assert shown.count(told) == 2
    keys = [secret.partition(":")[2] for secret in SECRETS.values() if ":" in secret]
    assert not [secret for secret in (weak, "s3cret", *keys) if secret in shown]
