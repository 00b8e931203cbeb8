"""The checks themselves: each has an id, says what to do and is silent where all is well."""

from pathlib import Path

import pytest
from flask import Flask
from secure_flask.checks import registry
from secure_flask.checks.registry import Finding, check, findings

from core.checks.conftest import ALONE, MakeSite


def found_in(app: Flask, *, deploy: bool) -> list[str]:
    with app.app_context():
        return [finding.id for finding in findings(app, deploy=deploy)]


def test_a_clean_site_has_only_findings_that_its_owner_decides(make_migrated: MakeSite) -> None:
    site = make_migrated()
    assert found_in(site, deploy=True) == ALONE
    assert found_in(site, deploy=False) == []


def test_a_development_is_not_judged_as_production(make_migrated: MakeSite) -> None:
    unfit = {"trusted_hosts": ["localhost"], "proxy_hops": 0, "csp_report_only": True}
    hsts = {"Strict-Transport-Security": "max-age=1"}
    policy = {"HEADER_CHANGES": hsts, "SECURITY_CONTACT": "a@example.org"}
    app = make_migrated(app_env="development", **unfit, **policy)
    assert len(found_in(app, deploy=True)) >= 8
    assert found_in(app, deploy=False) == []


def test_each_says_what_to_do_and_is_provoked_by_a_test_beside_this_one() -> None:
    tests = "".join(file.read_text("utf-8") for file in Path(__file__).parent.rglob("test_*.py"))
    missing = [name for name in registry.CHECKS if f'"{name}"' not in tests]
    assert missing == [], "Write a test that provokes each of these."
    assert all(each.finding.message and each.finding.advice for each in registry.CHECKS.values())


def test_no_two_have_one_id() -> None:
    with pytest.raises(ValueError, match=r"There is a check 'csp\.insecure' already"):
        check("csp.insecure", "warning")(lambda app: False)


def test_your_own_is_asked_with_the_rest(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "CHECKS", {})

    @check("disk.full", "warning")
    def full(app: Flask) -> list[str]:
        """{} is nearly
        full.

        Delete old logs.
        """
        return ["/var", "/srv"]

    @check("backup.old", "error", deploy=True)
    def old(app: Flask) -> bool:
        """The backup is old.

        Make one.
        """
        return True

    old_backup = Finding("backup.old", "error", "The backup is old.", "Make one.")
    full_disks = [
        Finding("disk.full", "warning", f"{place} is nearly full.", "Delete old logs.")
        for place in ("/var", "/srv")
    ]
    assert findings(app, deploy=False) == full_disks
    assert findings(app, deploy=True) == [old_backup, *full_disks]


def test_an_app_starts_without_docstrings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "CHECKS", {})
    check("as.by-python-OO", "warning")(lambda app: True)
    assert registry.CHECKS["as.by-python-OO"].finding.message == "as.by-python-OO"
