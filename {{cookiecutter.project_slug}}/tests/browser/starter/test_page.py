"""The start page, as somebody with a browser uses it."""

import pytest
from flask import Flask
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from app.auth import tokens
from tests.browser.conftest import Serve
from tests.conftest import PASSWORD, USERNAME

LOGGED_OUT = "You are logged out."


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


def submit(page: Page, site: str, username: str = USERNAME, password: str = PASSWORD) -> None:
    page.goto(site)
    page.fill("#username", username)
    page.fill("#password", password)
    page.press("#password", "Enter")


def log_in(page: Page, site: str) -> None:
    submit(page, site)
    expect(page.locator("#account-name")).to_have_text(USERNAME)


def test_the_form_logs_in_and_out(page: Page, site: str, complaints: list[str]) -> None:
    log_in(page, site)
    expect(page.locator("#login")).to_be_hidden()
    page.click("#logout")
    expect(page.locator("#login-status")).to_have_text(LOGGED_OUT)
    expect(page.locator("#account")).to_be_hidden()
    page.reload()
    expect(page.locator("#login")).to_be_visible()
    assert complaints == []


def test_the_page_breaks_no_rule_of_its_own(page: Page, site: str, complaints: list[str]) -> None:
    page.goto(site, wait_until="networkidle")
    assert complaints == []


def test_a_wrong_password_is_said_in_words(page: Page, site: str) -> None:
    submit(page, site, password="a wrong long password")
    expect(page.locator("#login-status")).to_have_text("Invalid credentials.")
    assert page.url == f"{site}/"


def test_an_injected_script_is_blocked_and_the_page_says_so(page: Page, site: str) -> None:
    page.goto(site)
    page.click("#try-attack")
    expect(page.locator("#attack-result")).to_contain_text("Blocked.")
    expect(page.locator("html")).not_to_have_attribute("data-injected", "ran")


def test_a_login_is_stored_nowhere_and_a_reload_keeps_only_a_cookie(page: Page, site: str) -> None:
    log_in(page, site)
    assert page.evaluate("document.cookie") == ""
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0
    page.reload()
    # A token has a prefix in its header, the CSRF token of a cookie has none.
    expect(page.locator("#login" if tokens.PREFIX else "#account")).to_be_visible()


def test_logout_clears_storage_and_leaves_cookies_of_sibling_sites(page: Page, site: str) -> None:
    log_in(page, site)
    page.evaluate("localStorage.setItem('draft', 'private')")
    page.context.add_cookies([{"name": "sibling", "value": "1", "url": site}])
    page.click("#logout")
    expect(page.locator("#login-status")).to_have_text(LOGGED_OUT)
    assert page.evaluate("localStorage.length") == 0
    assert [cookie.get("name") for cookie in page.context.cookies()] == ["sibling"]


def test_without_javascript_the_password_stays_out_of_the_address(
    browser: Browser, site: str
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    with page.expect_navigation(url=f"{site}/login"):
        submit(page, site)
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
