"""Passkeys, with a device that Chromium simulates: at each level of the policy."""

from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from app.auth.grants import Grant
from app.db import db
from tests.accounts.page_helpers import next_code
from tests.browser.conftest import Serve, new_page
from tests.browser.starter.login_states import log_in, log_out, submit
from tests.browser.starter.states import add_passkey, device, press, set_up_app
from tests.conftest import USERNAME, MakeApp

HOUR = 3600  # seconds: a login of that age is not recent


@pytest.fixture
def site(app: Flask, serve: Serve) -> str:
    return serve(app).at("localhost")


@pytest.fixture
def phone(page: Page) -> Iterator[None]:
    with device(page):
        yield


def expect_login(page: Page) -> None:
    expect(page.get_by_role("navigation").get_by_role("button", name="Log out")).to_be_visible()


@pytest.mark.usefixtures("phone")
def test_a_passkey_replaces_the_password_and_leads_to_the_page_that_was_asked_for(
    page: Page, site: str
) -> None:
    log_in(page, site)
    add_passkey(page, site, "My <phone> & more")
    log_out(page)
    page.goto(f"{site}/tasks/new")
    press(page, "Log in with a passkey")
    expect(page).to_have_url(f"{site}/tasks/new")
    expect_login(page)


@pytest.mark.usefixtures("phone")
def test_a_passkey_follows_the_password(page: Page, site: str) -> None:
    log_in(page, site)
    add_passkey(page, site, "My key", "after the password")
    log_out(page)
    page.goto(f"{site}/tasks/new")
    page.get_by_label("Username").fill(USERNAME)
    submit(page, site)
    expect(page.get_by_role("textbox", name="Code")).to_have_count(0)
    press(page, "Use a passkey")
    expect_login(page)


@pytest.mark.usefixtures("phone")
@pytest.mark.parametrize("factor", ["app", "passkey"])
def test_who_has_an_app_and_a_passkey_uses_either(page: Page, site: str, factor: str) -> None:
    log_in(page, site)
    app = set_up_app(page, site)
    add_passkey(page, site, "My key", "after the password")
    log_out(page)
    submit(page, site)
    if factor == "app":
        page.get_by_role("textbox", name="Code").fill(next_code(app))
        press(page, "Log in")
    else:
        press(page, "Use a passkey")
    expect_login(page)


@pytest.mark.usefixtures("phone")
def test_a_passkey_makes_an_old_login_recent_and_deletes_itself(
    app: Flask, page: Page, site: str
) -> None:
    log_in(page, site)
    add_passkey(page, site, "My phone")
    with app.app_context():
        db.session.query(Grant).update({"issued": Grant.issued - HOUR})
        db.session.commit()
    page.goto(f"{site}/account/passkeys")
    press(page, "Use a passkey instead")
    expect(page).to_have_url(f"{site}/account/passkeys")
    press(page, "Delete My phone")
    expect(page.get_by_role("status").first).to_contain_text("The passkey is deleted.")
    expect(page.get_by_role("table")).to_have_count(0)


@pytest.mark.usefixtures("phone")
def test_a_deleted_passkey_logs_nobody_in(page: Page, site: str) -> None:
    log_in(page, site)
    add_passkey(page, site, "My phone")
    press(page, "Delete My phone")
    expect(page.get_by_role("status").first).to_contain_text("The passkey is deleted.")
    log_out(page)
    page.goto(f"{site}/login")
    press(page, "Log in with a passkey")
    expect(page.locator("[data-passkey] [role=status]")).to_contain_text("passkey")
    expect(page.get_by_role("navigation").get_by_role("link", name="Log in")).to_be_visible()


@pytest.mark.usefixtures("phone")
def test_a_refusal_is_a_sentence(page: Page, site: str) -> None:
    page.goto(f"{site}/login")
    press(page, "Log in with a passkey")
    said = page.locator("[data-passkey] [role=status]")
    expect(said).to_have_text("No passkey was used: it was cancelled, or it took too long.")
    log_in(page, site)
    add_passkey(page, site, "My phone")
    page.get_by_label("Name").fill("My phone")
    press(page, "Add a passkey")
    expect(said).to_contain_text("My phone")
    page.get_by_label("Name").fill(" ")
    press(page, "Add a passkey")
    expect(said).to_have_text("Required.")
    expect(page.get_by_role("row")).to_have_count(2)


def test_an_address_without_a_name_says_why_it_cannot(page: Page, site: str) -> None:
    page.goto(f"{site.replace('localhost', '127.0.0.1')}/login")
    press(page, "Log in with a passkey")
    said = page.locator("[data-passkey] [role=status]")
    expect(said).to_contain_text("The browser allows no passkeys at this address")


def test_another_name_of_the_site_says_where_passkeys_work(
    make_app: MakeApp, serve: Serve, page: Page
) -> None:
    own = "http://localhost:8000"
    page.goto(f"{serve(make_app(public_url=own)).at('127.0.0.1')}/login")
    press(page, "Log in with a passkey")
    said = page.locator("[data-passkey] [role=status]")
    expect(said).to_have_text(f"Passkeys work at {own} alone.")


def test_an_old_browser_says_that_it_cannot(browser: Browser, site: str) -> None:
    with new_page(browser) as page:
        page.add_init_script("delete window.PublicKeyCredential")
        page.goto(f"{site}/login")
        expect(page.get_by_role("button", name="Log in with a passkey")).to_be_disabled()
        said = page.locator("[data-passkey] [role=status]")
        expect(said).to_contain_text("too old for passkeys")
