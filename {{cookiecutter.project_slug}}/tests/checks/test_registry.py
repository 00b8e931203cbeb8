"""The checks themselves: each is told apart, says what to do and is silent where all is well."""

from logging import ERROR, INFO, WARNING
from pathlib import Path

import pytest
from flask import Flask

from app.checks import registry
from app.checks.registry import CHECKS, Finding, check, findings
from tests.checks.conftest import ALONE

OWN = [name for name, check in CHECKS.items() if check.look.__module__.startswith("app.checks.")]


def test_a_clean_site_is_told_only_what_its_owner_must_look_at(site: Flask) -> None:
    with site.app_context():
        told = [finding.id for finding in findings(site, deploy=True)]
        assert told == [*ALONE, "hsts.subdomains"]
        assert findings(site, deploy=False) == []


@pytest.mark.parametrize("name", OWN)
def test_each_says_in_a_sentence_what_is_wrong_and_what_to_do(name: str) -> None:
    finding = CHECKS[name].finding
    assert finding.id == name
    assert finding.level in (ERROR, WARNING, INFO)
    assert finding.message.endswith(".")
    assert finding.hint


def test_each_is_provoked_by_a_test_beside_this_one() -> None:
    tests = "".join(file.read_text("utf-8") for file in Path(__file__).parent.glob("test_*.py"))
    assert [name for name in OWN if f'"{name}"' not in tests] == []


def test_no_two_have_one_id() -> None:
    with pytest.raises(ValueError, match=r"There is a check 'csp\.missing' already"):
        check("csp.missing", INFO, "Twice.", "Rename one.")(lambda app: False)


def test_your_own_is_asked_with_the_rest(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "CHECKS", {})

    @check("disk.full", WARNING, "{} is nearly full.", "Delete old logs.")
    def full(app: Flask) -> list[str]:
        return ["/var", "/srv"]

    @check("backup.old", ERROR, "The backup is old.", "Make one.", deploy=True)
    def old(app: Flask) -> bool:
        return True

    assert [finding.id for finding in findings(app, deploy=False)] == ["disk.full"] * 2
    told = findings(app, deploy=True)
    assert told[0] == Finding("backup.old", ERROR, "The backup is old.", "Make one.")
    words = [finding.message for finding in told[1:]]
    assert words == ["/var is nearly full.", "/srv is nearly full."]


def test_what_concerns_production_alone_is_not_asked_elsewhere() -> None:
    everywhere = {"database.unreachable", "migrations.pending", "redis.unreachable"}
    everywhere |= {"secrets.guessable", "secrets.reused"}
    asked = {name for name in OWN if not CHECKS[name].deploy}
    assert {name for name in asked if not name.startswith("csp.")} == everywhere
