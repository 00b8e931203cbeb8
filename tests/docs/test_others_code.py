"""Others' code works in a render as its how-to page says, at each level of CSP.

test_docs.py runs the tests that these pages show.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Dialog, Page, expect

import following
import services
import support
from conftest import NewProject
from services.clients import PASSWORD, enter_password

pytestmark = [pytest.mark.weekly, pytest.mark.slow]

BOOTSTRAP = "flask_bootstrap/static/bootstrap5"
HTMX = "django_htmx/static/django_htmx/htmx-{}.min.js"
# Each level with a version of htmx.
LEVELS = {"strict": HTMX.format(2), "paranoid": HTMX.format(4), "relaxed": HTMX.format(4)}

CLOSED = """
from urllib.parse import unquote

import pytest
from flask.testing import FlaskClient


@pytest.mark.parametrize("path", ["/staff/", "/staff/task/", "/staff/task/new/"])
def test_without_the_open_endpoint_flask_admin_is_closed_whole(
    client: FlaskClient, path: str
) -> None:
    led = client.get(path, headers={"Accept": "text/html"})
    assert (led.status_code, unquote(led.location)) == (303, f"/login?next={path}")
"""
# What Flask-WTF's documentation says to write.
PROTECTED = """

from flask_wtf import CSRFProtect

CSRFProtect(app)
"""
POSTS = """
from secure_flask import create_user
from wsgi import app

with app.app_context():
    create_user("eve", "another long password")
login = {"username": "eve", "password": "another long password"}
print(app.test_client().post("/login", json=login).status_code)
"""


def installed(path: str) -> Path:
    """Return a file of an installed package, which is not imported: it may need Django."""
    package, _, rest = path.partition("/")
    spec = find_spec(package)
    support.need(spec, package)
    assert spec
    assert spec.origin
    return Path(spec.origin).parent / rest


def bundle() -> str:
    """The release's bundle is these two."""
    parts = ("umd/popper.min.js", "js/bootstrap.min.js")
    return "\n".join((installed(BOOTSTRAP) / part).read_text("utf-8") for part in parts)


@dataclass(frozen=True)
class Site:
    """A served project with all of this."""

    level: str
    project: Path
    address: str

    @property
    def scripts_make_html(self) -> bool:
        # At `paranoid` none does (Trusted Types).
        return self.level != "paranoid"


