"""The login on the start page, as somebody with a browser uses it."""

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Serve
from tests.browser.starter.states import log_in, submit, wrong_password

LOGGED_OUT = "You are logged out."


@pytest.fixture
def site(app: Flask, serve: Serve) -> str:
    return serve(app).at("localhost")


def test_the_form_logs_in_and_out(page: Page, site: str) -> None:
    log_in(page, site)
    expect(page.locator("#login")).to_be_hidden()
    page.click("#logout")
    expect(page.locator("#login-status")).to_have_text(LOGGED_OUT)
    expect(page.locator("#account")).to_be_hidden()
    expect(page.locator("#login")).to_be_visible()


def test_focus_follows_a_login_and_a_logout(page: Page, site: str) -> None:
    log_in(page, site)
    expect(page.locator("#account-heading")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#username")).to_be_focused()


def test_a_wrong_password_is_said_in_words_and_read_out(page: Page, site: str) -> None:
    wrong_password(page, site)
    said = page.get_by_role("status").filter(has_text="Invalid credentials.")
    expect(said).to_have_count(1)
    for label in ("Username", "Password"):
        expect(page.get_by_label(label)).to_have_accessible_description("Invalid credentials.")
        expect(page.get_by_label(label)).to_have_attribute("aria-invalid", "true")


def test_a_login_is_stored_nowhere_and_a_reload_ends_it(page: Page, site: str) -> None:
    log_in(page, site)
    assert page.evaluate("document.cookie") == ""
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0
    page.reload()
    expect(page.locator("#login")).to_be_visible()


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
