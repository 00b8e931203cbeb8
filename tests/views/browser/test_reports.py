"""From a page that is blocked to one that is allowed, by the line that `flask csp report` prints."""

import re
from queue import Queue

import pytest
from flask import Flask, Response, request
from playwright.sync_api import Page

from secure_flask.auth.access import public
from secure_flask.web.csp_syntax import SELF
from tests.browser.conftest import Elsewhere, Serve
from core.conftest import EditPolicy, MakeApp

PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" width="7" height="7"/>'


@pytest.fixture
def tiles(serve: Serve) -> str:
    elsewhere = Elsewhere()
    elsewhere.pages["/tile.svg"] = PICTURE
    return serve(elsewhere).at("127.0.0.1")


def shows_the_map(site: str, page: Page) -> bool:
    page.goto(f"{site}/map?user=ada", wait_until="networkidle")
    return bool(page.locator("img").evaluate("image => image.naturalWidth") == 7)


def add_map(app: Flask, tiles: str) -> "Queue[int]":
    """Give the app a page with a picture from elsewhere; each report that it took."""
    taken: Queue[int] = Queue()

    @app.get("/map")
    @public
    def tile_map() -> str:
        return f'<!doctype html><title>Map</title><img src="{tiles}/tile.svg?token=s3cret">'

    @app.after_request
    def note(answer: Response) -> Response:
        if request.path == "/csp-reports":
            taken.put(answer.status_code)
        return answer

    return taken


@pytest.mark.parametrize("only", [False, True], ids=["enforced", "report-only"])
def test_a_blocked_source_is_allowed_by_the_line_that_the_report_prints(
    make_app: MakeApp, edit_policy: EditPolicy, serve: Serve, page: Page, tiles: str, only: bool
) -> None:
    edited = edit_policy(f'CSP["img-src"] = ["{SELF}"]\nCSP_CANDIDATE = None')
    app = make_app(csp_report_only=only, **edited)
    taken = add_map(app, tiles)
    assert shows_the_map(serve(app).at("localhost"), page) == only
    assert taken.get(timeout=10) == 204
    report = app.test_cli_runner().invoke(args=["csp", "report"]).output
    assert re.search(rf"\n +1  img-src {tiles} +/map ", report)
    assert not re.search("s3cret|ada", report)
    [change] = re.findall(r"CSP\[.*", report)

    app = make_app(**edit_policy(f"{change}\nCSP_CANDIDATE = None"))
    taken = add_map(app, tiles)
    assert shows_the_map(serve(app).at("localhost"), page)
    assert taken.empty()
