"""What pages of other origins can read and write here with a user's browser."""

import pytest
from flask import Flask
from playwright.sync_api import Page
from secure_flask import public

from core import routes
from views.browser.conftest import PROBE, Elsewhere, Serve, Server, log_in
from views.conftest import LOGIN, USERNAME, MakeApp, every_token_type

READ = """url => fetch(url, {credentials: "include"})
    .then(answer => answer.text(), () => "refused")"""
EMBED = """url => new Promise(resolve => {
    const script = document.createElement("script");
    script.onload = () => resolve("loaded");
    script.onerror = () => resolve("refused");
    script.src = url;
    document.body.append(script);
})"""
# Logs in and asks who it is, as a page of an allowed origin would.
LOG_IN = """async ([login, me, body, credentials]) => {
    const options = {method: "POST", credentials, body: JSON.stringify(body)};
    const json = {"Content-Type": "application/json"};
    const {token} = await (await fetch(login, {...options, headers: json})).json();
    const headers = token ? {Authorization: `Bearer ${token}`} : {};
    const answer = await fetch(me, {credentials, headers});
    return (await answer.json()).username;
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
# Of the same site as the app at localhost, and of another.
HOSTS = ("localhost", "127.0.0.1")


@pytest.fixture
def written() -> list[str]:
    return []


def add_views(app: Flask, written: list[str]) -> None:
    """Give the app a script and a view that takes writes."""

    @app.post("/write")
    @public
    def write() -> dict[str, str]:
        written.append("a write")
        return {}

    script = ("", {"Content-Type": "text/javascript"})
    app.add_url_rule("/own.js", "script", public(lambda: script))


@pytest.fixture
def site(make_app: MakeApp, serve: Serve, written: list[str]) -> str:
    """A site that trusts no other origin."""
    app = make_app(CORS_ORIGINS=[])
    add_views(app, written)
    return serve(app).at("localhost")


@pytest.fixture
def friendly(make_app: MakeApp, serve: Serve, page: Page, other: Server, written: list[str]) -> str:
    """A site that trusts the origin of the page which is open."""
    origin = other.at("localhost")
    page.goto(origin)
    app = make_app(CORS_ORIGINS=[origin], CORS_REQUEST_HEADERS=["X-Requested-With"])
    add_views(app, written)
    return serve(app).at("localhost")


@pytest.mark.parametrize("host", HOSTS)
def test_a_page_of_another_origin_reads_nothing(
    page: Page, site: str, other: Server, host: str
) -> None:
    log_in(page, site)
    page.goto(other.at(host))
    assert page.evaluate(READ, site + routes.ME) == "refused"
    assert page.evaluate(READ, site + PROBE) == "refused"
    # It does not even learn that a path or a method is wrong.
    assert page.evaluate(CALL, [f"{site}/no/such/path", "PUT", JSON]) == "refused"
    assert page.evaluate(CALL, [site + routes.ME, "POST", JSON]) == "refused"


@pytest.mark.asvs("3.4.2")
def test_a_page_of_an_unlisted_origin_reads_nothing(
    make_app: MakeApp, serve: Serve, page: Page, other: Server
) -> None:
    site = serve(make_app(CORS_ORIGINS=[other.at("127.0.0.1")])).at("localhost")
    log_in(page, site)
    page.goto(other.at("localhost"))
    assert page.evaluate(READ, site + routes.ME) == "refused"


@pytest.mark.asvs("3.5.8")
def test_a_page_of_another_site_embeds_no_answer(page: Page, site: str, other: Server) -> None:
    page.goto(other.at("127.0.0.1"))
    assert page.evaluate(EMBED, f"{site}/own.js") == "refused"


@every_token_type
def test_a_page_of_an_allowed_origin_logs_in_and_reads(
    page: Page, friendly: str, token_type: str
) -> None:
    paths = [friendly + routes.LOGIN, friendly + routes.ME]
    credentials = "include" if token_type == "session" else "omit"
    assert page.evaluate(LOG_IN, [*paths, LOGIN, credentials]) == USERNAME


@pytest.mark.parametrize("token_type", ["opaque"])
def test_a_page_of_an_allowed_origin_reads_nothing_by_the_cookie_of_pages(
    page: Page, friendly: str
) -> None:
    page.request.post(friendly + routes.LOGIN, form={**LOGIN}, headers={"Origin": friendly})
    assert page.request.get(friendly + routes.ME).status == 200
    assert page.evaluate(READ, friendly + routes.ME) == "refused"


def test_a_script_of_an_allowed_origin_sees_its_mistakes(page: Page, friendly: str) -> None:
    assert page.evaluate(CALL, [f"{friendly}/no/such/path", "GET", {}]) == 404
    assert page.evaluate(CALL, [friendly + routes.ME, "POST", JSON]) == 405


def test_a_script_of_an_allowed_origin_sends_the_headers_that_policy_names(
    page: Page, friendly: str
) -> None:
    ask = [f"{friendly}/healthz", "GET"]
    assert page.evaluate(CALL, [*ask, {"X-Requested-With": "XMLHttpRequest"}]) == 200
    assert page.evaluate(CALL, [*ask, {"X-Another": "1"}]) == "refused"


@pytest.mark.asvs("3.5.1")
@pytest.mark.parametrize("host", HOSTS)
def test_a_page_of_another_origin_writes_nothing(
    page: Page, site: str, elsewhere: Elsewhere, other: Server, written: list[str], host: str
) -> None:
    elsewhere.pages["/"] = FORM.replace("ACTION", f"{site}/write")
    page.goto(other.at(host))
    page.evaluate(WRITE, [f"{site}/write", "text/plain", "no-cors"])
    # A browser asks first whether JSON may be sent.
    assert page.evaluate(WRITE, [f"{site}/write", "application/json", "cors"]) == "refused"
    with page.expect_response(f"{site}/write") as answer:
        page.click("button")
    assert answer.value.status == 403
    assert written == []


def test_the_sites_own_pages_write(page: Page, site: str, written: list[str]) -> None:
    page.goto(site + PROBE)
    page.evaluate(WRITE, [f"{site}/write", "application/json", "cors"])
    assert written == ["a write"]
