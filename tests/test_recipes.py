"""The recipes in the rendered project's README do in Chromium what they say."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

import services
import support
from conftest import NewProject

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

STYLE_TAG = '<style nonce="{{ csp_nonce() }}">'
STYLED = f"""<!doctype html>
<title>Styled</title>
{STYLE_TAG}#element {{ width: 7px }}</style>
<style>#injected {{ width: 7px }}</style>
<p id="element"></p>
<p id="attribute" style="width: 7px"></p>
<p id="script"></p>
<p id="injected"></p>
<script nonce="{{{{ csp_nonce() }}}}">document.getElementById("script").style.width = "7px"</script>
"""
STYLED_VIEW = """

@blueprint.get("/styled")
def styled() -> str:
    return render_template("styled.html")
"""
WIDTH = "element => getComputedStyle(element).width"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    support.need(CHROMIUM, "Chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    yield context.new_page()
    context.close()


@pytest.mark.slow
@pytest.mark.parametrize("level", support.CHOICES["csp"])
def test_an_inline_style_works_at_each_level(
    level: str, new_project: NewProject, page: Page, tmp_path: Path
) -> None:
    project = new_project(csp=level)
    recipe = words_of(project, "An inline style.")
    assert STYLE_TAG in recipe
    append(project / "app" / "policy.py", block(recipe, "python"))
    (project / "app" / "templates" / "styled.html").write_text(STYLED, "utf-8")
    append(project / "app" / "pages.py", STYLED_VIEW)
    with services.gunicorn(project, tmp_path / "log") as port:
        page.goto(f"http://127.0.0.1:{port}/styled")
        styled = {
            name
            for name in ("element", "attribute", "script", "injected")
            if page.locator(f"#{name}").evaluate(WIDTH) == "7px"
        }
    assert styled == {"element", "attribute", "script"}
    # And lets in no attack that the policy did not let in before.
    support.own_tests(project, "tests/browser/test_attacks.py", "-k", "style")


def words_of(project: Path, title: str) -> str:
    """Return a recipe of the README, from its title to the next one."""
    readme = (project / "README.md").read_text("utf-8")
    return re.split(r"\n\*\*|\n## ", readme.partition(f"**{title}**")[2])[0]


def block(text: str, language: str) -> str:
    """Return the one block of code in a language."""
    [code] = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return str(code)


def append(file: Path, text: str) -> None:
    file.write_text(f"{file.read_text('utf-8')}\n{text}", "utf-8")
