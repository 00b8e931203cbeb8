"""`flask check`, as its caller and a build see it, and what ACCEPTED_FINDINGS leaves out."""

import re

import pytest
from click.testing import Result
from flask import Flask
from secure_flask.checks import Check, Finding, check_command, register_check

from core.checks.conftest import ALONE, MakeSite
from core.conftest import SECRETS, MakeApp

LEVELS = ("error", "warning")
FOUND = [f"test.{level}" for level in LEVELS]


def run(app: Flask, *arguments: str) -> Result:
    return app.test_cli_runner().invoke(args=["check", *arguments])


def accepting(make_app: MakeApp, *ids: str, reason: str | None = "It is behind a wall.") -> Flask:
    return make_app(ACCEPTED_FINDINGS=dict.fromkeys(ids, reason))


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """No check but one of each level, which always finds something."""
    registered: dict[str, Check] = {}
    monkeypatch.setattr("secure_flask.checks.CHECKS", registered)
    monkeypatch.setattr(check_command, "CHECKS", registered)

    for level in LEVELS:
        register_check(f"test.{level}", level)(
            lambda app: [Finding("It is so.", hint="Change it.")]
        )


def test_a_clean_site_of_one_process_passes_for_production(make_migrated: MakeSite) -> None:
    assert run(make_migrated(), "--deploy").exit_code == 1
    with check_command.check_command.make_context("check", ["--deploy"]):
        site = make_migrated(
            ACCEPTED_FINDINGS=dict.fromkeys(ALONE, "One process."), access_log=True
        )
    result = run(site, "--deploy")
    closing = f"errors: 0, warnings: 0, accepted: 2 ({', '.join(ALONE)})\n"
    assert (result.exit_code, result.stdout) == (0, closing)
    # Its own requests leave no lines in the log.
    assert (result.stderr[:20], result.stderr.count("\n")) == ("Not seen from here: ", 1)


def test_a_development_is_not_judged_as_production(make_migrated: MakeSite) -> None:
    unfit = {"trusted_hosts": ["localhost"], "proxy_hops": 0}
    hsts = {"Strict-Transport-Security": "max-age=1"}
    policy = {"HEADER_CHANGES": hsts, "SECURITY_CONTACT": "a@example.org"}
    app = make_migrated(app_env="development", **unfit, **policy)
    assert run(app).stdout == "errors: 0, warnings: 0\n"
    result = run(app, "--deploy")
    assert result.exit_code == 1
    assert result.stdout.count("\n    ") >= 7


@pytest.mark.usefixtures("checks")
def test_each_finding_is_two_lines_the_worst_first(make_app: MakeApp) -> None:
    assert run(make_app()).stdout.splitlines() == [
        "ERROR test.error: It is so.",
        "    Change it.",
        "WARNING test.warning: It is so.",
        "    Change it.",
        "errors: 1, warnings: 1",
    ]


@pytest.mark.usefixtures("checks")
def test_the_exit_status_is_1_from_the_chosen_level(
    make_app: MakeApp, subtests: pytest.Subtests
) -> None:
    hidden = ([f"test.{level}" for level in LEVELS if level != only] for only in LEVELS)
    apps = [accepting(make_app, *each) for each in hidden]
    failing = {
        "": [1, 0],
        "--deploy": [1, 1],
        "--fail-level error --deploy": [1, 0],
        "--fail-level warning": [1, 1],
        "--fail-level never --deploy": [0, 0],
    }
    for options, statuses in failing.items():
        with subtests.test(options=options, statuses=statuses):
            assert [run(app, *options.split()).exit_code for app in apps] == statuses, options


@pytest.mark.usefixtures("checks")
def test_what_hides_no_finding_is_refused(make_app: MakeApp) -> None:
    unknown = run(accepting(make_app, "test.fuond"))
    assert unknown.exit_code == 1
    assert "'test.fuond'" in unknown.stderr
    assert ", ".join(sorted(FOUND)) in unknown.stderr


@pytest.mark.usefixtures("checks")
@pytest.mark.parametrize(
    ("options", "named"), [("", ["quiet"]), ("--deploy", ["live", "quiet"])], ids=["here", "deploy"]
)
def test_what_accepts_nothing_is_named_where_its_check_ran(
    make_app: MakeApp, options: str, named: list[str]
) -> None:
    register_check("test.quiet", "error")(lambda app: ())
    register_check("test.live", "error", deploy=True)(lambda app: ())
    result = run(accepting(make_app, *FOUND, "test.quiet", "test.live"), *options.split())
    assert re.findall(r"accepts nothing here by test\.(\w+)", result.stdout) == named
    assert result.exit_code == 0


@pytest.mark.usefixtures("checks")
def test_an_id_with_the_first_words_of_a_message_accepts_that_finding_alone(
    make_app: MakeApp,
) -> None:
    places = ("pages.help: style", "pages.helper: style")
    found = [Finding(f"{place} allows it.", hint="Forbid it.") for place in places]
    register_check("test.view", "warning")(lambda app: found)
    shown = run(accepting(make_app, "test.view: pages.help", "test.view: pages.hel")).stdout
    assert re.findall(r"WARNING test\.view: (\S+):", shown) == ["pages.helper"]
    assert re.findall(r"accepts nothing here by (.+)\.$", shown, re.M) == ["test.view: pages.hel"]
    assert shown.endswith("accepted: 1 (test.view: pages.help)\n")


def test_no_secret_is_in_it(make_site: MakeSite) -> None:
    reused = SECRETS["encryption_keys"]
    app = make_site(blind_index_keys=reused, redis_url="redis://:s3cret@127.0.0.1:1/0")
    shown = run(app, "--deploy").output
    assert "secrets.reused" in shown
    assert "redis.unreachable" in shown
    keys = [secret.partition(":")[2] for secret in SECRETS.values() if ":" in secret]
    assert not [secret for secret in ("s3cret", *keys) if secret in shown]
