"""`AGENTS.md` of a project: short, each rule with a page that exists, and commands that pass."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

import following
import support
from conftest import NewProject, Rendered

RULE = re.compile(r"^- .+$", re.MULTILINE)
LINK = re.compile(r"\]\(([^)#]+)#?([^)]*)\)")


def agents(project: Path) -> str:
    return (project / "AGENTS.md").read_text("utf-8")


def titles(page: Path) -> list[str]:
    return re.findall(r"^#+ (.+)$", page.read_text("utf-8").lower(), re.MULTILINE)


def on_github(title: str) -> str:
    return re.sub(r"[^\w -]", "", title).replace(" ", "-")


def on_the_site(title: str) -> str:
    return re.sub(r"\W+", "-", title).strip("-")


def test_each_rule_leads_to_a_page_that_has_its_heading(rendered: Rendered) -> None:
    project = rendered({})
    text = agents(project)
    assert not [rule for rule in RULE.findall(text) if not LINK.search(rule)]
    pages = [(*page_at(address, project), anchor) for address, anchor in LINK.findall(text)]
    assert [page for page, _, _ in pages if not page.exists()] == []
    assert [
        f"{page}#{anchor}"
        for page, written, anchor in pages
        if anchor and anchor not in map(written, titles(page))
    ] == []


def page_at(address: str, project: Path) -> tuple[Path, Callable[[str], str]]:
    """The page of an address, and how its headings are written in an address there."""
    site = support.SETTINGS["_site"]
    if address.startswith(site):
        name = address.removeprefix(site).removesuffix(".html")
        return support.PAGES / f"{name}.md", on_the_site
    return project / address, on_github


@pytest.mark.all
@pytest.mark.slow(seconds=30)
def test_its_commands_pass_in_a_fresh_project(ready_project: NewProject) -> None:
    project = ready_project()
    # As if make had just made the environment, which is that of these tests.
    os.utime(project / "pyproject.toml", (0, 0))
    commands = following.commands(project / "AGENTS.md")
    line = f"{following.PRELUDE}\n{commands}"
    said = support.run("bash", "-c", line, cwd=project, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    assert "errors: 0" in said
