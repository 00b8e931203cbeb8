"""The site: each page is built without a warning, loads nothing from elsewhere, and is found."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

import support

pytestmark = [pytest.mark.all, pytest.mark.slow]

HOW = ("-qW", "--keep-going")
WIDTHS = {"desk": 1280, "phone": 360}


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Print no line for each request."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site")
    support.python(
        "-m", "sphinx", *HOW, "-d", out / "trees", "docs", out / "html", cwd=support.TEMPLATE
    )
    return out / "html"


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    handler = functools.partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """A tab in which a message of the console, or a request to another site, fails the test."""
    context = browser.new_context(base_url=address)
    tab = context.new_page()
    said, asked = list[str](), list[str]()
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.on("request", lambda request: asked.append(request.url))
    yield tab
    context.close()
    assert not said
    assert not [url for url in asked if not url.startswith((address, "data:"))]


def test_each_page_states_its_policy_once(site: Path) -> None:
    for file in site.rglob("*.html"):
        assert file.read_text("utf-8").count('Content-Security-Policy" content=') == 1, file


def test_each_page_of_a_project_is_there(site: Path) -> None:
    for file in support.FOLDER.glob("docs/*.md"):
        title = file.read_text("utf-8").splitlines()[0].removeprefix("# ")
        assert f"<h1>{title}" in (site / "project" / f"{file.stem}.html").read_text("utf-8")


def test_no_row_of_a_table_is_shown_as_text(site: Path) -> None:
    """As of a row that is indented less than its table."""
    assert not [file for file in site.rglob("*.html") if "<p>|" in file.read_text("utf-8")]


def test_pages_of_a_project_lead_to_those_that_they_name(site: Path) -> None:
    assert '../how-to/go-live.html"' in (site / "project" / "deploy.html").read_text("utf-8")


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
def test_each_page_loads_from_this_site_alone_and_fits(width: int, page: Page, site: Path) -> None:
    page.set_viewport_size({"width": width, "height": 720})
    for file in sorted(site.rglob("*.html")):
        path = f"/{file.relative_to(site).as_posix()}"
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_the_search_finds_a_page_by_its_words(page: Page) -> None:
    page.goto("/")
    page.get_by_placeholder("Search").first.fill("blind index")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Encrypted columns").last).to_be_visible()


def test_one_choice_of_tabs_holds_on_each_page(page: Page) -> None:
    page.goto("/tutorial.html")
    page.locator("label", has_text="session").last.click()
    for path in ("/tutorial.html", "/reference/routes.html"):
        page.goto(path)
        expect(page.get_by_text("--cookie-jar").first).to_be_visible()
        expect(page.get_by_text("--oauth2-bearer").first).to_be_hidden()


def test_the_page_of_the_api_has_each_public_name() -> None:
    text = (support.PAGES / "reference" / "api.md").read_text("utf-8")
    assert not [name for name in public_names() if name not in text]


def public_names() -> list[str]:
    code = "import secure_flask; print(*secure_flask.__all__)"
    return support.python("-c", code, cwd=support.FOLDER).split()
