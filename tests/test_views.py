"""The owner's views, in a render of the default answers: tests/views/ in a process of its own."""

from __future__ import annotations

import pytest

import support

VIEWS = support.TEMPLATE / "tests" / "views"
# What the level of Content-Security-Policy decides; the rest is the same for all.
DECIDED_BY_CSP = ["browser/test_attacks.py", "browser/test_csp.py", "browser/starter/test_page.py"]
PARTS = {
    "routes": [file.name for file in sorted(VIEWS.glob("test_*.py"))],
    "example": ["starter"],
    "browser": ["browser", "--ignore=browser/starter"],
    "pages": ["browser/starter"],
}


def run(*arguments: str, csp: str = "strict") -> None:
    support.python("-m", "pytest", "-q", *arguments, cwd=VIEWS, VIEWS_CSP=csp)


@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS)
def test_the_views_keep_what_they_promise(part: str) -> None:
    run(*PARTS[part])


@pytest.mark.slow
@pytest.mark.parametrize("level", support.CHOICES["csp"])
def test_the_browser_blocks_and_allows_at_each_level(level: str) -> None:
    if level != "strict":
        run(*DECIDED_BY_CSP, csp=level)
