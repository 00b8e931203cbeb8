"""The site: each page is built without a warning, loads nothing from elsewhere, and is found."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, expect
from test_docs import OF_PACKAGES

import support
from docs.reference import evidence

pytestmark = [pytest.mark.all, pytest.mark.slow]

WIDTHS = {"desk": 1280, "phone": 360}
# What people type, and words of a section that answers it: its headings from the page's title
# down, then what it says. One of the first three hits is such a section.
QUERIES = {
    "csrf": r"^Forms\b",
    "upload": "^Private files",
    "cors": "^CORS",
    "docker": "(?i)^Deploy.*docker",
    "reset password": "^Self-service accounts|flask user password",
    "rate limit": "RATE_LIMIT",
    "google login": "^Log in with Google",
    "websocket": "^Check a JWT in another service",
    "celery": "^Background jobs",
    "iframe": "› Framing|^Embed a chat",
    "react": "^Single-page app",
    "logout everywhere": "^Incidents",
    "add a column": "flask db migrate|mapped_column",
    "reset a password by command": "flask user password",
    "multi tenant": "rows of `?current_user",
    "healthcheck": "/healthz|/readyz",
    "send mail": "^Send e-mail",
    "CORS error in the browser": "CORS policy|CORS_ORIGINS",
    "why is my inline script blocked": "(?i)inline script|csp_nonce",
    "API key for a script": "^API keys",
    "log in with Google": "^Log in with Google",
    "nginx": "(?i)^(Behind a reverse proxy|Deploy).*nginx",
    "file upload": "^Private files",
    "background job": "^Background jobs",
    "change the session lifetime": "LOGIN_LIFETIME",
    "rate limit one route": "@limited",
    "Flask-Login": "^Flask-Login",
    "rotate keys": "flask crypto rotate",
    "webhook": "› A webhook",
    "tests fail with 401": "^Tests.* ada ",
    "pagination": "(?i)pages? of|page=|page number",
    "timeout": "_timeout",
    "query parameter": "validated_query",
    "error format": "(?i)json errors in another shape",
    "openapi": "openapi",
    "log_in": "› log_in\n",
    "has been blocked by CORS policy": "blocked by CORS policy",
}
WITH_SLIPS = {
    "databse migration": "flask db migrate|migrations",
    "pasword reset": "^Self-service accounts|flask user password",
    "deploi nginx": "(?i)^(Behind a reverse proxy|Deploy).*nginx",
    "encript a column": "EncryptedString|encrypted_column",
    "paskey": "(?i)^Second factors and passkeys",
}
MINISEARCH = ("7.2.0", "03c27931eb603af1d3358579e9885eafdb6a2f5fa9929557b3e77d7e99d06d03")
MOST_BYTES_OF_RECORDS = 1_000_000
AXE = Axe()
LOOKED_AT = {
    "start": "/index.html",
    "how-to": "/how-to/forms.html",
    "recipe": "/recipes/uploads.html",
    "reference": "/reference/settings.html",
    "comparison": "/why.html",
    "requirements": "/asvs.html",
    "drawing": "/how-to/encryption.html",
    "decision": "/decisions/0013-cross-site-writes.html",
    "search": "/search.html?q=csrf",
    "choices": "/choose.html",
    "missing": "/404.html",
}
# What is cut off, or scrolls sideways: the page, and of its code all that a phone shows. A screen
# that has room shows a line of code as it is written.
SCROLLED = """[document.documentElement, ...document.querySelectorAll(
  innerWidth < 800 ? "pre" : ".highlight-console pre"
)].filter(each => each.scrollWidth > Math.max(each.clientWidth, 1)).map(each => each.innerText.slice(0, 60))"""
DESCRIPTION = re.compile(r'<meta (?:name="|property="og:)description" content="([^"]+)">')


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
    assert "run: make test-weekly" in job


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
    scrolled = {}
    for file in sorted(site.rglob("*.html")):
        path = f"/{file.relative_to(site).as_posix()}"
        page.goto(path)
        scrolled[path] = page.evaluate(SCROLLED)
    assert {path: parts for path, parts in scrolled.items() if parts} == {}


def test_the_list_of_pages_is_folded_by_section_without_javascript(
    browser: Browser, address: str
) -> None:
    with browser.new_page(java_script_enabled=False) as tab:
        tab.goto(f"{address}/how-to/forms.html")
        pages = tab.get_by_role("complementary", name="All pages")
        expect(pages.get_by_role("link", name="Forms")).to_be_visible()
        expect(pages.get_by_role("link", name="Tutorial")).to_be_hidden()
        pages.get_by_text("Try it", exact=True).click()
        expect(pages.get_by_role("link", name="Tutorial")).to_be_visible()


@pytest.mark.parametrize(
    ("path", "shown", "copied"),
    [
        ("update", "3 files changed", "^.venv/bin/python secure_flask/update.py$"),
        ("how-to/go-live", "# useradd", r"^apt install .+\nuseradd .+\ninstall .+app/backup$"),
        ("how-to/api-with-a-contract", "$ npx", r"^npx .+ \\\n(.+ \\\n)+ +--global-var .+$"),
        ("recipes/bootstrap", "sha256sum --check", r"(?s)^npm .+ <<END\n.+\nEND$"),
        ("how-to/forms", "flask db migrate", r'^.venv/bin/flask db migrate -m ".+"\n.+upgrade$'),
    ],
)
def test_a_button_copies_what_a_reader_types(
    path: str, shown: str, copied: str, page: Page
) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"/{path}.html")
    block = page.locator(".highlight", has_text=shown).first
    block.hover()
    block.get_by_role("button", name="Copy").click()
    expect(block.get_by_role("button", name="Copied")).to_be_visible()
    assert re.search(copied, page.evaluate("navigator.clipboard.readText()"))


def test_each_page_says_what_it_is_about_to_sites_that_link_to_it(site: Path) -> None:
    pages = {address.partition("#")[0] for address in records(site)}
    found = {page: DESCRIPTION.findall((site / page).read_text("utf-8")) for page in pages}
    said = {page: texts[0] for page, texts in found.items() if len({*texts}) == 1}
    assert said.keys() == pages
    assert len({*said.values()}) == len(pages)
    assert {page for page in said if not 40 < len(said[page]) <= 220} == set()
    start = (site / "index.html").read_text("utf-8")
    picture = support.SETTINGS["_site"] + "_static/four-pages.png"
    assert f'<meta property="og:image" content="{picture}">' in start
    assert (site / "_static" / "four-pages.png").is_file()


def test_a_missing_page_in_any_folder_has_a_search_that_works(page: Page, site: Path) -> None:
    path = f"{support.SITE_FOLDER}/how-to/old/page.html"
    page.route(f"**{path}", lambda route: route.fulfill(path=site / "404.html"))
    page.goto(path)
    page.get_by_label("Search the pages").fill("webhook")
    page.keyboard.press("Enter")
    expect(page.locator("#search-results a", has_text="A webhook")).to_be_visible()


def test_the_start_page_says_how_new_the_project_is(page: Page) -> None:
    page.goto("/")
    expect(page.get_by_role("main")).to_contain_text("Nothing is released yet")


def search(page: Page, query: str) -> list[str]:
    """Return the addresses of the sections that the search finds, the best first."""
    if "search.html" not in page.url:
        page.goto("/search.html")
    page.get_by_label("Search the pages").fill(query)
    expect(page.get_by_role("status")).not_to_be_empty()
    links = page.locator("#search-results a").all()
    return [link.get_attribute("href") or "" for link in links]


def records(site: Path) -> dict[str, str]:
    """Return what the search knows of each section by its address: headings and text."""
    script = (site / "_static" / "search-records.js").read_text("utf-8")
    listed = json.loads(script.partition(" = ")[2].rstrip(";\n"))
    return {
        address: f"{' › '.join([*path, heading])}\n{text}"
        for address, heading, path, _, text in listed
    }


@pytest.mark.parametrize("queries", [QUERIES, WITH_SLIPS], ids=["as meant", "with slips"])
def test_a_section_that_answers_is_among_the_first_three(
    queries: dict[str, str], page: Page, site: Path
) -> None:
    known = records(site)
    first = {query: [known[address] for address in search(page, query)[:3]] for query in queries}
    assert {
        query: first[query] for query in queries if not answered(queries[query], first[query])
    } == {}


def answered(answer: str, sections: list[str]) -> bool:
    return any(re.search(answer, section, re.DOTALL) for section in sections)


def test_each_section_is_found_at_an_address_that_exists(site: Path) -> None:
    pages = {address.partition("#")[0] for address in records(site)}
    texts = {page: (site / page).read_text("utf-8") for page in pages}
    split = [address.partition("#") for address in records(site)]
    assert {"index.html", "security.html"} <= pages
    assert [page for page, _, name in split if name and f'id="{name}"' not in texts[page]] == []


def test_a_public_name_comes_before_the_sections_that_mention_it(page: Page, site: Path) -> None:
    assert "› log_in\n" in records(site)[search(page, "log_in")[0]]


def test_decisions_and_the_table_of_asvs_come_after_pages_that_say_what_to_do(page: Page) -> None:
    """Both have sections on tokens, with this word in a heading."""
    ranked = [address.startswith(("decisions", "asvs")) for address in search(page, "token")]
    assert not any(ranked[:5])


def test_a_search_that_no_page_answers_says_so_above_what_it_found(page: Page) -> None:
    assert search(page, "cookie banner")
    expect(page.get_by_role("status")).to_contain_text("No page has all words")
    assert not search(page, "xyzzyx")
    expect(page.get_by_role("status")).to_have_text("No page has any of these words.")


def test_a_hit_leads_to_its_section(page: Page) -> None:
    search(page, "webhook")
    page.locator("#search-results a", has_text="A webhook").click()
    heading = page.get_by_role("heading", name="A webhook")
    expect(heading).to_be_in_viewport()


def test_the_search_works_in_files_that_are_opened_without_a_server(
    browser: Browser, site: Path
) -> None:
    with browser.new_page() as tab:
        tab.goto((site / "index.html").as_uri())
        tab.get_by_placeholder("Search").first.fill("webhook")
        tab.keyboard.press("Enter")
        expect(tab.locator("#search-results a", has_text="A webhook")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_drawings_have_the_colours_of_their_page_and_tell_their_steps(
    scheme: Literal["light", "dark"], page: Page, site: Path
) -> None:
    page.emulate_media(color_scheme=scheme)
    pages = [file for file in site.rglob("*.html") if 'class="drawing"' in file.read_text("utf-8")]
    page.goto(f"/{pages[0].relative_to(site).as_posix()}")
    ink = page.locator("main p, [role=main] p").first.evaluate(
        "text => getComputedStyle(text).color"
    )
    expect(page.locator(".drawing text").first).to_have_css("fill", ink)
    drawing = page.get_by_role("img", name=re.compile(r"\. .+: .+\."))
    assert len(pages) == len(list((support.PAGES / "drawings").glob("*.svg")))
    expect(drawing.first).to_be_visible()


def test_the_search_is_minisearch_as_it_was_published_with_its_licence(site: Path) -> None:
    version, digest = MINISEARCH
    script = (site / "_static" / f"minisearch-{version}.js").read_bytes()
    assert hashlib.sha256(script).hexdigest() == digest
    assert "Luca Ongaro" in (site / "_static" / "minisearch-LICENSE.txt").read_text("utf-8")


def test_the_index_of_sphinx_is_gone_and_the_records_are_small(site: Path) -> None:
    assert not (site / "searchindex.js").exists()
    assert (site / "_static" / "search-records.js").stat().st_size < MOST_BYTES_OF_RECORDS


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", LOOKED_AT.values(), ids=LOOKED_AT)
def test_axe_finds_nothing(path: str, scheme: Literal["light", "dark"], page: Page) -> None:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.goto(path)
    if "search" in path:
        expect(page.get_by_role("status")).not_to_be_empty()
    found = AXE.run(page, options={"resultTypes": ["violations"]})
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("path", LOOKED_AT.values(), ids=LOOKED_AT)
def test_each_page_has_the_icon_and_a_footer_that_says_where_to_report(
    path: str, page: Page, address: str
) -> None:
    page.goto(path)
    icon = page.locator("link[rel~=icon]").evaluate("link => link.href")
    assert page.request.get(icon).headers["content-type"] == "image/svg+xml"
    footer = page.get_by_role("contentinfo")
    report = footer.get_by_role("link", name="Report a vulnerability")
    below = support.SITE_FOLDER if "404" in path else ""
    assert report.evaluate("link => link.href") == f"{address}{below}/security.html"


def test_one_choice_of_tabs_holds_on_each_page(page: Page) -> None:
    page.goto("/tutorial.html")
    page.locator("label", has_text="session").last.click()
    for path in ("/tutorial.html", "/reference/routes.html"):
        page.goto(path)
        expect(page.get_by_text("--cookie-jar").first).to_be_visible()
        expect(page.get_by_text("--oauth2-bearer").first).to_be_hidden()


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
