"""The whole site in Bootstrap, as its page says: every page in light, in dark and on a phone."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from test_others_code import BOOTSTRAP, bundle, installed

import following
import services
import support
from conftest import NewProject
from services.clients import enter_password

pytestmark = pytest.mark.weekly

PAGE = support.PAGES / "recipes" / "bootstrap.md"
OF_VISITORS = ["/", "/login", "/register", "/reset", "/nowhere", "/rooms", "/dev/mailbox"]
OF_USERS = [
    *("/", "/tasks", "/tasks/new", "/account", "/reauthenticate", "/account/factors", "/tf-setup"),
    *("/account/passkeys", "/change-email", "/change-username", "/account/delete", "/missing"),
]
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {"viewport": {"width": 360, "height": 740}},
}
# What Bootstrap's body has in each.
GROUND = {"light": "rgb(255, 255, 255)", "dark": "rgb(33, 37, 41)", "phone": "rgb(255, 255, 255)"}
# Classes that no style sheet of the page knows, and fields and buttons without one.
UNSTYLED = """() => {
  const selectors = [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules]).map((rule) => rule.cssText).join();
  const known = new Set(selectors.match(/\\.[\\w-]+/g).map((name) => name.slice(1)));
  const classes = [...document.querySelectorAll("[class]:not(.qr *)")].flatMap((each) => [...each.classList]);
  const bare = 'button:not(.btn, .btn-close), textarea:not(.form-control), select:not(.form-select), table:not(.table),'
    + ' input:not(.form-control, .form-check-input, [hidden], [type="hidden"])';
  return [
    ...classes.filter((name) => !known.has(name)),
    ...[...document.querySelectorAll(bare)].map((each) => each.outerHTML),
  ];
}"""


@dataclass(frozen=True)
class Site:
    project: Path
    address: str


@pytest.fixture(scope="module")
def site(ready_project: NewProject, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    project = ready_project(accounts="self-service")
    following.follow(project, PAGE, tmp_path_factory.mktemp("followed") / "log")
    static = project / "app" / "static"
    shutil.copy(installed(BOOTSTRAP) / "css" / "bootstrap.min.css", static)
    (static / "bootstrap.bundle.min.js").write_text(bundle(), "utf-8")
    [start] = [step.code for step in following.steps(PAGE) if "_login_card" in step.code]
    (project / "app" / "templates" / "index.html").write_text(start, "utf-8")
    # Nothing of the former look helps.
    for name in ("page.css", "page.js"):
        (static / name).unlink()
    with services.gunicorn(project, tmp_path_factory.mktemp("served") / "log") as port:
        yield Site(project, f"http://localhost:{port}")


@pytest.fixture(params=LOOKS)
def look(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def page(browser: Browser, look: str) -> Iterator[Page]:
    context = browser.new_context(**LOOKS[look])
    yield context.new_page()
    context.close()


def press(page: Page, button: str) -> None:
    """Send a form, and wait for the page that answers it."""
    with page.expect_navigation():
        page.click(button)


def addresses(site: Site, page: Page) -> Iterator[str]:
    """Open each page in turn, with forms that are refused, and log in between."""
    for path in OF_VISITORS:
        page.goto(site.address + path)
        yield path
    page.goto(f"{site.address}/login?next=/account")
    press(page, "main form [type=submit]")
    yield "/login, refused"
    page.check("[name=keep]")
    enter_password(page)
    page.wait_for_url(f"{site.address}/account")
    for path in OF_USERS:
        page.goto(site.address + path)
        yield path
    page.goto(f"{site.address}/tf-setup")
    press(page, "main button[type=submit]")
    yield "the app of codes"
    page.goto(f"{site.address}/tasks/new")
    press(page, "main button[type=submit]")
    yield "/tasks/new, refused"
    page.fill("[name=title]", "Buy milk")
    press(page, "main button[type=submit]")
    yield "/tasks, with one"


@pytest.mark.slow
def test_every_page_has_the_look_of_bootstrap(
    site: Site, page: Page, look: str, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    said: list[str] = []
    page.on("console", lambda line: said.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    for number, address in enumerate(addresses(site, page)):
        with subtests.test(address):
            page.screenshot(path=tmp_path / f"{look}-{number}.png", full_page=True)
            assert page.evaluate(UNSTYLED) == []
            ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert ground == GROUND[look]
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert not [line for line in said if "Failed to load resource" not in line]


@pytest.mark.slow
def test_the_suite_of_the_project_is_green_with_it(site: Site) -> None:
    support.own_tests(site.project, "--ignore=tests/starter/test_start_page.py")


def test_the_page_names_the_hash_of_the_release() -> None:
    css = installed(BOOTSTRAP) / "css" / "bootstrap.min.css"
    digest = hashlib.sha256(css.read_bytes()).hexdigest()
    assert re.findall(r"(\w{64})  bootstrap\.min\.css", PAGE.read_text("utf-8")) == [digest]
