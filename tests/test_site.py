"""The site: each page is built without a warning, loads nothing from elsewhere, and is found."""

from __future__ import annotations

import functools
import http.server
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, expect

import support
from conftest import keep
from docs.reference import evidence
from test_docs import OF_PACKAGES

pytestmark = [pytest.mark.all, pytest.mark.slow]

HOW = ("-qW", "--keep-going")
WIDTHS = {"desk": 1280, "phone": 360}
# What people type, and the pages that must be among the first three.
QUERIES = {
    "csrf": {"how-to/forms"},
    "upload": {"recipes/uploads"},
    "cors": {"how-to/cors"},
    "docker": {"how-to/deploy"},
    "reset password": {"how-to/accounts"},
    "rate limit": {"how-to/json-routes"},
    "google login": {"recipes/openid-connect"},
    "websocket": {"recipes/second-service"},
    "celery": {"recipes/background-work"},
    "iframe": {"how-to/policy-and-headers", "recipes/widget"},
    "react": {"recipes/single-page-app"},
    "logout everywhere": {"how-to/incidents"},
}
DOORS = ["Try it", "Build", "Operate", "Audit"]
AXE = Axe()
LOOKED_AT = {
    "start": "/index.html",
    "how-to": "/how-to/forms.html",
    "recipe": "/recipes/uploads.html",
    "reference": "/reference/settings.html",
    "comparison": "/why.html",
    "requirements": "/asvs.html",
    "search": "/search.html?q=csrf",
}
ACCENTS = {"light": "rgb(35, 96, 143)", "dark": "rgb(140, 196, 238)"}


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Print no line for each request."""


@pytest.fixture(scope="module")
def site(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built once for all processes."""
    kept = shared / "site"
    if not kept.exists():
        out = tmp_path_factory.mktemp("site")
        support.python(
            "-m", "sphinx", *HOW, "-d", out / "trees", "docs", out / "html", cwd=support.TEMPLATE
        )
        keep(out / "html", kept)
    return kept


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
    policy = 'Content-Security-Policy" content='
    times = {file: file.read_text("utf-8").count(policy) for file in site.rglob("*.html")}
    assert times
    assert [file for file in times if times[file] != 1] == []


def test_each_page_about_another_package_leads_to_the_runs_of_its_weekly_job(site: Path) -> None:
    runs = "/actions/workflows/weekly.yml"
    leading = {file.stem for file in site.rglob("*.html") if runs in file.read_text("utf-8")}
    assert leading == OF_PACKAGES
    job = (support.TEMPLATE / ".github" / "workflows" / "weekly.yml").read_text("utf-8")
    assert "run: make test-recipes" in job


def test_no_row_of_a_table_is_shown_as_text(site: Path) -> None:
    """As of a row that is indented less than its table."""
    assert not [file for file in site.rglob("*.html") if "<p>|" in file.read_text("utf-8")]


def test_a_section_of_a_project_leads_to_the_pages_that_it_names(site: Path) -> None:
    page = (site / "how-to" / "encryption.html").read_text("utf-8")
    assert {'href="deploy-proxy.html"', 'href="incidents.html"'} <= {
        *re.findall(r'href="[^"]+"', page)
    }


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
def test_each_page_loads_from_this_site_alone_and_fits(width: int, page: Page, site: Path) -> None:
    page.set_viewport_size({"width": width, "height": 720})
    widths = {}
    for file in sorted(site.rglob("*.html")):
        path = f"/{file.relative_to(site).as_posix()}"
        page.goto(path)
        widths[path] = page.evaluate("document.documentElement.scrollWidth")
    assert [path for path in widths if widths[path] > width] == []


def test_the_search_finds_a_page_by_its_words(page: Page) -> None:
    page.goto("/")
    page.get_by_placeholder("Search").first.fill("blind index")
    page.keyboard.press("Enter")
    expect(page.get_by_role("main").get_by_role("link", name="Encryption").first).to_be_visible()


def results(page: Page, query: str) -> list[str]:
    """Return the pages that the search finds, the best first."""
    page.goto(f"/search.html?q={query}")
    expect(page.get_by_text("Search finished")).to_be_visible()
    links = page.locator("ul.search > li > a").all()
    return [(link.get_attribute("href") or "").partition(".html")[0] for link in links]


@pytest.mark.parametrize("query", QUERIES)
def test_the_right_page_is_among_the_first_three(query: str, page: Page) -> None:
    assert QUERIES[query] <= {*results(page, query)[:3]}


