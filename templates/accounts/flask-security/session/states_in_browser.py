"""The pages of accounts, each in the states that people see, and those of the login."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from passlib.totp import TOTP
from playwright.sync_api import Page, expect

from tests.accounts.page_helpers import code
from tests.browser.starter import login_states
from tests.browser.starter.login_states import add_task as add_task
from tests.browser.starter.login_states import log_in as log_in
from tests.browser.starter.login_states import login_without_password as login_without_password
from tests.browser.starter.login_states import submit
from tests.browser.starter.login_states import task_without_title as task_without_title
from tests.browser.starter.login_states import wrong_password as wrong_password

# What the Tab key reaches on the start page, after the link to the page itself.
TAB_ORDER = ["Log in", "Log in", "Register", "Try an attack"]

GRACE = {"Username": "grace", "E-mail address": "grace@example.org"}
PASSWORD = "seven owls in a well of ink"
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def press(page: Page, name: str) -> None:
    page.get_by_role("main").get_by_role("button", name=name, exact=True).click()


@contextmanager
def device(page: Page) -> Iterator[None]:
    """A device that holds passkeys, and whose owner always agrees."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    yield
    session.send("WebAuthn.disable")
    session.detach()


def ask_for_link(page: Page, address: str, label: str = "E-mail address") -> None:
    page.get_by_label(label).fill(address)
    press(page, "Send the link")
    expect(page.get_by_role("heading", name="Look into your mailbox")).to_be_visible()


def follow_link(page: Page, site: str, to: str = "", mails: int = 1) -> None:
    """Open the link of the newest mail to an address, once so many mails have come there."""
    subjects = page.locator("tbody tr").filter(has_text=to).get_by_role("link")
    # A mail is delivered after the response: it may not be on the first look.
    for _ in range(100):
        page.goto(f"{site}/dev/mailbox")
        if subjects.count() >= mails:
            break
    subjects.first.click()
    link = page.locator("main section").get_by_role("link").first
    address = link.get_attribute("href") or ""
    link.click()
    page.wait_for_url(address)


def fill_registration(page: Page, site: str, password: str = PASSWORD) -> None:
    page.goto(f"{site}/register")
    for label, text in {**GRACE, "Password": password}.items():
        page.get_by_label(label).fill(text)
    press(page, "Register")


def set_up_app(page: Page, site: str) -> TOTP:
    """Set up an authenticator app for the user who is logged in."""
    app = begin_setup(page, site)
    page.get_by_role("textbox", name="Code").fill(code(app))
    press(page, "Confirm")
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    return app


def begin_setup(page: Page, site: str) -> TOTP:
    page.goto(f"{site}/tf-setup")
    press(page, "Set up an app")
    return TOTP(key=page.locator("#key").inner_text())


def add_passkey(page: Page, site: str, name: str, usage: str = "instead of the password") -> None:
    page.goto(f"{site}/account/passkeys")
    page.get_by_label("Name").fill(name)
    page.get_by_label(usage).check()
    press(page, "Add a passkey")
    expect(page.get_by_role("row").filter(has_text=name)).to_be_visible()


def registration(page: Page, site: str) -> None:
    page.goto(f"{site}/register")


def refused_registration(page: Page, site: str) -> None:
    fill_registration(page, site, password="grace")
    expect(page.get_by_label("Password")).to_have_attribute("aria-invalid", "true")


def mail_sent(page: Page, site: str) -> None:
    fill_registration(page, site)
    expect(page.get_by_role("heading", name="Look into your mailbox")).to_be_visible()


def confirmation(page: Page, site: str) -> None:
    mail_sent(page, site)
    follow_link(page, site)


def confirmed(page: Page, site: str) -> None:
    confirmation(page, site)
    page.get_by_label("Your password").fill(PASSWORD)
    press(page, "Confirm")
    expect(page.get_by_role("heading", name="Your account is ready")).to_be_visible()


def link_again(page: Page, site: str) -> None:
    page.goto(f"{site}/confirm")


def forgotten_password(page: Page, site: str) -> None:
    page.goto(f"{site}/reset")


def new_address(page: Page, site: str) -> None:
    log_in(page, site)
    page.goto(f"{site}/change-email")


def without_factors(page: Page, site: str) -> None:
    log_in(page, site)
    page.goto(f"{site}/tf-setup")


def first_code(page: Page, site: str) -> None:
    log_in(page, site)
    begin_setup(page, site)


def wrong_first_code(page: Page, site: str) -> None:
    first_code(page, site)
    page.get_by_role("textbox", name="Code").fill("000000")
    press(page, "Confirm")
    expect(page.get_by_text("Wrong code.")).to_be_visible()


def new_recovery_codes(page: Page, site: str) -> None:
    log_in(page, site)
    set_up_app(page, site)
    press(page, "Show new codes")
    expect(page.get_by_role("link", name="I have saved them")).to_be_visible()


def second_step(page: Page, site: str) -> None:
    new_recovery_codes(page, site)
    page.context.clear_cookies()
    submit(page, site)
    expect(page.get_by_role("heading", name="Second step")).to_be_visible()


def wrong_code(page: Page, site: str) -> None:
    second_step(page, site)
    page.get_by_role("textbox", name="Code").fill("000000")
    press(page, "Log in")
    expect(page.get_by_text("Wrong code.")).to_be_visible()


def recovery_code(page: Page, site: str) -> None:
    second_step(page, site)
    page.get_by_role("link", name="Use a recovery code").click()
    expect(page.get_by_label("Recovery code")).to_be_visible()


def passkeys(page: Page, site: str) -> None:
    log_in(page, site)
    with device(page):
        add_passkey(page, site, "My phone")


def account_with_factors(page: Page, site: str) -> None:
    new_recovery_codes(page, site)
    page.goto(f"{site}/account")


STATES: list[Callable[[Page, str], None]] = [
    *login_states.STATES,
    registration,
    refused_registration,
    mail_sent,
    confirmation,
    confirmed,
    link_again,
    forgotten_password,
    new_address,
    without_factors,
    first_code,
    wrong_first_code,
    new_recovery_codes,
    second_step,
    wrong_code,
    recovery_code,
    passkeys,
    account_with_factors,
]
