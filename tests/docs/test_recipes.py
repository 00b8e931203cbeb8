"""The how-to pages do in Chromium what they say."""

from __future__ import annotations

import base64
import hashlib
import mimetypes
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, FilePayload, Locator, Page, Route, expect

import following
import services
import support
from conftest import NewProject
from services.clients import PASSWORD, enter_password

pytestmark = pytest.mark.all

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
@public
def styled() -> str:
    return render_template("styled.html")
"""
CLIENT_VIEW = """

@blueprint.get("/client")
@public
def client() -> str:
    return render_template("client.html")
"""
CLIENT = """<!doctype html>
<title>Client</title>
<script type="importmap" nonce="{{ csp_nonce() }}">{{ import_map("client.js") | tojson }}</script>
<script type="module" nonce="{{ csp_nonce() }}">
import * as client from "/static/client.js";
window.client = client;
</script>
"""
LOG_IN = "(password) => client.logIn('ada', password).then((answer) => answer.status)"
CALL_AT_ONCE = """(times) => Promise.all(
    Array.from({length: times}, () => client.call("/me").then((answer) => answer.status))
)"""
ENTER_AGAIN = """(password) => client.renew("/reauthenticate", {password})
    .then((answer) => answer.status)"""
STORED = "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"
WIDTH = "element => getComputedStyle(element).width"


PAGE = support.PAGES / "how-to" / "pages-and-scripts.md"
# What its script inserts, asks and shows.
WIDGET = {
    "/loader.js": "document.head.append(Object.assign(document.createElement('script'), {src: 'https://widget.example/chat.js'}))",
    "/chat.js": """fetch("https://widget.example/name.txt").then((answer) => answer.text()).then((src) => {
        document.body.append(Object.assign(document.createElement("iframe"), {src}));
    })""",
    "/name.txt": "https://widget.example/chat.html",
    "/chat.html": "<p>Hello</p>",
}
EMBED = """(src) => new Promise((resolve) => {
    const handlers = {onload: () => resolve("runs"), onerror: () => resolve("refused")};
    document.head.append(Object.assign(document.createElement("script"), {src, ...handlers}));
})"""
SCRIPT = b"document.title = 'Another site was here'"
# Each level with another kind of token.
LEVELS = {"strict": "jwt", "paranoid": "session", "relaxed": "opaque"}


@dataclass(frozen=True)
class Site:
    """A served project in which all these pages were followed."""

    project: Path
    address: str
    # Where the script of another site is.
    script: str


@pytest.fixture(scope="module", params=LEVELS)
def site(
    request: pytest.FixtureRequest,
    new_project: NewProject,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    project = new_project(csp=request.param, token_type=LEVELS[request.param])
    following.write_files(project, PAGE)
    for name in (
        "how-to/forms",
        "recipes/chart",
        "recipes/single-page-app",
        "recipes/uploads",
        "recipes/widget",
    ):
        following.write_files(project, support.PAGES / f"{name}.md")
    append(project / "app" / "pages.py", STYLED_VIEW + CLIENT_VIEW)
    templates = project / "app" / "templates"
    (templates / "styled.html").write_text(STYLED, "utf-8")
    (templates / "client.html").write_text(CLIENT, "utf-8")
    refreshing = (support.PAGES / "how-to" / "refresh-tokens.md").read_text("utf-8")
    (project / "app" / "static" / "client.js").write_text(block(refreshing, "js"), "utf-8")
    script = use_script_of_another_site(templates / "squares.html")
    if request.param == "paranoid":
        append(project / "app" / "policy.py", f"\nLINKS = {[script.rpartition('/')[0]]!r}\n")
    use_button_for_dark_colours(templates)
    with services.gunicorn(project, tmp_path_factory.mktemp("served") / "log") as port:
        yield Site(project, f"http://127.0.0.1:{port}", script)


def use_script_of_another_site(template: Path) -> str:
    """Load one as its page says; gives its address."""
    marked = 'crossorigin="anonymous" nonce'
    [tag] = [step.code for step in following.steps(PAGE) if marked in step.code]
    digest = base64.b64encode(hashlib.sha384(SCRIPT).digest()).decode()
    tag = tag.replace("sha384-…", f"sha384-{digest}")
    template.write_text(template.read_text("utf-8").replace("<label", f"{tag}<label"), "utf-8")
    [address] = re.findall(r'src="(.+?)"', tag)
    return str(address)


def use_button_for_dark_colours(templates: Path) -> None:
    """Do in the templates what the page says."""
    codes = [step.code for step in following.steps(PAGE)]
    [colours] = [code for code in codes if "request.cookies" in code]
    [button] = [code for code in codes if 'id="theme"' in code]
    for name in ("base.html", "error.html", "_navigation.html"):
        source = (templates / name).read_text("utf-8").replace("</nav>", f"{button}</nav>")
        source = re.sub(r'<meta name="color-scheme".*\n', lambda _: colours, source)
        (templates / name).write_text(source, "utf-8")


@pytest.fixture
def page_without_scripts(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(java_script_enabled=False)
    yield context.new_page()
    context.close()


@pytest.mark.slow
def test_an_inline_style_works_and_lets_in_no_attack(site: Site, page: Page) -> None:
    assert STYLE_TAG in PAGE.read_text("utf-8")
    page.goto(f"{site.address}/styled")
    styled = {
        name
        for name in ("element", "attribute", "script", "injected")
        if page.locator(f"#{name}").evaluate(WIDTH) == "7px"
    }
    assert styled == {"element", "attribute", "script"}
    # That the policy did not let in before.
    support.own_tests(site.project, "tests/test_csp.py")


@pytest.mark.slow
def test_a_button_makes_pages_dark_and_they_stay_dark(site: Site, page: Page) -> None:
    page.emulate_media(color_scheme="light")
    page.goto(f"{site.address}/squares")
    expect(page.locator("body")).to_have_css("background-color", "rgb(245, 247, 249)")
    page.click("#theme")
    expect(page.locator("body")).to_have_css("background-color", "rgb(18, 23, 29)")
    for path in ("/squares", "/no/such/page"):
        page.goto(f"{site.address}{path}")
        expect(page.locator("body")).to_have_css("background-color", "rgb(18, 23, 29)")
    page.click("#theme")
    expect(page.locator("body")).to_have_css("background-color", "rgb(245, 247, 249)")


@pytest.mark.slow
def test_the_script_of_a_page_runs_and_one_of_another_site_by_nonce_and_hash_alone(
    site: Site, page: Page
) -> None:
    for sent, title in (
        (SCRIPT, "Another site was here"),
        (SCRIPT + b" ", "Squares · My Service"),
    ):
        page.route(site.script, partial(answer_from_another_site, sent))
        page.goto(f"{site.address}/squares")
        expect(page).to_have_title(title)
        page.fill("#number", "12")
        expect(page.locator("#square")).to_have_text("144")
        page.unroute(site.script)


@pytest.mark.slow
def test_a_chart_is_drawn_of_the_data_in_its_page(site: Site, page: Page) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(f"{site.address}/rain")
    bars, texts = page.locator("#rain rect"), page.locator("#rain text")
    expect(bars).to_have_count(page.locator("tbody tr").count())
    expect(bars.last).to_have_attribute("width", "400")
    expect(texts.first).to_have_text("January: 54 mm")
    pairs = zip(bars.all(), texts.all(), strict=True)
    assert [text.inner_text() for bar, text in pairs if bottom(text) > top(bar)] == []
    assert bars.first.evaluate("bar => getComputedStyle(bar).fill") != "rgb(0, 0, 0)"
    assert said == []


def top(element: Locator) -> float:
    return float(element.evaluate("element => element.getBoundingClientRect().top"))


def bottom(element: Locator) -> float:
    return float(element.evaluate("element => element.getBoundingClientRect().bottom"))


@pytest.mark.slow
def test_a_page_that_is_all_javascript_changes_rows_and_says_what_was_refused(
    site: Site, page: Page
) -> None:
    open_board(page, site)
    save, items = page.get_by_role("button", name="Save"), page.locator("#tasks li")
    expect(items).to_have_count(0)
    save.click()
    expect(page.get_by_label("Title")).to_have_accessible_description(re.compile("."))
    page.fill("#title", "<b>Milk</b>")
    save.click()
    expect(items).to_contain_text(["<b>Milk</b>"])
    expect(page.get_by_label("Title")).to_have_accessible_description("")
    page.click("text=Edit")
    page.check("#done")
    save.click()
    expect(items).to_contain_text(["<b>Milk</b> (done)"])
    page.click("text=Delete")
    expect(items).to_have_count(0)


@pytest.mark.slow
def test_its_script_asks_for_the_password_where_a_view_needs_a_recent_login(
    site: Site, page: Page
) -> None:
    open_board(page, site)
    challenge = 'Bearer error="insufficient_user_authentication", max_age="900"'
    refused = {"WWW-Authenticate": challenge}
    page.fill("#title", "Bread")
    for password, shown in (("not this one", "Wrong password"), (PASSWORD, "")):
        page.route("**/api/tasks", partial(Route.fulfill, status=401, headers=refused), times=1)
        page.click("text=Save")
        page.fill("#password", password)
        page.click("text=Continue")
        expect(page.get_by_role("alert")).to_have_text(shown)
    page.click("text=Delete")
    expect(page.locator("#tasks li")).to_have_count(0)


@pytest.mark.slow
def test_its_script_goes_to_the_login_page_and_back_when_the_login_has_ended(
    site: Site, page: Page
) -> None:
    open_board(page, site)
    page.context.clear_cookies()
    page.click("text=Save")
    page.wait_for_url("**/login?next=%2Fboard")
    enter_password(page)
    expect(page).to_have_url(f"{site.address}/board")


def open_board(page: Page, site: Site) -> None:
    """Log in, and wait for the rows that the script of the board asks for."""
    with page.expect_response("**/api/tasks"):
        log_in(page, site, "/board")


def log_in(page: Page, site: Site, path: str) -> None:
    page.goto(f"{site.address}{path}")
    enter_password(page)


def answer_from_another_site(script: bytes, route: Route) -> None:
    route.fulfill(
        body=script,
        content_type="text/javascript",
        headers={"Access-Control-Allow-Origin": "*"},
    )


@pytest.mark.slow
@pytest.mark.parametrize("site", ["strict"], indirect=True)
def test_a_widget_runs_on_its_page_and_on_no_other(site: Site, page: Page) -> None:
    def answer(route: Route) -> None:
        path = urlsplit(route.request.url).path
        kind, cors = mimetypes.guess_type(path)[0], {"Access-Control-Allow-Origin": "*"}
        route.fulfill(body=WIDGET[path], content_type=kind, headers=cors)

    def outcome(path: str) -> object:
        page.goto(site.address + path)
        return page.evaluate(EMBED, "https://widget.example/chat.js")

    page.route("https://widget.example/**", answer)
    page.goto(f"{site.address}/help")
    expect(page.frame_locator("iframe").locator("p")).to_have_text("Hello")
    expected = {"/help": "runs", "/login": "refused", "/": "refused"}
    assert {path: outcome(path) for path in expected} == expected


@pytest.mark.slow
def test_a_private_file_comes_back_without_scripts(site: Site, page_without_scripts: Page) -> None:
    page = page_without_scripts
    content = b"a picture" * 20_000
    log_in(page, site, "/files")
    page.click("main button[type=submit]")
    expect(page.locator("main")).to_contain_text("Choose a file.")
    sent = FilePayload(name="Tür.pdf", mimeType="application/pdf", buffer=content)
    page.set_input_files("[name=content]", sent)
    page.click("main button[type=submit]")
    expect(page.get_by_role("status")).to_have_text("Stored: Tür.pdf")
    with page.expect_download() as download:
        page.click("main a")
    assert download.value.suggested_filename == "Tür.pdf"
    assert download.value.path().read_bytes() == content
    page.click("td [popovertarget]")
    page.click("td .danger")
    expect(page.get_by_role("status")).to_have_text("Deleted: Tür.pdf")


@pytest.mark.slow
def test_visitors_send_a_message_and_get_no_cookie(site: Site, page_without_scripts: Page) -> None:
    page = page_without_scripts
    page.goto(f"{site.address}/contact")
    page.fill("[name=address]", "bob@example.org")
    page.fill("[name=text]", "Hello\nyou")
    page.click("main button[type=submit]")
    expect(page.locator("main")).to_contain_text("Your message has arrived.")
    assert page.context.cookies() == []


# The module of docs/how-to/refresh-tokens.md, which needs a refresh token.
with_signed_tokens = pytest.mark.parametrize("site", ["strict"], indirect=True)


@pytest.fixture
def client(page: Page, site: Site) -> Page:
    """Log in on its page; its first access token counts as expired from then on."""
    first: list[str] = []

    def expire(route: Route) -> None:
        header = route.request.headers["authorization"]
        first.append(header)
        route.fulfill(status=401) if header == first[0] else route.continue_()

    page.goto(f"{site.address}/client")
    page.wait_for_function("window.client")
    assert page.evaluate(LOG_IN, PASSWORD) == 200
    page.route("**/me", expire)
    return page


@pytest.mark.slow
@with_signed_tokens
def test_calls_at_once_share_one_refresh(client: Page) -> None:
    refreshes = count_refreshes(client)
    assert client.evaluate(CALL_AT_ONCE, 5) == [200] * 5
    assert client.evaluate(CALL_AT_ONCE, 1) == [200]
    assert len(refreshes) == 1


@pytest.mark.slow
@with_signed_tokens
def test_the_tokens_of_a_password_entered_again_take_the_place_of_the_old_ones(
    client: Page,
) -> None:
    refreshes = count_refreshes(client)
    assert client.evaluate(ENTER_AGAIN, "a wrong password") == 403
    assert client.evaluate(ENTER_AGAIN, PASSWORD) == 200
    assert client.evaluate(CALL_AT_ONCE, 3) == [200] * 3
    assert len(refreshes) == 1


@pytest.mark.slow
@with_signed_tokens
def test_the_browser_stores_no_token_and_a_reload_forgets_it(client: Page) -> None:
    assert client.evaluate(STORED) == '[{},{},""]'
    assert client.context.storage_state(indexed_db=True) == {"cookies": [], "origins": []}
    client.reload()
    client.wait_for_function("window.client")
    client.unroute_all()
    assert client.evaluate(CALL_AT_ONCE, 1) == [401]


@pytest.mark.slow
@with_signed_tokens
def test_a_refresh_whose_answer_was_lost_is_repeated(client: Page) -> None:
    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    refreshes = count_refreshes(client)
    client.route("**/token/refresh", lose)
    assert client.evaluate(CALL_AT_ONCE, 3) == [401] * 3
    client.unroute("**/token/refresh")
    assert client.evaluate(CALL_AT_ONCE, 1) == [200]
    assert len(refreshes) == 4


@pytest.mark.slow
@with_signed_tokens
def test_a_refresh_that_is_put_off_may_be_tried_again(client: Page) -> None:
    client.route("**/token/refresh", lambda route: route.fulfill(status=503), times=1)
    assert client.evaluate(CALL_AT_ONCE, 1) == [401]
    assert client.evaluate(CALL_AT_ONCE, 1) == [200]


@pytest.mark.slow
@with_signed_tokens
def test_logging_out_ends_the_login(client: Page) -> None:
    client.evaluate("client.logOut()")
    client.unroute_all()
    assert client.evaluate(CALL_AT_ONCE, 1) == [401]


def count_refreshes(page: Page) -> list[str]:
    """Return what grows with each refresh that the page asks for."""
    asked: list[str] = []
    page.on("request", lambda request: asked.extend(re.findall("/token/refresh$", request.url)))
    return asked


def block(text: str, language: str) -> str:
    """Return the one block of code in a language."""
    [code] = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return str(code)


def append(file: Path, text: str) -> None:
    file.write_text(f"{file.read_text('utf-8')}\n{text}", "utf-8")
