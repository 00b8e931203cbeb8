"""The site in production over https, as a browser sees it."""

from collections.abc import Iterator
from queue import Queue

import pytest
from flask import Flask, request
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import REAL_NAME, Serve, log_in, new_page
from tests.conftest import PRODUCTION, MakeApp

SETTINGS = {**PRODUCTION, "trusted_hosts": [REAL_NAME]}


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A browser remembers which names want https, on whichever port they said so."""
    with new_page(browser) as page:
        yield page


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    return make_app(**SETTINGS)


@pytest.fixture
def site(app: Flask, serve: Serve) -> str:
    return serve(app, https=True).at(REAL_NAME)


def test_the_form_logs_in_and_out(page: Page, site: str) -> None:
    log_in(page, site)
    page.click("#logout")
    expect(page.locator("#login-status")).to_have_text("You are logged out.")


@pytest.mark.asvs("3.3.1", "3.3.3", "3.3.4")
def test_every_cookie_is_bound_to_host_and_https_and_no_script_reads_it(
    page: Page, site: str
) -> None:
    log_in(page, site)
    for cookie in page.context.cookies():
        assert cookie.get("name", "").startswith("__Host-")
        assert cookie.get("secure")
        assert cookie.get("httpOnly")
        assert cookie.get("sameSite") == "Lax"
    assert page.evaluate("document.cookie") == ""


def test_the_browser_is_told_to_come_back_by_https(page: Page, site: str) -> None:
    answer = page.goto(site)
    assert answer is not None
    assert "max-age=63072000" in answer.headers["strict-transport-security"]


def test_an_address_left_at_http_is_fetched_by_https(
    make_app: MakeApp, serve: Serve, page: Page
) -> None:
    # A browser that was told to come back by https would do so by itself.
    app = make_app(**SETTINGS, STRICT_TRANSPORT_SECURITY="max-age=0")
    site = serve(app, https=True).at(REAL_NAME)
    left = site.replace("https:", "http:")

    @app.get("/old-page")
    def old_page() -> str:
        # Images are fetched by https in any case; a style would be refused.
        style = f'<link rel="stylesheet" href="{left}/static/page.css">'
        return f"<!doctype html><title>Old</title>{style}"

    page.goto(f"{site}/old-page")
    assert page.locator("link").evaluate("link => link.sheet.cssRules.length") > 0


def test_the_browser_reports_what_it_blocked(app: Flask, page: Page, site: str) -> None:
    reported: Queue[str] = Queue()

    @app.before_request
    def note() -> None:
        if request.path == "/csp-reports":
            reported.put(request.mimetype)

    page.goto(site)
    page.click("#try-attack")
    expect(page.locator("#attack-result")).to_contain_text("Blocked.")
    assert reported.get(timeout=10) == "application/reports+json"
