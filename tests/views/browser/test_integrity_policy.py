"""A page at PARANOID runs script files of which it has the hash, and no others."""

from pathlib import Path

import pytest
from flask import render_template_string
from playwright.sync_api import Page
from secure_flask import public
from secure_flask.csp_levels import PARANOID

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


def test_what_the_page_has_the_hash_of_runs_and_nothing_else(
    make_app: MakeApp, serve: Serve, page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(CSP=PARANOID)
    (tmp_path / "static").mkdir()
    for name, text in FILES.items():
        (tmp_path / "static" / name).write_text(text, "utf-8")
    monkeypatch.setattr(app, "root_path", str(tmp_path))
    shown: list[str] = []
    app.add_url_rule("/_test", "page", public(lambda: render_template_string(shown[-1])))
    address = serve(app).at("localhost") + "/_test"

    def titled(markup: str) -> str:
        """Show a page with this markup; the title that its scripts have set."""
        shown.append(f"<!doctype html><title>Page</title>{markup}")
        # A late module is loaded after the event `load`.
        page.goto(address, wait_until="networkidle")
        return page.title()

    titles = {name: titled(markup) for name, markup in (RUNS | REFUSED).items()}
    assert titles == dict.fromkeys(RUNS, "ran") | dict.fromkeys(REFUSED, "Page")
