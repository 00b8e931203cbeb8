"""What pages of other origins can read and write here with a user's browser."""

import pytest
from playwright.sync_api import Page

from app.auth import tokens
from tests.browser.conftest import Elsewhere, Serve, Server, log_in
from tests.conftest import LOGIN, USERNAME, MakeApp

READ = (
    """url => fetch(url, {credentials: "include"}).then(answer => answer.text(), () => "refused")"""
)
EMBED = """url => new Promise(resolve => {
    const script = document.createElement("script");
    script.onload = () => resolve("loaded");
    script.onerror = () => resolve("refused");
    script.src = url;
    document.body.append(script);
})"""
# Logs in and asks who it is, as a page of an allowed origin would.
LOG_IN = """async ([site, body, header, prefix, credentials]) => {
    const options = {method: "POST", credentials, body: JSON.stringify(body)};
    const json = {"Content-Type": "application/json"};
    const login = await fetch(site + "/login", {...options, headers: json});
    const {token} = await login.json();
    const me = await fetch(site + "/me", {credentials, headers: {[header]: prefix + token}});
    return (await me.json()).username;
}"""
WRITE = """([url, type, mode]) => fetch(url, {
    method: "POST", credentials: "include", mode, headers: {"Content-Type": type}, body: "{}",
}).then(answer => answer.type, () => "refused")"""
# What a script sees of its call: a status, or as little as of a site that is away.
CALL = """([url, method, headers]) => fetch(url, {
    method, headers, body: method === "GET" ? undefined : "{}",
}).then(answer => answer.status, () => "refused")"""
JSON = {"Content-Type": "application/json"}
FORM = '<form method="post" enctype="text/plain" action="ACTION"><button>Prize</button></form>'

OTHERS = pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1"], ids=["same-site", "cross-site"]
)


@pytest.fixture
def elsewhere() -> Elsewhere:
    return Elsewhere()


@pytest.fixture
def other(elsewhere: Elsewhere, serve: Serve) -> Server:
    return serve(elsewhere)


@pytest.fixture
def site(make_app: MakeApp, serve: Serve, written: list[str]) -> str:
    """A site that trusts no other origin, with a view that takes writes at `/write`."""
    app = make_app(CORS_ORIGINS=[])

    @app.post("/write")
    def write() -> dict[str, str]:
        written.append("a write")
        return {}

    return serve(app).at("localhost")


@pytest.fixture
def written() -> list[str]:
    return []


@OTHERS
@pytest.mark.parametrize("path", ["/me", "/"])
def test_a_page_of_another_origin_reads_nothing(
    page: Page, site: str, other: Server, host: str, path: str
) -> None:
    log_in(page, site)
    page.goto(other.at(host))
    assert page.evaluate(READ, site + path) == "refused"


@pytest.mark.asvs("3.4.2")
def test_a_page_of_an_unlisted_origin_reads_nothing(
    make_app: MakeApp, serve: Serve, page: Page, other: Server
) -> None:
    site = serve(make_app(CORS_ORIGINS=[other.at("127.0.0.1")])).at("localhost")
    log_in(page, site)
    page.goto(other.at("localhost"))
    assert page.evaluate(READ, f"{site}/me") == "refused"


@pytest.mark.asvs("3.5.8")
def test_a_page_of_another_site_embeds_no_answer(page: Page, site: str, other: Server) -> None:
    page.goto(other.at("127.0.0.1"))
    assert page.evaluate(EMBED, f"{site}/static/page.js") == "refused"


def test_a_page_of_an_allowed_origin_logs_in_and_reads(
    make_app: MakeApp, serve: Serve, page: Page, other: Server
) -> None:
    origin = other.at("localhost")
    site = serve(make_app(CORS_ORIGINS=[origin])).at("localhost")
    page.goto(origin)
    credentials = "include" if tokens.COOKIE else "omit"
    how = [site, LOGIN, tokens.HEADER, tokens.PREFIX, credentials]
    assert page.evaluate(LOG_IN, how) == USERNAME


@pytest.fixture
def friendly(make_app: MakeApp, serve: Serve, page: Page, other: Server) -> str:
    """A site that trusts the origin of the page which is open."""
    origin = other.at("localhost")
    page.goto(origin)
    app = make_app(CORS_ORIGINS=[origin], CORS_REQUEST_HEADERS=["X-Requested-With"])
    app.add_url_rule("/folder/", view_func=lambda: "", methods=["PUT"])
    return serve(app).at("localhost")


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_a_script_of_an_allowed_origin_sees_that_its_path_is_wrong(
    page: Page, friendly: str, method: str
) -> None:
    assert page.evaluate(CALL, [f"{friendly}/mee", method, JSON]) == 404


def test_it_is_redirected_where_a_slash_is_missing(page: Page, friendly: str) -> None:
    assert page.evaluate(CALL, [f"{friendly}/folder", "PUT", JSON]) == 200


def test_it_sees_that_its_method_is_wrong(page: Page, friendly: str) -> None:
    assert page.evaluate(CALL, [f"{friendly}/me", "POST", JSON]) == 405


def test_a_script_of_an_unlisted_origin_sees_neither(page: Page, site: str, other: Server) -> None:
    page.goto(other.at("localhost"))
    assert page.evaluate(CALL, [f"{site}/mee", "PUT", JSON]) == "refused"
    assert page.evaluate(CALL, [f"{site}/me", "POST", JSON]) == "refused"


def test_a_script_sends_the_headers_that_policy_names(page: Page, friendly: str) -> None:
    ask = [f"{friendly}/healthz", "GET"]
    assert page.evaluate(CALL, [*ask, {"X-Requested-With": "XMLHttpRequest"}]) == 200
    assert page.evaluate(CALL, [*ask, {"X-Another": "1"}]) == "refused"


@pytest.mark.asvs("3.5.1")
@OTHERS
def test_a_form_of_another_origin_writes_nothing(
    page: Page, site: str, elsewhere: Elsewhere, other: Server, written: list[str], host: str
) -> None:
    elsewhere.pages["/"] = FORM.replace("ACTION", f"{site}/write")
    page.goto(other.at(host))
    with page.expect_response(f"{site}/write") as answer:
        page.click("button")
    assert answer.value.status == 403
    assert written == []


@OTHERS
def test_a_fetch_of_another_origin_writes_nothing(
    page: Page, site: str, other: Server, written: list[str], host: str
) -> None:
    page.goto(other.at(host))
    page.evaluate(WRITE, [f"{site}/write", "text/plain", "no-cors"])
    # A browser asks first whether JSON may be sent.
    assert page.evaluate(WRITE, [f"{site}/write", "application/json", "cors"]) == "refused"
    assert written == []


def test_its_own_pages_write(page: Page, site: str, written: list[str]) -> None:
    page.goto(site)
    page.evaluate(WRITE, [f"{site}/write", "application/json", "cors"])
    assert written == ["a write"]
