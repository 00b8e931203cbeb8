"""The pages of the account and of second factors, as people use them."""

import pytest
from flask import Flask
from playwright.sync_api import Browser, expect

from views.accounts.browser.visitor import Visitor


@pytest.mark.usefixtures("phone")
def test_a_passkey_a_second_step_and_the_password_lead_to_the_same_page(visitor: Visitor) -> None:
    visitor.log_in()
    visitor.is_at("/")
    visitor.add_passkey()
    visitor.begin_login()
    visitor.press("Use a passkey")
    visitor.is_at("/")
    visitor.log_out()
    visitor.open("/login")
    visitor.press("Log in with a passkey")
    visitor.is_at("/")


def test_a_phone_shows_each_recovery_code_in_one_line(visitor: Visitor) -> None:
    visitor.page.set_viewport_size({"width": 360, "height": 640})
    visitor.log_in()
    visitor.set_up_app()
    assert len(visitor.replace_recovery_codes()) == 8
    item = visitor.page.locator("#codes li")
    line = item.first.evaluate("item => parseFloat(getComputedStyle(item).lineHeight)")
    assert (
        item.evaluate_all("items => Math.max(...items.map((each) => each.offsetHeight))") < 2 * line
    )
    assert visitor.page.evaluate("document.documentElement.scrollWidth") == 360


def test_recovery_codes_are_downloaded_printed_and_there_after_a_reload(visitor: Visitor) -> None:
    visitor.log_in()
    visitor.set_up_app()
    codes = visitor.replace_recovery_codes()
    with visitor.page.expect_download() as begun:
        visitor.follow("Save as a file")
    assert begun.value.path().read_text().split() == codes
    visitor.page.emulate_media(media="print")
    expect(visitor.page.locator("#codes li")).to_have_count(8)
    expect(visitor.page.locator("#codes")).to_be_visible()
    expect(visitor.page.get_by_role("link", name="I have saved them")).to_be_hidden()
    visitor.page.emulate_media(media="null")
    visitor.page.reload()
    assert visitor.page.locator("#codes li").all_text_contents() == codes
    visitor.follow("I have saved them")
    visitor.sees("Passkeys and second step")


def test_a_button_copies_the_recovery_codes_and_another_prints_them(visitor: Visitor) -> None:
    page = visitor.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visitor.log_in()
    visitor.set_up_app()
    codes = visitor.replace_recovery_codes()
    visitor.press("Copy")
    expect(page.get_by_role("status").filter(has_text="Copied.")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "\n".join(codes)
    page.evaluate("window.print = () => { document.title = 'printed' }")
    visitor.press("Print")
    expect(page).to_have_title("printed")
    page.context.clear_permissions()


def test_where_no_script_may_copy_the_button_selects_the_codes(visitor: Visitor) -> None:
    visitor.log_in()
    visitor.set_up_app()
    codes = visitor.replace_recovery_codes()
    visitor.page.evaluate("delete Navigator.prototype.clipboard")
    visitor.press("Copy")
    assert visitor.page.evaluate("getSelection().toString().trim().split(/\\s+/)") == codes
    expect(visitor.page.get_by_text("Copied.")).to_have_count(0)


def test_without_javascript_the_codes_are_a_list_and_no_button_does_nothing(
    app: Flask, site: str, browser: Browser
) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        visitor = Visitor(app, context.new_page(), site)
        visitor.log_in()
        visitor.set_up_app()
        assert len(visitor.replace_recovery_codes()) == 8
        for name in ("Copy", "Print"):
            expect(visitor.page.get_by_text(name, exact=True)).to_be_hidden()
