"""What pages, workers and uploaded files may do, as a browser acts on the policy."""

from pathlib import Path

import pytest
from flask import Flask, Response
from playwright.sync_api import Page, expect
from secure_flask import csp, csp_nonce, public, testing
from secure_flask.csp_levels import NONCE, NONE, SELF
from secure_flask.web.csp import Directives

from views.browser.conftest import Elsewhere, Serve
from views.browser.test_attacks import allows

# It asks the site that it comes from, and another.
WORKER = """
const may = (url) => fetch(url, {mode: "no-cors"}).then(() => "yes", () => "no");
onmessage = async ({data}) => postMessage(await may("/healthz") + ", " + await may(data));
"""
# Where Trusted Types are required, the page may make one of this name.
START_WORKER = """
const say = (text) => { document.getElementById("said").textContent = text; };
try {
    const types = globalThis.trustedTypes ?? {createPolicy: (name, rules) => rules};
    const rules = types.createPolicy("worker", {createScriptURL: (url) => url});
    const worker = new Worker(rules.createScriptURL("/static/worker.js"));
    worker.onmessage = ({data}) => say(data);
    worker.onerror = () => say("refused");
    worker.postMessage(document.body.dataset.elsewhere);
} catch {
    say("refused");
}
"""
PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" width="7" height="7"/>'
SVG = '<svg xmlns="http://www.w3.org/2000/svg" onload="RAN"><script>RAN</script></svg>'
XHTML = '<html xmlns="http://www.w3.org/1999/xhtml"><script>RAN</script><body onload="RAN"/></html>'
HTML = "<!doctype html><title>Upload</title><script>RAN</script><img src=x onerror='RAN'>"
UPLOADS = {
    "image/svg+xml": SVG,
    "text/xml": XHTML,
    "application/xhtml+xml": XHTML,
    "text/html": HTML,
    "text/plain": HTML,
    "application/json": HTML,
}


@pytest.fixture
def worker_pages(app: Flask, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A site with a worker's file and two pages that start it: as it is, and allowed to."""
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "worker.js").write_text(WORKER, encoding="utf-8")
    monkeypatch.setattr(app, "root_path", str(tmp_path))
    evil = serve(Elsewhere()).at("127.0.0.1")

    @app.get("/as-it-is")
    @public
    def as_it_is() -> str:
        return (
            f'<!doctype html><title>Worker</title><body data-elsewhere="{evil}">'
            f'<p id="said"></p><script nonce="{csp_nonce()}">{START_WORKER}</script>'
        )

    allowed = csp(script_src=[NONCE], worker_src=[SELF], trusted_types=["worker"])
    app.add_url_rule("/allowed", view_func=allowed(as_it_is), endpoint="allowed")
    return serve(app).at("localhost")


def allows_workers(policy: Directives) -> bool:
    return allows(policy, "worker-src", {SELF}) and "require-trusted-types-for" not in policy


def test_a_worker_starts_where_a_view_allows_it_and_keeps_to_its_own_site(
    app: Flask, page: Page, worker_pages: str
) -> None:
    statuses: list[int] = []

    @app.after_request
    def note(answer: Response) -> Response:
        statuses.append(answer.status_code)
        return answer

    for _ in range(2):
        page.goto(f"{worker_pages}/allowed")
        expect(page.locator("#said")).to_have_text("yes, no")
    assert 304 in statuses, "The second worker comes from the browser's cache."


def test_another_worker_starts_as_the_policy_says(
    app: Flask, page: Page, worker_pages: str
) -> None:
    page.goto(f"{worker_pages}/as-it-is")
    expected = "yes, no" if allows_workers(testing.page_csp(app)) else "refused"
    expect(page.locator("#said")).to_have_text(expected)


@pytest.mark.parametrize("allowed", [True, False])
def test_a_view_may_allow_more_or_less_than_the_policy(
    app: Flask, serve: Serve, page: Page, allowed: bool
) -> None:
    tiles = Elsewhere()
    tiles.pages["/tile.svg"] = PICTURE
    origin = serve(tiles).at("127.0.0.1")

    @app.get("/map")
    @public
    @csp(img_src=[origin if allowed else NONE])
    def tile_map() -> str:
        return f'<!doctype html><title>Map</title><img src="{origin}/tile.svg">'

    page.goto(serve(app).at("localhost") + "/map")
    assert page.locator("img").evaluate("image => image.naturalWidth") == (7 if allowed else 0)


@pytest.mark.asvs("3.2.1")
def test_nothing_runs_in_an_uploaded_file_that_is_opened(
    app: Flask, serve: Serve, page: Page, subtests: pytest.Subtests
) -> None:
    ran: list[str] = []

    @app.get("/upload/<path:content_type>")
    @public
    def upload(content_type: str) -> Response:
        body = UPLOADS[content_type].replace("RAN", f"location = '/ran/{content_type}'")
        return Response(body, content_type=content_type)

    @app.get("/ran/<path:content_type>")
    @public
    def note(content_type: str) -> str:
        ran.append(content_type)
        return "It ran"

    site = serve(app).at("localhost")
    for content_type in UPLOADS:
        with subtests.test(content_type):
            page.goto(f"{site}/upload/{content_type}")
            assert page.url == f"{site}/upload/{content_type}"
            page.goto(f"{site}/healthz")
            assert ran == []