@pytest.fixture(scope="module", params=LEVELS)
def site(
    request: pytest.FixtureRequest,
    new_project: NewProject,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    project = new_project(csp=request.param)
    for name in ("flask-admin", "htmx", "bootstrap"):
        following.write_files(project, support.PAGES / "recipes" / f"{name}.md")
    static, files = project / "app" / "static", installed(BOOTSTRAP)
    shutil.copy(installed(LEVELS[request.param]), static / "htmx.min.js")
    shutil.copy(files / "css" / "bootstrap.min.css", static)
    (static / "bootstrap.bundle.min.js").write_text(bundle(), "utf-8")
    with services.gunicorn(project, tmp_path_factory.mktemp("served") / "log") as port:
        yield Site(request.param, project, f"http://127.0.0.1:{port}")


@pytest.fixture
def refused(page: Page) -> list[str]:
    """What scripts fail at."""
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    return said


def log_in(page: Page, site: Site, then: str) -> None:
    page.goto(f"{site.address}/login?next={then}")
    enter_password(page)
    page.wait_for_url(f"{site.address}{then}")


def test_staff_list_create_edit_and_delete_rows_by_flask_admin(site: Site, page: Page) -> None:
    questions: list[str] = []

    def agree(dialog: Dialog) -> None:
        questions.append(dialog.message)
        dialog.accept()

    page.on("dialog", agree)
    log_in(page, site, "/staff/task/")
    page.goto(f"{site.address}/staff/task/new/")
    page.fill("[name=title]", "Moon")
    page.click("input[type=submit]")
    page.click("a[title='Edit Record']")
    page.fill("[name=title]", "Mars")
    page.click("input[type=submit]")
    expect(page.locator("table")).to_contain_text("Mars")
    # Its scripts have the nonce.
    page.wait_for_load_state()
    assert page.evaluate("typeof jQuery === 'function'") == site.scripts_make_html
    page.click("button[title='Delete Record']")
    expect(page.locator("body")).to_contain_text("There are no items in the table.")
    assert questions == ["Delete this?"]


def test_htmx_loads_parts_of_a_page_where_scripts_may_make_html(
    site: Site, page: Page, refused: list[str]
) -> None:
    page.on("console", lambda line: refused.append(line.text) if line.type == "error" else None)
    page.goto(f"{site.address}/votes")
    page.fill("#colour", "red")
    if site.scripts_make_html:
        page.click("main button")
        expect(page.locator("#votes")).to_have_text("1 votes: red")
        # The field was not loaded again.
        expect(page.locator("#colour")).to_have_value("red")
        assert not refused
        page.fill("#colour", "")
        page.click("main button")
        expect(page.locator("#votes")).to_contain_text("Name a colour.")
    else:
        with page.expect_console_message(lambda line: "TrustedHTML" in line.text):
            page.click("main button")
        expect(page.locator("#votes")).to_have_text("0 votes: ")


@pytest.mark.parametrize("site", ["strict"], indirect=True)
def test_the_form_for_htmx_works_without_javascript(site: Site, browser: Browser) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(f"{site.address}/votes")
    page.fill("#colour", "blue")
    page.click("main button")
    expect(page.locator("#votes")).to_contain_text("blue")
    page.context.close()


def test_components_of_bootstrap_work_as_the_page_says(
    site: Site, page: Page, refused: list[str]
) -> None:
    page.goto(f"{site.address}/rooms")
    page.click("text=More")
    expect(page.locator("#more")).to_be_visible()
    page.click("text=Floor")
    expect(page.locator(".dropdown-item")).to_be_visible()
    page.keyboard.press("Escape")
    page.click("text=Book")
    expect(page.locator("#book")).to_be_visible()
    page.click(".btn-close")
    expect(page.locator("#book")).to_be_hidden()
    assert not refused
    if site.scripts_make_html:
        page.hover("#hint")
        expect(page.locator(".tooltip")).to_be_visible()
    else:
        with page.expect_event("pageerror", lambda error: "TrustedHTML" in str(error)):
            page.hover("#hint")


def test_members_of_flask_security_register_and_log_in_on_pages_with_our_look(
    ready_project: NewProject, page: Page, tmp_path: Path
) -> None:
    project = ready_project()
    following.write_files(project, support.PAGES / "recipes" / "flask-security.md")
    for command in (["migrate", "-m", "members"], ["upgrade"]):
        support.python("-m", "flask", "db", *command, cwd=project)
    said: list[str] = []
    page.on("console", lambda line: said.append(line.text))
    with services.flask_run(project, tmp_path / "log") as port:
        page.goto(f"http://localhost:{port}/club")
        page.click("main a:text('register')")
        page.fill("[name=email]", "eve@example.org")
        page.fill("[name=password]", PASSWORD)
        page.fill("[name=password_confirm]", PASSWORD)
        with page.expect_navigation():
            page.press("[name=password_confirm]", "Enter")
        page.goto(f"http://localhost:{port}/club")
        expect(page.locator("body")).to_have_text("Welcome, eve@example.org")
    assert not [line for line in said if "Content Security Policy" in line]


def test_each_page_of_flask_admin_is_closed(ready_project: NewProject) -> None:
    project = ready_project()
    following.write_files(project, support.PAGES / "recipes" / "flask-admin.md")
    (project / "tests" / "test_closed.py").write_text(CLOSED, "utf-8")
    support.own_tests(project, "tests/test_closed.py")


def test_csrf_protect_of_an_extension_refuses_no_login(ready_project: NewProject) -> None:
    project = ready_project()
    factory = project / "wsgi.py"
    factory.write_text(factory.read_text("utf-8") + PROTECTED, "utf-8")
    assert support.python("-c", POSTS, cwd=project).split()[-1] == "200"
