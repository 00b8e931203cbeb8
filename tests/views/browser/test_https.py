"""The site in production over https, as a browser sees it."""

import pytest
from flask import Response
from playwright.sync_api import Page
from secure_flask import csp, public
from secure_flask.csp_levels import SELF

from views.browser.conftest import REAL_NAME, Serve, log_in
from views.conftest import PRODUCTION, MakeApp

SETTINGS = {**PRODUCTION, "trusted_hosts": [REAL_NAME]}


@pytest.mark.asvs("3.3.1", "3.3.3", "3.3.4", "14.3.3")
def test_a_login_leaves_nothing_that_a_script_or_a_plain_connection_gets(
    make_app: MakeApp, serve: Serve, own_page: Page
) -> None:
    log_in(own_page, serve(make_app(**SETTINGS), https=True).at(REAL_NAME))
    [cookie] = own_page.context.cookies()
    assert cookie.get("name", "").startswith("__Host-Http-")
    assert cookie.get("secure")
    assert cookie.get("httpOnly")
    assert cookie.get("sameSite") in ("Lax", "Strict")
    assert own_page.evaluate("document.cookie") == ""
    assert own_page.evaluate("localStorage.length + sessionStorage.length") == 0


def test_an_address_left_at_http_is_fetched_by_https(
    make_app: MakeApp, serve: Serve, own_page: Page
) -> None:
    # A browser that was sent a longer time would come back by https by itself.
    app = make_app(**SETTINGS, HEADER_CHANGES={"Strict-Transport-Security": "max-age=0"})
    site = serve(app, https=True).at(REAL_NAME)
    left = site.replace("https:", "http:")

    @app.get("/old.css")
    @public
    def style() -> Response:
        return Response("p {color: red}", mimetype="text/css")

    @app.get("/old-page")
    @public
    @csp(style_src=[SELF])
    def old_page() -> str:
        # Images are fetched by https in any case; a style would be refused.
        return f'<!doctype html><title>Old</title><link rel="stylesheet" href="{left}/old.css">'

    own_page.goto(f"{site}/old-page")
    assert own_page.locator("link").evaluate("link => link.sheet.cssRules.length") > 0
