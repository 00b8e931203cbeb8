"""A page at PARANOID runs script files of which it has the hash, and no others."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask, render_template_string
from playwright.sync_api import Page
from secure_flask import public
from secure_flask.csp_levels import PARANOID, STRICT, Level
from werkzeug import Request, Response

from views.browser.conftest import Serve
from views.conftest import MakeApp

LEAF = 'export const leaf = "ran"'
FILES = {
    "classic.js": 'document.title = "ran"',
    "leaf.js": LEAF,
    "tree.js": 'import { leaf } from "./leaf.js"; document.title = leaf',
    "late.js": 'import("./leaf.js").then(({ leaf }) => { document.title = leaf })',
}
NONCED = 'nonce="{{ csp_nonce() }}"'
CLASSIC = f'<script src="{{{{ asset("classic.js").url }}}}" {NONCED}'
INTEGRITY = 'integrity="{{ asset("classic.js").integrity }}"'
MAP = f'<script type="importmap" {NONCED}>{{{{ import_map("leaf.js") | tojson }}}}</script>'
MODULE = (
    f'<script type="module" src="{{{{ asset("NAME").url }}}}" '
    f'integrity="{{{{ asset("NAME").integrity }}}}" {NONCED}></script>'
)
TREE, LATE = MODULE.replace("NAME", "tree.js"), MODULE.replace("NAME", "late.js")
RUNS = {
    "a module with its hash": MODULE.replace("NAME", "classic.js"),
    "a file with its hash, by CORS": f"{CLASSIC} {INTEGRITY} crossorigin></script>",
    "an inline script": f'<script {NONCED}>document.title = "ran"</script>',
    "a module that the import map has": MAP + TREE,
    "a late module that the import map has": MAP + LATE,
}
REFUSED = {
    "a file without its hash": f"{CLASSIC} crossorigin></script>",
    "a file with its hash, not by CORS": f"{CLASSIC} {INTEGRITY}></script>",
    "a module that no import map has": TREE,
    "a late module that no import map has": LATE,
}
# `import()` is what no directive of a Content-Security-Policy with a nonce limits.
IMPORTING = f"""<!doctype html><title>Page</title><script {NONCED}>
globalThis.load = (address) => import(address).then(({{leaf}}) => leaf, () => "refused")
</script>"""

# Shows a page with this markup, and returns the title that its scripts have set.
Titled = Callable[[str], str]


@pytest.fixture
def site(make_app: MakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Flask:
    app = make_app(CSP=PARANOID)
    (tmp_path / "static").mkdir()
    for name, text in FILES.items():
        (tmp_path / "static" / name).write_text(text, "utf-8")
    monkeypatch.setattr(app, "root_path", str(tmp_path))
    return app


@pytest.fixture
def titled(site: Flask, serve: Serve, page: Page) -> Titled:
    shown: list[str] = []
    site.add_url_rule("/_test", "page", public(lambda: render_template_string(shown[-1])))
    address = serve(site).at("localhost") + "/_test"

    def visit(markup: str) -> str:
        shown.append(f"<!doctype html><title>Page</title>{markup}")
        # A late module is loaded after the event `load`.
        page.goto(address, wait_until="networkidle")
        return page.title()

    return visit


def test_what_the_page_has_the_hash_of_runs(titled: Titled, subtests: pytest.Subtests) -> None:
    for name, markup in RUNS.items():
        with subtests.test(name):
            assert titled(markup) == "ran"


def test_what_it_has_no_hash_of_is_refused(titled: Titled, subtests: pytest.Subtests) -> None:
    for name, markup in REFUSED.items():
        with subtests.test(name):
            assert titled(markup) == "Page"


@pytest.mark.parametrize(("level", "result"), [(PARANOID, "refused"), (STRICT, "ran")])
def test_a_script_imports_nothing_of_another_origin(
    make_app: MakeApp, serve: Serve, page: Page, level: Level, result: str
) -> None:
    asked: list[str] = []

    @Request.application
    def other(request: Request) -> Response:
        asked.append(request.path)
        headers = {
            "Access-Control-Allow-Origin": "*",
            "Cross-Origin-Resource-Policy": "cross-origin",
        }
        return Response(LEAF, headers=headers, mimetype="text/javascript")

    # Connection-Allowlist would close it too, in Chromium.
    app = make_app(CSP=level, LINKS=None)
    app.add_url_rule("/_test", "page", public(lambda: render_template_string(IMPORTING)))
    page.goto(serve(app).at("localhost") + "/_test")
    address = serve(other).at("127.0.0.1") + "/leaf.js"
    assert page.evaluate("(address) => load(address)", address) == result
    assert asked == ([] if result == "refused" else ["/leaf.js"])