def test_how_to_and_recipes_come_before_reference_and_that_before_decisions(page: Page) -> None:
    ranks = {"how-to": 0, "recipes": 0, "project": 0, "decisions": 2}
    found = [ranks.get(name.partition("/")[0], 1) for name in results(page, "token")]
    assert {*found} == {0, 1, 2}
    assert found == sorted(found)


def test_a_public_name_comes_before_the_pages_that_mention_it(page: Page) -> None:
    assert results(page, "log_in")[0] == "reference/api"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", LOOKED_AT.values(), ids=LOOKED_AT)
def test_axe_finds_nothing(path: str, scheme: Literal["light", "dark"], page: Page) -> None:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.goto(path)
    if "search" in path:
        expect(page.get_by_text("Search finished")).to_be_visible()
    found = AXE.run(page, options={"resultTypes": ["violations"]})
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_links_have_the_accent_of_a_projects_pages(
    scheme: Literal["light", "dark"], page: Page
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.goto("/")
    link = page.get_by_role("main").get_by_role("link", name="Tutorial")
    expect(link).to_have_css("color", ACCENTS[scheme])
    red, green, blue = re.findall(r"\d+", ACCENTS[scheme])
    style = (support.FOLDER / "app" / "static" / "page.css").read_text("utf-8")
    [accents] = re.findall(r"--accent: light-dark\((.+)\)", style)
    assert f"#{int(red):02x}{int(green):02x}{int(blue):02x}" in accents


@pytest.mark.parametrize("path", LOOKED_AT.values(), ids=LOOKED_AT)
def test_each_page_has_the_icon_and_a_footer_that_says_where_to_report(
    path: str, page: Page, address: str
) -> None:
    page.goto(path)
    icon = page.locator("link[rel~=icon]").evaluate("link => link.href")
    assert page.request.get(icon).headers["content-type"] == "image/svg+xml"
    footer = page.get_by_role("contentinfo")
    report = footer.get_by_role("link", name="Report a vulnerability")
    assert report.evaluate("link => link.href") == f"{address}/security.html"


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
def test_the_start_page_has_four_doors(width: int, page: Page) -> None:
    page.set_viewport_size({"width": width, "height": 720})
    page.goto("/")
    names = page.locator("main h2, [role=main] h2").all_inner_texts()
    assert [name.rstrip("#") for name in names] == [*DOORS, "What you get", "Not included"]


def test_one_click_leads_an_auditor_to_the_promises_and_the_tables(page: Page) -> None:
    for name, title in {
        "Security policy": "Security policy",
        "OWASP Top 10:2025": "OWASP Top 10:2025",
        "OWASP ASVS 5.0.0": "OWASP ASVS 5.0.0",
        "Runbook": "Runbook: the first day, each day, three in the morning",
    }.items():
        page.goto("/")
        page.get_by_role("main").get_by_role("link", name=name, exact=True).click()
        heading = page.get_by_role("heading", level=1)
        expect(heading).to_have_text(re.compile(f"^{re.escape(title)}#?$"))


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


def test_the_requirements_of_asvs_are_chosen_by_level_and_state(page: Page) -> None:
    text = (support.PAGES / "asvs.md").read_text("utf-8")
    rows = [(row[1], row[2], evidence.kind(row[0])) for row in evidence.ROW.finditer(text)]
    page.goto("/asvs.html")
    shown = page.locator("tr.requirement:visible > td:first-child")
    assert shown.all_inner_texts() == [number for number, *_ in rows]
    page.get_by_label("yours to do").check()
    owner = [(number, level) for number, level, state in rows if state == "yours to do"]
    assert shown.all_inner_texts() == [number for number, _ in owner]
    page.locator("#level-1").check()
    assert shown.all_inner_texts() == [number for number, level in owner if level == "1"]
    expect(page.get_by_role("heading", name="V9 Self-contained Tokens")).to_be_hidden()


def test_what_meets_a_requirement_unfolds_below_its_state(page: Page) -> None:
    page.goto("/asvs.html")
    row = page.locator("tr.requirement").filter(has=page.get_by_text("3.4.1", exact=True))
    test = row.get_by_role("link", name="test_https_is_remembered_by_every_answer")
    expect(test).to_be_hidden()
    row.get_by_text("shown by tests").click()
    expect(test).to_be_visible()


def test_a_requirement_takes_a_line(page: Page) -> None:
    page.set_viewport_size({"width": 1280, "height": 720})
    page.goto("/asvs.html")
    heights = "rows => rows.map(row => row.offsetHeight)"
    rows: list[int] = page.locator("tr.requirement").evaluate_all(heights)
    assert max(rows) < 2 * min(rows)
