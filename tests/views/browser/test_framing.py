"""Who can show a page in a frame: the defence against clickjacking, as a browser acts."""

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from secure_flask import csp, public
from secure_flask.csp_levels import NONE, SELF

from views.browser.conftest import PROBE, Elsewhere, Serve, Server
from views.conftest import MakeApp


def assert_blank(page: Page) -> None:
    """The frame of this page shows the browser's own empty page."""
    page.frames[1].wait_for_url("chrome-error://chromewebdata/", wait_until="commit")


def assert_shown(page: Page) -> None:
    expect(page.frame_locator("iframe").locator("#probe")).to_be_visible()


def open_own_page(app: Flask, serve: Serve, page: Page) -> None:
    """Open a page of the app that frames another of its pages."""

    @app.get("/own-page")
    @public
    @csp(frame_src=[SELF])
    def own() -> str:
        return f'<!doctype html><title>Own</title><iframe src="{PROBE}"></iframe>'

    page.goto(serve(app).at("localhost") + "/own-page")


def test_no_unlisted_origin_can_frame_a_page(
    make_app: MakeApp,
    serve: Serve,
    page: Page,
    elsewhere: Elsewhere,
    other: Server,
    subtests: pytest.Subtests,
) -> None:
    for ancestors in ([NONE], [SELF]):
        site = serve(make_app(FRAME_ANCESTORS=ancestors)).at("localhost")
        elsewhere.pages["/"] = f'<iframe src="{site}{PROBE}"></iframe>'
        for host in ("localhost", "127.0.0.1"):
            with subtests.test(ancestors=ancestors, host=host):
                page.goto(other.at(host))
                assert_blank(page)


def test_with_self_the_sites_own_pages_can(make_app: MakeApp, serve: Serve, page: Page) -> None:
    open_own_page(make_app(FRAME_ANCESTORS=[SELF]), serve, page)
    assert_shown(page)


def test_with_none_not_even_its_own_pages_can(make_app: MakeApp, serve: Serve, page: Page) -> None:
    open_own_page(make_app(FRAME_ANCESTORS=[NONE]), serve, page)
    assert_blank(page)


@pytest.mark.parametrize(
    ("listed", "unlisted"),
    [("localhost", "127.0.0.1"), ("127.0.0.1", "localhost")],
    ids=["same-site", "another-site"],
)
def test_of_an_allow_list_the_listed_origin_alone_can(
    make_app: MakeApp,
    serve: Serve,
    page: Page,
    elsewhere: Elsewhere,
    other: Server,
    listed: str,
    unlisted: str,
) -> None:
    site = serve(make_app(FRAME_ANCESTORS=[other.at(listed)])).at("localhost")
    elsewhere.pages["/"] = f'<iframe src="{site}{PROBE}"></iframe>'
    # JSON, text and files are framed by nobody.
    elsewhere.pages["/json"] = f'<iframe src="{site}/healthz"></iframe>'
    page.goto(other.at(listed))
    assert_shown(page)
    for address in (other.at(unlisted), other.at(listed) + "/json"):
        page.goto(address)
        assert_blank(page)
