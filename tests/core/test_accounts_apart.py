"""The core's tests of accounts, in a separate process: their class of users is another one."""

from __future__ import annotations

import pytest

import support

CORE = support.TEMPLATE / "tests" / "core" / "accounts"
FILES = sorted(file.name for file in CORE.glob("test_*.py"))


# Two halves, so that processes share the work.
@pytest.mark.slow(seconds=30)
@pytest.mark.parametrize("files", [FILES[half::2] for half in (0, 1)], ids=["odd", "even"])
def test_the_rules_of_accounts_hold(files: list[str]) -> None:
    support.python("-m", "pytest", "-q", *support.random_order(), *files, cwd=CORE)
