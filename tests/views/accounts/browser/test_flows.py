"""From the registration to a lost device and the end of an account, by forms in a browser."""

from flask import Flask
from playwright.sync_api import Page, expect

import mail_servers
from core.accounts.devices import wrong_code_of
from views.accounts.browser.visitor import Visitor, code_of
from views.accounts.people import ADDRESS, REGISTRATION, STRONG, delivered
from views.browser.conftest import Serve
from views.conftest import PASSWORD, Configure, MakeApp

NEW_PASSWORD = "eight herons in a pot of glue, and one that stayed at home"


def test_a_person_registers_and_uses_an_app_until_the_device_is_lost(visitor: Visitor) -> None:
    visitor.confirm()
    device = visitor.set_up_app()
    [lost, *_] = visitor.replace_recovery_codes()

    visitor.log_out()
    visitor.open("/tasks/new")
    visitor.enter(**visitor.GRACE)
    visitor.fill(code=code_of(device, 1))
    visitor.submit()
    visitor.is_at("/tasks/new")

    visitor.log_out()
    visitor.begin_login("/tasks/new", **visitor.GRACE)
    visitor.open_recovery()
    # As somebody types it from paper.
    visitor.fill(code=lost.replace("-", " ").upper())
    visitor.submit()
    visitor.is_at("/tasks/new")

    visitor.begin_login(**visitor.GRACE)
    visitor.open_recovery()
    visitor.fill(code=lost)
    visitor.submit()
    visitor.is_refused()


def test_a_wrong_first_code_leads_to_another_try(visitor: Visitor) -> None:
    visitor.log_in()
    device = visitor.begin_setup()
    visitor.fill(code=wrong_code_of(device.secret))
    visitor.submit()
    visitor.is_refused()
    visitor.fill(code=code_of(device))
    visitor.submit()
    visitor.keep_first_codes()


def test_a_removed_app_is_asked_for_no_more(visitor: Visitor) -> None:
    visitor.log_in()
    visitor.set_up_app()
    visitor.confirm_press("Remove", "the app")
    expect(visitor.page.get_by_role("button", name="Set up an app")).to_be_visible()
    visitor.log_out()
    visitor.log_in()


def test_a_forgotten_password_is_replaced(visitor: Visitor) -> None:
    visitor.open("/login")
    visitor.follow("Forgot your password?")
    visitor.fill(email=ADDRESS)
    visitor.submit()
    visitor.sees("Check your e-mail")
    visitor.open_newest_mail()
    visitor.fill(password=NEW_PASSWORD)
    visitor.submit()
    visitor.sees("Your password was changed")
    visitor.open("/login")
    visitor.enter(password=PASSWORD)
    visitor.is_refused()
    visitor.log_in(password=NEW_PASSWORD)


def test_an_address_is_changed_by_the_link_and_the_password(visitor: Visitor) -> None:
    visitor.log_in()
    visitor.ask_for_link("/change-email", "ada@new.example")
    visitor.log_out()
    visitor.open_newest_mail()
    visitor.fill(password=PASSWORD)
    visitor.submit()
    visitor.sees("Your address was changed")
    visitor.log_in()
    visitor.open("/account")
    expect(visitor.page.get_by_role("region", name="Profile")).to_contain_text("ada@new.example")


def test_a_deleted_account_logs_nobody_in(visitor: Visitor) -> None:
    visitor.log_in()
    visitor.open("/account")
    visitor.follow("Delete your account")
    # The page before has a link to the data, too.
    visitor.sees("Delete your account")
    with visitor.page.expect_download() as begun:
        visitor.follow("Download your data")
    assert begun.value.suggested_filename == "personal-data.json"
    visitor.press("Delete my account")
    visitor.sees("Goodbye")
    visitor.open("/login")
    visitor.enter()
    visitor.is_refused()


def test_a_mail_server_brings_the_link_of_a_registration(
    make_app: MakeApp, serve: Serve, page: Page, configure: Configure
) -> None:
    with mail_servers.running() as server:
        app: Flask = make_app(mail_url=f"smtp://127.0.0.1:{server.port}")
        site = serve(app).at("localhost")
        configure(app, PUBLIC_URL=site)
        visitor = Visitor(app, page, site)
        visitor.register()
        delivered(app)
        message = server.next()
        assert message["To"] == REGISTRATION["email"]
        visitor.open_link_of(message)
        visitor.fill(password=STRONG)
        visitor.submit()
        visitor.is_welcome()
        visitor.log_out()
        visitor.log_in(**visitor.GRACE)


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
