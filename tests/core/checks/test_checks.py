"""The checks themselves: each has an id of one function, and a test that provokes it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from secure_flask import checks
from secure_flask.checks import Finding, find_all_findings, register_check

# The folder of keys has a check of its own.
KEYS = Path(__file__).parents[1] / "keys"


def test_each_is_provoked_by_a_test_beside_this_one() -> None:
    files = [*Path(__file__).parent.rglob("test_*.py"), KEYS / "test_commands.py"]
    tests = "".join(file.read_text("utf-8") for file in files)
    missing = [name for name in checks.CHECKS if f'"{name}"' not in tests]
    assert missing == [], "Write a test that provokes each of these."


def test_no_two_have_one_id() -> None:
    with pytest.raises(ValueError, match=r"There is a check 'csp\.insecure' already"):
        register_check("csp.insecure", "warning")(lambda app: ())


def test_your_own_is_asked_with_the_rest(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "CHECKS", {})

    @register_check("disk.full", "warning")
    def full(app: Flask) -> Iterator[Finding]:
        for place in ("/var", "/srv"):
            yield Finding(f"{place} is nearly full.", hint="Delete old logs.")

    old = Finding("The backup is of last year.", hint="Make one.")
    register_check("backup.old", "error", deploy=True)(lambda app: [old])
    old_backup = Finding(old.message, old.hint, "backup.old", "error")
    full_disks = [
        Finding(f"{place} is nearly full.", "Delete old logs.", "disk.full", "warning")
        for place in ("/var", "/srv")
    ]
    assert find_all_findings(app, deploy=False) == full_disks
    assert find_all_findings(app, deploy=True) == [old_backup, *full_disks]
