"""The starter page, as somebody with a browser uses it."""

import pytest
from flask import Flask
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from app.auth import tokens
from tests.browser.conftest import Serve, log_in
from tests.conftest import PASSWORD, USERNAME


@pytest.fixture
def site(app: Flask, serve: Serve) -> str:
    return serve(app).at("localhost")


@pytest.fixture
def complaints(page: Page) -> list[str]:
    """What the browser wrote to its console: errors of scripts, broken rules, missing files."""
    found: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            found.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: found.append(error.message))
    return found


@pytest.mark.asvs("7.4.4")
def test_the_form_logs_in_and_out(page: Page, site: str, complaints: list[str]) -> None:
    log_in(page, site)
    expect(page.locator("#login")).to_be_hidden()
    page.click("#logout")
    expect(page.locator("#login-status")).to_have_text("You are logged out.")
    expect(page.locator("#account")).to_be_hidden()
    page.reload()
    expect(page.locator("#login")).to_be_visible()
    assert complaints == []


def test_the_page_breaks_no_rule_of_its_own(page: Page, site: str, complaints: list[str]) -> None:
    page.goto(site, wait_until="networkidle")
    shown = page.locator("[data-header=content-security-policy] .value")
    expect(shown).to_contain_text("frame-ancestors")
    assert complaints == []


def test_a_wrong_password_is_said_in_words(page: Page, site: str) -> None:
    page.goto(site)
    page.fill("#username", USERNAME)
    page.fill("#password", "a wrong long password")
    page.press("#password", "Enter")
    expect(page.locator("#login-status")).to_have_text("Invalid credentials.")
    assert page.url == f"{site}/"


def test_an_injected_script_is_blocked_and_the_page_says_so(page: Page, site: str) -> None:
    page.goto(site)
    page.click("#try-attack")
    expect(page.locator("#attack-result")).to_contain_text("Blocked.")
    expect(page.locator("html")).not_to_have_attribute("data-injected", "ran")


@pytest.mark.asvs("14.3.3")
def test_no_script_can_read_what_a_login_gave(page: Page, site: str) -> None:
    log_in(page, site)
    assert page.evaluate("document.cookie") == ""
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0


def test_a_reload_keeps_a_cookie_and_forgets_a_token(page: Page, site: str) -> None:
    log_in(page, site)
    page.reload()
    # A token has a prefix in its header, a cookie's stand-in has none.
    expect(page.locator("#login" if tokens.PREFIX else "#account")).to_be_visible()


@pytest.mark.asvs("14.3.1")
def test_logout_clears_storage_and_leaves_cookies_of_sibling_sites(page: Page, site: str) -> None:
    log_in(page, site)
    page.evaluate("localStorage.setItem('draft', 'private')")
    page.context.add_cookies([{"name": "sibling", "value": "1", "url": site}])
    page.click("#logout")
    expect(page.locator("#login-status")).to_have_text("You are logged out.")
    assert page.evaluate("localStorage.length") == 0
    assert [cookie.get("name") for cookie in page.context.cookies()] == ["sibling"]


@pytest.mark.asvs("14.2.1")
def test_without_javascript_the_password_stays_out_of_the_address(
    browser: Browser, site: str
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(site)
    page.fill("#username", USERNAME)
    page.fill("#password", PASSWORD)
    with page.expect_navigation():
        page.press("#password", "Enter")
    assert page.url == f"{site}/login"
    context.close()


def test_it_shows_what_this_site_sent(page: Page, site: str) -> None:
    page.goto(site)
    expect(page.locator("#protections-count")).to_contain_text("just now")
    headers = page.request.head(site).headers
    # These differ from answer to answer.
    headers |= {"content-security-policy": "report-uri", "x-request-id": ""}
    for row in page.locator("[data-header]").all():
        sent = headers.get(str(row.get_attribute("data-header")), "Not sent here")
        expect(row.locator(".value")).to_contain_text(sent)


def test_where_the_site_is_gone_it_says_so(page: Page, site: str) -> None:
    page.route(
        "**/", lambda route: route.abort() if route.request.method == "HEAD" else route.continue_()
    )
    page.goto(site)
    expect(page.locator("#protections-count")).to_contain_text("could not be reached")
