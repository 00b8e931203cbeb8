"""Chromium sees what each level of Content-Security-Policy promises, and a page for everybody."""

from __future__ import annotations

import shutil

import pytest

import support
from conftest import NewProject

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

# What the level decides; the rest is the same for all, and tried at the first.
DECIDED_BY_CSP = [
    *(f"tests/browser/test_{name}.py" for name in ("attacks", "csp", "reports")),
    "tests/browser/starter/test_page.py",
]


@pytest.mark.slow
# Each level with another kind of token, since the page serves them all by one script.
@pytest.mark.parametrize(
    ("csp", "token_type"),
    list(zip(support.CHOICES["csp"], support.CHOICES["token_type"], strict=False)),
)
def test_the_browser_blocks_and_allows_as_answered(
    csp: str, token_type: str, new_project: NewProject
) -> None:
    support.need(CHROMIUM, "Chromium")
    answers = {"csp": csp, "token_type": token_type}
    project = new_project(**answers)
    whole = support.EVERY_COMBINATION or csp == support.CHOICES["csp"][0]
    support.own_tests(project, *(["tests/browser"] if whole else DECIDED_BY_CSP))
