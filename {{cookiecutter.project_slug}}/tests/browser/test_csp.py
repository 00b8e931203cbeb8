"""What pages, workers and uploaded files may do, as a browser acts on the policy."""

import shutil
from pathlib import Path

import pytest
from flask import Flask, Response
from playwright.sync_api import Page, expect

from app import assets
from app.security.csp import csp, csp_nonce
from app.security.csp_syntax import NONE, SELF, Policy
from tests.browser.conftest import Elsewhere, Serve

# It tells whether it may ask its own site, and another.
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
SVG = '<svg xmlns="http://www.w3.org/2000/svg" onload="RAN"><script>RAN</script></svg>'
XHTML = '<html xmlns="http://www.w3.org/1999/xhtml"><script>RAN</script><body onload="RAN"/></html>'
HTML = "<!doctype html><title>Upload</title><script>RAN</script><img src=x onerror='RAN'>"


@pytest.fixture
def evil(serve: Serve) -> str:
    return serve(Elsewhere()).at("127.0.0.1")


def add_worker_pages(
    app: Flask, evil: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Give the app a worker's file and two pages that start it: as it is, and allowed to."""
    static = shutil.copytree(assets.STATIC, tmp_path / "static")
    (static / "worker.js").write_text(WORKER, encoding="utf-8")
    monkeypatch.setattr(assets, "STATIC", static)

    @app.get("/as-it-is")
    def as_it_is() -> str:
        return (
            f'<!doctype html><title>Worker</title><body data-elsewhere="{evil}">'
            f'<p id="said"></p><script nonce="{csp_nonce()}">{START_WORKER}</script>'
        )

    app.add_url_rule(
        "/allowed",
        view_func=csp(worker_src=[SELF], trusted_types=["worker"])(as_it_is),
        endpoint="allowed",
    )


def test_a_worker_starts_where_a_view_allows_it_and_keeps_to_its_own_site(
    app: Flask, serve: Serve, page: Page, evil: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_worker_pages(app, evil, tmp_path, monkeypatch)
    page.goto(serve(app).at("localhost") + "/allowed")
    expect(page.locator("#said")).to_have_text("yes, no")


def test_a_worker_from_the_cache_keeps_to_its_own_site_too(
    app: Flask, serve: Serve, page: Page, evil: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_worker_pages(app, evil, tmp_path, monkeypatch)
    site = serve(app).at("localhost")
    statuses: list[int] = []

    @app.after_request
    def note(answer: Response) -> Response:
        statuses.append(answer.status_code)
        return answer

    for _ in range(2):
        page.goto(f"{site}/allowed")
        expect(page.locator("#said")).to_have_text("yes, no")
    assert 304 in statuses


def test_elsewhere_a_worker_starts_as_the_policy_says(
    app: Flask, serve: Serve, page: Page, evil: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_worker_pages(app, evil, tmp_path, monkeypatch)
    page.goto(serve(app).at("localhost") + "/as-it-is")
    expected = "yes, no" if allows_workers(app.config["CSP"]) else "refused"
    expect(page.locator("#said")).to_have_text(expected)


def test_a_view_may_allow_more_than_the_policy(app: Flask, serve: Serve, page: Page) -> None:
    tiles = Elsewhere()
    tiles.pages["/tile.svg"] = '<svg xmlns="http://www.w3.org/2000/svg" width="7" height="7"/>'
    origin = serve(tiles).at("127.0.0.1")

    @app.get("/map")
    @csp(img_src=[SELF, origin])
    def tile_map() -> str:
        return f'<!doctype html><title>Map</title><img src="{origin}/tile.svg">'

    page.goto(serve(app).at("localhost") + "/map")
    assert page.locator("img").evaluate("image => image.naturalWidth") == 7


def test_a_view_may_allow_less_than_the_policy(app: Flask, serve: Serve, page: Page) -> None:
    @app.get("/plain")
    @csp(img_src=[NONE])
    def plain() -> str:
        return '<!doctype html><title>Plain</title><img src="/static/favicon.svg">'

    page.goto(serve(app).at("localhost") + "/plain")
    assert page.locator("img").evaluate("image => image.naturalWidth") == 0


@pytest.mark.asvs("3.2.1")
@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("image/svg+xml", SVG),
        ("text/xml", XHTML),
        ("application/xhtml+xml", XHTML),
        ("text/html", HTML),
        ("text/plain", HTML),
        ("application/json", HTML),
    ],
    ids=["svg", "xml", "xhtml", "html", "text", "json"],
)
def test_nothing_runs_in_an_uploaded_file_that_is_opened(
    app: Flask, serve: Serve, page: Page, content_type: str, body: str
) -> None:
    ran: list[str] = []

    @app.get("/upload")
    def upload() -> Response:
        return Response(body.replace("RAN", "location = '/ran'"), content_type=content_type)

    @app.get("/ran")
    def note() -> str:
        ran.append("a script")
        return "It ran"

    site = serve(app).at("localhost")
    page.goto(f"{site}/upload")
    assert page.url == f"{site}/upload"
    page.goto(f"{site}/healthz")
    assert ran == []


def allows_workers(policy: Policy) -> bool:
    chain = ("worker-src", "child-src", "script-src", "default-src")
    sources = next((policy[name] for name in chain if name in policy), [SELF])
    return SELF in sources and "require-trusted-types-for" not in policy
