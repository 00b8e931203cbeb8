"""In Chromium, a project's pages keep to their policy at each level, and it blocks an attack."""

from __future__ import annotations

import pytest

import support
from conftest import Rendered


@pytest.mark.slow
@pytest.mark.parametrize(
    "level",
    [
        "strict",
        *(pytest.param(level, marks=pytest.mark.all) for level in support.CHOICES["csp"][1:]),
    ],
)
def test_the_browser_blocks_and_allows_as_answered(level: str, rendered: Rendered) -> None:
    support.need(support.CHROMIUM, "Chromium")
    project = rendered({"csp": level})
    output = support.own_tests(project, "tests/browser", REQUIRE_SERVICES="1")
    assert "passed" in output
