"""Who can show the page in a frame: the defence against clickjacking, as a browser acts."""

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from app.security.csp import csp
from app.security.csp_syntax import NONE, SELF
from tests.browser.conftest import Elsewhere, Serve
from tests.conftest import MakeApp


def assert_blank(page: Page) -> None:
    """The frame of this page shows the browser's own empty page."""
    page.frames[1].wait_for_url("chrome-error://chromewebdata/", wait_until="commit")


@pytest.fixture
def elsewhere() -> Elsewhere:
    return Elsewhere()


def own_page(app: Flask, path: str) -> str:
    """Add a page to the app that frames another of its pages; return its path."""

    @app.get("/own-page")
    @csp(frame_src=[SELF])
    def own() -> str:
        return f'<!doctype html><title>Own</title><iframe src="{path}"></iframe>'

    return "/own-page"


@pytest.mark.parametrize("ancestors", [[NONE], [SELF]], ids=["deny", "sameorigin"])
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_no_other_origin_can_frame_it(
    make_app: MakeApp,
    serve: Serve,
    page: Page,
    elsewhere: Elsewhere,
    ancestors: list[str],
    host: str,
) -> None:
    site = serve(make_app(FRAME_ANCESTORS=ancestors)).at("localhost")
    elsewhere.pages["/"] = f'<iframe src="{site}"></iframe>'
    page.goto(serve(elsewhere).at(host))
    assert_blank(page)


def test_with_sameorigin_its_own_pages_can(make_app: MakeApp, serve: Serve, page: Page) -> None:
    app = make_app(FRAME_ANCESTORS=[SELF])
    path = own_page(app, "/")
    page.goto(serve(app).at("localhost") + path)
    expect(page.frame_locator("iframe").locator("#login")).to_be_visible()


def test_with_deny_not_even_its_own_pages_can(make_app: MakeApp, serve: Serve, page: Page) -> None:
    app = make_app(FRAME_ANCESTORS=[NONE])
    path = own_page(app, "/")
    page.goto(serve(app).at("localhost") + path)
    assert_blank(page)


@pytest.mark.parametrize(
    ("listed", "other"),
    [("localhost", "127.0.0.1"), ("127.0.0.1", "localhost")],
    ids=["same-site", "another-site"],
)
def test_of_an_allow_list_the_listed_origin_alone_can(
    make_app: MakeApp, serve: Serve, page: Page, elsewhere: Elsewhere, listed: str, other: str
) -> None:
    partner = serve(elsewhere)
    site = serve(make_app(FRAME_ANCESTORS=[partner.at(listed)])).at("localhost")
    elsewhere.pages["/"] = f'<iframe src="{site}"></iframe>'
    page.goto(partner.at(listed))
    expect(page.frame_locator("iframe").locator("#login")).to_be_visible()
    page.goto(partner.at(other))
    assert_blank(page)


def test_what_is_no_page_is_framed_by_nobody(
    make_app: MakeApp, serve: Serve, page: Page, elsewhere: Elsewhere
) -> None:
    partner = serve(elsewhere)
    site = serve(make_app(FRAME_ANCESTORS=[partner.at("localhost")])).at("localhost")
    elsewhere.pages["/"] = f'<iframe src="{site}/healthz"></iframe>'
    page.goto(partner.at("localhost"))
    assert_blank(page)
