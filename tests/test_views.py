"""The owner's views, in a render of the default answers: tests/views/ in a separate process."""

from __future__ import annotations

import pytest

import support

VIEWS = support.TEMPLATE / "tests" / "views"
# So that processes share the work.
PARTS = {
    "routes": [file.name for file in sorted(VIEWS.glob("test_*.py"))],
    "example": ["starter"],
    "browser": ["browser", "--ignore=browser/starter"],
    "pages": ["browser/starter"],
}
# What the level of Content-Security-Policy decides; the rest is the same for all.
DECIDED_BY_CSP = [
    *(f"browser/test_{name}.py" for name in ("attacks", "csp", "reports")),
    *(f"browser/starter/test_{name}.py" for name in ("page", "without_javascript")),
]


def run(*tests: str, csp: str = "strict") -> None:
    support.python("-m", "pytest", "-q", *tests, cwd=VIEWS, VIEWS_CSP=csp)


@pytest.mark.slow
@pytest.mark.parametrize(
    "part",
    [pytest.param(part, marks=pytest.mark.all if part == "pages" else ()) for part in PARTS],
)
def test_the_views_keep_what_they_promise(part: str) -> None:
    run(*PARTS[part])


@pytest.mark.all
@pytest.mark.slow
@pytest.mark.parametrize("level", support.CHOICES["csp"][1:])
def test_the_browser_blocks_and_allows_at_each_other_level(level: str) -> None:
    run(*DECIDED_BY_CSP, csp=level)
