"""Chromium sees what each level of Content-Security-Policy promises."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

import support

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.mark.slow
@pytest.mark.parametrize("csp", support.CHOICES["csp"])
def test_the_browser_blocks_and_allows_as_answered(csp: str, cookies: Any) -> None:
    support.need(CHROMIUM, "Chromium")
    project = cookies.bake(extra_context={"csp": csp}).project_path
    support.own_tests(project, "tests/browser")
