"""From the registration to a lost device, as somebody with a browser goes through it."""

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests.accounts.page_helpers import next_code
from tests.browser.conftest import Serve
from tests.browser.starter.login_states import log_out, submit
from tests.browser.starter.states import (
    GRACE,
    PASSWORD,
    ask_for_link,
    confirmed,
    follow_link,
    mail_sent,
    new_recovery_codes,
    press,
    set_up_app,
)

NAME = GRACE["Username"]
ADDRESS = GRACE["E-mail address"]
NEW_PASSWORD = "eight owls in a well of ink"


@pytest.fixture
def site(app: Flask, serve: Serve) -> str:
    return serve(app).at("localhost")


def enter_code(page: Page, label: str, text: str) -> None:
    page.get_by_role("textbox", name=label).fill(text)
    press(page, "Log in")


def expect_login(page: Page) -> None:
    expect(page.get_by_role("heading", name=f"Logged in as {NAME}")).to_be_visible()


def test_a_user_signs_up_and_uses_a_second_factor_until_the_device_is_lost(
    page: Page, site: str
) -> None:
    confirmed(page, site)
    page.get_by_role("main").get_by_role("link", name="Log in").click()
    page.wait_for_url(f"{site}/login")
    submit(page, site, ADDRESS, PASSWORD)
    expect_login(page)

    app = set_up_app(page, site)
    press(page, "Show new codes")
    recovery = page.locator("main code").first.inner_text()
    page.get_by_role("link", name="I have saved them").click()
    expect(page.get_by_role("region", name="Second step")).to_contain_text("8 recovery codes left")

    log_out(page)
    page.goto(f"{site}/tasks/new")
    page.get_by_label("Username").fill(NAME)
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Log in")
    enter_code(page, "Code", next_code(app))
    expect(page).to_have_url(f"{site}/tasks/new")

    log_out(page)
    submit(page, site, NAME, PASSWORD)
    page.get_by_role("link", name="Use a recovery code").click()
    enter_code(page, "Recovery code", recovery)
    expect(page.get_by_role("status")).to_contain_text("This recovery code is used up.")
    expect(page.get_by_role("region", name="Second step")).to_contain_text("7 recovery codes left")


def test_a_link_is_asked_for_again_where_no_mail_came(page: Page, site: str) -> None:
    mail_sent(page, site)
    page.get_by_role("link", name="ask for another link").click()
    ask_for_link(page, ADDRESS)
    follow_link(page, site, mails=2)
    expect(page.get_by_role("heading", name="Confirm your address")).to_be_visible()


def test_a_forgotten_password_is_replaced(page: Page, site: str) -> None:
    confirmed(page, site)
    page.goto(f"{site}/login")
    page.get_by_role("link", name="Set a new one").click()
    ask_for_link(page, ADDRESS)
    follow_link(page, site, mails=2)
    page.get_by_label("New password").fill(NEW_PASSWORD)
    press(page, "Set password")
    expect(page.get_by_role("heading", name="Your password is set")).to_be_visible()
    submit(page, site, NAME, NEW_PASSWORD)
    expect_login(page)


def test_an_address_is_changed(page: Page, site: str) -> None:
    confirmed(page, site)
    submit(page, site, NAME, PASSWORD)
    expect_login(page)
    page.goto(f"{site}/account")
    page.get_by_role("region", name="E-mail address").get_by_role("link").click()
    ask_for_link(page, "grace@new.example", "New e-mail address")
    follow_link(page, site, to="grace@new.example")
    press(page, "Change address")
    expect(page.get_by_role("heading", name="Your address is changed")).to_be_visible()
    page.goto(f"{site}/account")
    expect(page.get_by_role("region", name="E-mail address")).to_contain_text("grace@new.example")


def test_recovery_codes_are_printed_without_the_buttons(page: Page, site: str) -> None:
    new_recovery_codes(page, site)
    page.emulate_media(media="print")
    expect(page.locator("main code").first).to_be_visible()
    expect(page.get_by_role("link", name="I have saved them")).to_be_hidden()
    page.emulate_media(media="null")
