"""The page of Swagger UI in Chromium, as its recipe says: at each level of CSP."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

import following
import services
import support
from conftest import NewProject
from services.clients import PASSWORD, enter_password

pytestmark = [pytest.mark.weekly, pytest.mark.slow]

PAGE = support.PAGES / "recipes" / "swagger-ui.md"
FILES = ("swagger-ui.css", "swagger-ui-bundle.js")
METHODS = {"get", "post", "put", "patch", "delete"}
# Each violation is a report to the app.
REPORT = """addEventListener("securitypolicyviolation", (event) => console.log(event.violatedDirective))"""
LIST = "api][id$=list_tasks"
CREATE = "api][id$=create_task"
LOGIN = "login][id$=login"


@pytest.fixture(scope="module")
def package(node_programs: Path) -> Path:
    return node_programs.parent / "swagger-ui-dist"


@pytest.fixture(scope="module", params=["strict"])
def address(
    request: pytest.FixtureRequest,
    new_project: NewProject,
    package: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    project = new_project(csp=request.param)
    following.write_files(project, PAGE)
    for name in FILES:
        shutil.copy(package / name, project / "app" / "static")
    with services.gunicorn(project, tmp_path_factory.mktemp("served") / "log") as port:
        yield f"http://localhost:{port}"


@pytest.fixture
def said(page: Page) -> list[str]:
    """What the console says, also of what the policy blocks."""
    messages: list[str] = []
    page.add_init_script(REPORT)
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    return messages


@pytest.fixture
def opened(page: Page, said: list[str], address: str) -> Page:
    """The page of the API, after a login that leads to it."""
    page.goto(f"{address}/api-docs")
    enter_password(page)
    page.wait_for_url(f"{address}/api-docs")
    return page


def run(page: Page, operation: str, body: object = None) -> Locator:
    """Try an operation of the list, and return the answer of the app."""
    block = page.locator(f".opblock[id*={operation}]")
    block.locator(".opblock-summary-control").click()
    block.get_by_role("button", name="Try it out").click()
    if body is not None:
        block.locator("textarea").fill(json.dumps(body))
    block.get_by_role("button", name="Execute").click()
    return block.locator(".live-responses-table tbody .response")


def test_the_recipe_names_the_release_and_the_hashes_of_its_files(package: Path) -> None:
    version = json.loads((package / "package.json").read_text("utf-8"))["version"]
    text = PAGE.read_text("utf-8")
    assert {*re.findall(r"(?:@|UI |dist-)(\d+\.\d+\.\d+)", text)} == {version}
    named = dict(re.findall(r"^ *([0-9a-f]{64})  (\S+)$", text, re.MULTILINE))
    digests = {hashlib.sha256((package / name).read_bytes()).hexdigest(): name for name in FILES}
    assert named == digests


def test_each_operation_is_shown_and_the_console_stays_empty(
    opened: Page, said: list[str], address: str
) -> None:
    paths = opened.request.get(f"{address}/openapi.json").json()["paths"]
    operations = [method for path in paths.values() for method in path if method in METHODS]
    expect(opened.locator(".opblock")).to_have_count(len(operations))
    assert said == []


def test_what_is_tried_is_sent_by_who_is_logged_in(opened: Page, said: list[str]) -> None:
    expect(run(opened, CREATE, {"title": "Call the bank"})).to_contain_text("201")
    expect(run(opened, LIST)).to_contain_text("Call the bank")
    assert said == []


def test_a_token_of_the_login_lets_a_program_of_the_page_in(opened: Page) -> None:
    answer = run(opened, LOGIN, {"username": "ada", "password": PASSWORD})
    [token] = re.findall(r'"token": "(.+)"', answer.inner_text())
    opened.context.clear_cookies()
    opened.get_by_role("button", name="Authorize").first.click()
    bearer = opened.locator(".auth-container", has_text=re.compile(r"\bbearer\b"))
    bearer.locator("input").fill(token)
    bearer.locator("button.authorize").click()
    bearer.locator("button.btn-done").click()
    expect(run(opened, LIST)).to_contain_text("200")


@pytest.mark.parametrize("address", ["paranoid"], indirect=True)
def test_paranoid_lets_it_show_nothing(opened: Page) -> None:
    with opened.expect_console_message(lambda message: "TrustedHTML" in message.text):
        opened.reload()
    expect(opened.locator(".opblock")).to_have_count(0)
