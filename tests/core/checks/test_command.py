"""`flask check`, as its caller and a build see it."""

import json
from logging import ERROR, INFO, WARNING

import pytest
from click.testing import Result
from flask import Flask
from secure_flask.checks import registry
from secure_flask.checks.registry import check

from core.checks.conftest import ALONE, MakeSite
from core.conftest import SECRETS, Lines

LEVELS = {"error": ERROR, "warning": WARNING, "info": INFO}


def run(app: Flask, *arguments: str) -> Result:
    return app.test_cli_runner().invoke(args=["check", *arguments])


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """No check but one of each level, which always finds something."""
    monkeypatch.setattr(registry, "CHECKS", {})
    for name, level in LEVELS.items():
        check(f"test.{name}", level, "It is so.", "Change it.")(lambda app: True)


def test_a_clean_site_of_one_process_passes_for_production(make_migrated: MakeSite) -> None:
    site = make_migrated()
    assert run(site, "--deploy").exit_code == 1
    accepted = [f"--accept={finding_id}" for finding_id in [*ALONE, "hsts.subdomains"]]
    result = run(site, "--deploy", "--fail-level=info", *accepted)
    assert (result.exit_code, result.stdout) == (0, "errors: 0, warnings: 0, infos: 0\n")


def test_a_development_passes_as_such_and_not_for_production(make_site: MakeSite) -> None:
    app = make_site(app_env="development")
    assert run(app).exit_code == 0
    result = run(app, "--deploy")
    assert result.exit_code == 1
    assert "ERROR settings.development: " in result.stdout


@pytest.mark.usefixtures("checks")
def test_each_finding_is_two_lines_the_worst_first(app: Flask) -> None:
    assert run(app, "--accept", "test.warning").stdout.splitlines() == [
        "ERROR test.error: It is so.",
        "    Change it.",
        "INFO test.info: It is so.",
        "    Change it.",
        "errors: 1, warnings: 0, infos: 1",
    ]


@pytest.mark.usefixtures("checks")
def test_programs_get_json(app: Flask) -> None:
    result = run(app, "--format", "json", "--accept", "test.error", "--accept", "test.info")
    found = {"id": "test.warning", "level": "warning", "message": "It is so.", "hint": "Change it."}
    counts = {"error": 0, "warning": 1, "info": 0}
    assert json.loads(result.stdout) == {"findings": [found], "counts": counts, "accepted": []}


@pytest.mark.usefixtures("checks")
def test_the_exit_status_is_1_from_the_chosen_level(app: Flask, subtests: pytest.Subtests) -> None:
    for arguments, failing in (
        ("", ["error"]),
        ("--deploy", ["error", "warning"]),
        ("--fail-level error --deploy", ["error"]),
        ("--fail-level warning", ["error", "warning"]),
        ("--fail-level info", ["error", "warning", "info"]),
        ("--fail-level never --deploy", []),
    ):
        with subtests.test(arguments):
            for level in LEVELS:
                accepted = [f"--accept=test.{other}" for other in LEVELS if other != level]
                status = run(app, *arguments.split(), *accepted).exit_code
                assert status == int(level in failing)


def test_no_secret_is_in_it(make_site: MakeSite) -> None:
    weak = "abcdefghijklmnopqrstuvwxyz0123456789"
    reused = SECRETS["encryption_keys"]
    app = make_site(
        secret_key=weak, blind_index_keys=reused, redis_url="redis://:s3cret@127.0.0.1:1/0"
    )
    shown = run(app, "--deploy").output + run(app, "--deploy", "--format", "json").output
    for finding_id in ("secrets.guessable", "secrets.reused", "redis.unreachable"):
        assert shown.count(finding_id) == 2
    keys = [secret.partition(":")[2] for secret in SECRETS.values() if ":" in secret]
    assert not [secret for secret in (weak, "s3cret", *keys) if secret in shown]


def test_it_prints_no_access_log_of_its_own_requests(make_site: MakeSite, lines: Lines) -> None:
    result = run(make_site(access_log=True), "--deploy", "--format=json")
    assert json.loads(result.stdout)["findings"]
    assert not [line for line in lines() if line.get("event") == "request"]
    assert "request_method" not in result.stderr
