"""The checks themselves: each has an id, says what to do and is silent where all is well."""

from pathlib import Path

import pytest
from flask import Flask
from secure_flask.checks import registry
from secure_flask.checks.registry import Finding, check, findings


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

    # As by `python -OO`, which removes docstrings.
    check("backup.old", "error", deploy=True)(lambda app: True)
    old_backup = Finding("backup.old", "error", "backup.old", "")
    full_disks = [
        Finding("disk.full", "warning", f"{place} is nearly full.", "Delete old logs.")
        for place in ("/var", "/srv")
    ]
    assert findings(app, deploy=False) == full_disks
    assert findings(app, deploy=True) == [old_backup, *full_disks]
