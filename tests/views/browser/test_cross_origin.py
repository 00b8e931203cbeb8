"""What pages of other origins can read, embed and write here with a user's browser."""

import pytest
from flask import Flask
from playwright.sync_api import Page
from secure_flask import public

from core import routes
from views.browser.conftest import PROBE, Elsewhere, Serve, Server, log_in
from views.conftest import MakeApp

READ = """url => fetch(url, {credentials: "include"})
    .then(answer => answer.text(), () => "refused")"""
EMBED = """url => new Promise(resolve => {
    const script = document.createElement("script");
    script.onload = () => resolve("loaded");
    script.onerror = () => resolve("refused");
    script.src = url;
    document.body.append(script);
})"""
WRITE = """([url, type, mode]) => fetch(url, {
    method: "POST", credentials: "include", mode, headers: {"Content-Type": type}, body: "{}",
}).then(answer => answer.type, () => "refused")"""
FORM = '<form method="post" enctype="text/plain" action="ACTION"><button>Prize</button></form>'


def add_views(app: Flask) -> list[str]:
    """Give the app a script and a view that takes writes; those that it took."""
    written: list[str] = []

    @app.post("/write")
    @public
    def write() -> dict[str, str]:
        written.append("a write")
        return {}

    script = ("", {"Content-Type": "text/javascript"})
    app.add_url_rule("/own.js", "script", public(lambda: script))
    return written


@pytest.mark.asvs("3.4.2", "3.5.1", "3.5.8")
@pytest.mark.parametrize(("host", "listed"), [("localhost", "127.0.0.1"), ("127.0.0.1", None)])
def test_a_page_of_an_unlisted_origin_reads_embeds_and_writes_nothing(
    make_app: MakeApp,
    serve: Serve,
    page: Page,
    elsewhere: Elsewhere,
    other: Server,
    host: str,
    listed: str | None,
    subtests: pytest.Subtests,
) -> None:
    app = make_app(CORS_ORIGINS=[other.at(listed)] if listed else [])
    written = add_views(app)
    site = serve(app).at("localhost")
    elsewhere.pages["/"] = FORM.replace("ACTION", f"{site}/write")
    log_in(page, site)
    page.goto(other.at(host))
    # It does not even learn that a path is wrong.
    for path in (routes.ME, PROBE, "/no/such/path"):
        with subtests.test(path=path):
            assert page.evaluate(READ, site + path) == "refused"
    assert page.evaluate(EMBED, f"{site}/own.js") == "refused"
    page.evaluate(WRITE, [f"{site}/write", "text/plain", "no-cors"])
    # A browser asks first whether JSON may be sent.
    assert page.evaluate(WRITE, [f"{site}/write", "application/json", "cors"]) == "refused"
    with page.expect_response(f"{site}/write") as answer:
        page.click("button")
    assert answer.value.status == 403
    assert written == []
    page.goto(site + PROBE)
    page.evaluate(WRITE, [f"{site}/write", "application/json", "cors"])
    assert written == ["a write"]
