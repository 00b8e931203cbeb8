"""What policy.py accepts is left out of `flask check`, and is always known and explained."""

import json
from logging import ERROR

import pytest
from click.testing import Result
from secure_flask.checks import registry
from secure_flask.checks.registry import check

from core.conftest import MakeApp


@pytest.fixture(autouse=True)
def _checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two checks: one finds something, the other nothing."""
    monkeypatch.setattr(registry, "CHECKS", {})
    check("test.found", ERROR, "It is so.", "Change it.")(lambda app: True)
    check("test.silent", ERROR, "It is so.", "Change it.")(lambda app: False)


def run(make_app: MakeApp, accepted: dict[str, str | None], *arguments: str) -> Result:
    app = make_app(ACCEPTED_FINDINGS=accepted)
    return app.test_cli_runner().invoke(args=["check", *arguments])


def test_an_accepted_finding_is_left_out_and_named_in_the_closing_line(make_app: MakeApp) -> None:
    result = run(make_app, {"test.found": "It is behind a wall."})
    assert result.exit_code == 0
    assert result.stdout == "errors: 0, warnings: 0, infos: 0, accepted: 1 (test.found)\n"


def test_a_program_reads_which_were_accepted(make_app: MakeApp) -> None:
    result = run(make_app, {"test.found": "It is behind a wall."}, "--format=json")
    assert json.loads(result.stdout)["accepted"] == ["test.found"]


def test_an_accepted_finding_that_is_not_there_is_not_counted(make_app: MakeApp) -> None:
    result = run(make_app, {"test.silent": "It is behind a wall."})
    assert result.exit_code == 1
    assert result.stdout.endswith("errors: 1, warnings: 0, infos: 0\n")


def test_an_unknown_id_is_refused_with_those_that_are_known(make_app: MakeApp) -> None:
    result = run(make_app, {"test.fuond": "It is behind a wall."})
    assert result.exit_code == 1
    assert "'test.fuond'" in result.stderr
    assert "test.found, test.silent" in result.stderr


def test_an_empty_reason_is_refused(make_app: MakeApp) -> None:
    for reason in ("", " ", None):
        result = run(make_app, {"test.found": reason})
        assert result.exit_code == 1
        assert "no reason for 'test.found'" in result.stderr
