"""Others' code works in a render as its how-to page says, at each level of CSP."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Dialog, Page, expect

import following
import services
import support
from clients import PASSWORD
from conftest import NewProject

pytestmark = pytest.mark.all

LEVELS = support.CHOICES["csp"]
# At `paranoid` no script makes HTML of text (Trusted Types).
SCRIPTS_MAKE_HTML = [level for level in LEVELS if level != "paranoid"]
BOOTSTRAP = "flask_bootstrap/static/bootstrap5"
HTMX = [f"django_htmx/static/django_htmx/htmx-{version}.min.js" for version in (2, 4)]

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


def with_page(project: Path, name: str) -> Path:
    following.write_files(project, support.PAGES / "recipes" / f"{name}.md")
    return project


@contextmanager
def served(project: Path, tmp_path: Path) -> Iterator[str]:
    with services.gunicorn(project, tmp_path / "log") as port:
        yield f"http://127.0.0.1:{port}"


def log_in(page: Page, site: str, then: str) -> None:
    page.goto(f"{site}/login?next={then}")
    page.fill("[name=username]", "ada")
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_url(f"{site}{then}")


@pytest.mark.slow
@pytest.mark.parametrize("level", LEVELS)
def test_staff_list_create_edit_and_delete_rows_by_flask_admin(
    level: str, new_project: NewProject, page: Page, tmp_path: Path
) -> None:
    project = with_page(new_project(csp=level), "flask-admin")
    questions: list[str] = []

    def agree(dialog: Dialog) -> None:
        questions.append(dialog.message)
        dialog.accept()

    page.on("dialog", agree)
    with served(project, tmp_path) as site:
        log_in(page, site, "/staff/task/")
        page.goto(f"{site}/staff/task/new/")
        page.fill("[name=title]", "Moon")
        page.click("input[type=submit]")
        page.click("a[title='Edit Record']")
        page.fill("[name=title]", "Mars")
        page.click("input[type=submit]")
        expect(page.locator("table")).to_contain_text("Mars")
        # Its scripts have the nonce.
        page.wait_for_load_state()
        runs = page.evaluate("typeof jQuery === 'function'")
        assert runs == (level in SCRIPTS_MAKE_HTML)
        page.click("button[title='Delete Record']")
        expect(page.locator("body")).to_contain_text("There are no items in the table.")
    assert questions == ["Delete this?"]


@pytest.mark.slow
def test_without_the_open_endpoint_flask_admin_is_closed_whole(
    new_project: NewProject, page: Page, tmp_path: Path
) -> None:
    project = with_page(new_project(), "flask-admin")
    with served(project, tmp_path) as site:
        for path in ("/staff/", "/staff/task/", "/staff/task/new/"):
            page.goto(site + path)
            expect(page).to_have_url(f"{site}/login?next={path}")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("level", "file"), [("strict", HTMX[0]), ("paranoid", HTMX[1]), ("relaxed", HTMX[1])]
)
def test_htmx_loads_parts_of_a_page_where_scripts_may_make_html(
    level: str, file: str, new_project: NewProject, page: Page, tmp_path: Path
) -> None:
    project = with_page(new_project(csp=level), "htmx")
    shutil.copy(installed(file), project / "app" / "static" / "htmx.min.js")
    support.own_tests(project, "tests/test_votes.py")
    refused: list[str] = []
    page.on("pageerror", lambda error: refused.append(str(error)))
    page.on("console", lambda line: refused.append(line.text) if line.type == "error" else None)
    with served(project, tmp_path) as site:
        page.goto(f"{site}/votes")
        page.fill("#colour", "red")
        if level in SCRIPTS_MAKE_HTML:
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


@pytest.mark.slow
def test_the_form_for_htmx_works_without_javascript(
    new_project: NewProject, browser: Browser, tmp_path: Path
) -> None:
    project = with_page(new_project(), "htmx")
    shutil.copy(installed(HTMX[0]), project / "app" / "static" / "htmx.min.js")
    page = browser.new_context(java_script_enabled=False).new_page()
    with served(project, tmp_path) as site:
        page.goto(f"{site}/votes")
        page.fill("#colour", "red")
        page.click("main button")
        expect(page.locator("#votes")).to_have_text("1 votes: red")
    page.context.close()


@pytest.mark.slow
@pytest.mark.parametrize("level", LEVELS)
def test_components_of_bootstrap_work_as_the_page_says(
    level: str, new_project: NewProject, page: Page, tmp_path: Path
) -> None:
    project = with_page(new_project(csp=level), "bootstrap")
    files = installed(BOOTSTRAP)
    static = project / "app" / "static"
    shutil.copy(files / "css" / "bootstrap.min.css", static)
    # The release's bundle is these two.
    parts = [files / "umd" / "popper.min.js", files / "js" / "bootstrap.min.js"]
    bundle = "\n".join(part.read_text("utf-8") for part in parts)
    (static / "bootstrap.bundle.min.js").write_text(bundle, "utf-8")
    refused: list[str] = []
    page.on("pageerror", lambda error: refused.append(str(error)))
    with served(project, tmp_path) as site:
        page.goto(f"{site}/rooms")
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
        if level in SCRIPTS_MAKE_HTML:
            page.hover("#hint")
            expect(page.locator(".tooltip")).to_be_visible()
        else:
            with page.expect_event("pageerror", lambda error: "TrustedHTML" in str(error)):
                page.hover("#hint")


def test_csrf_protect_refuses_a_login_until_its_check_is_off(ready_project: NewProject) -> None:
    project = ready_project()
    factory = project / "wsgi.py"
    factory.write_text(factory.read_text("utf-8") + PROTECTED, "utf-8")
    assert support.python("-c", POSTS, cwd=project).split()[-1] == "400"
    [switch] = [
        step
        for step in following.steps(support.PAGES / "recipes" / "flask-wtf.md")
        if "WTF_CSRF_CHECK_DEFAULT" in step.code
    ]
    following.write(project, switch)
    posts = POSTS.replace('"eve"', '"mallory"')
    assert support.python("-c", posts, cwd=project).split()[-1] == "200"
