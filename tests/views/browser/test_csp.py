"""What workers may do, as a browser acts on the policy."""

from pathlib import Path

import pytest
from flask import Flask, Response
from playwright.sync_api import Page, expect
from secure_flask import csp, csp_nonce, public, testing
from secure_flask.csp_levels import NONCE, SELF

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


def test_a_worker_starts_where_a_view_or_the_policy_allows_it_and_keeps_to_its_own_site(
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
    page.goto(f"{worker_pages}/as-it-is")
    policy = testing.page_csp(app)
    starts = allows(policy, "worker-src", {SELF}) and "require-trusted-types-for" not in policy
    expect(page.locator("#said")).to_have_text("yes, no" if starts else "refused")
