"""A person with a browser: what people do on the pages of accounts."""

from contextlib import nullcontext
from email.message import EmailMessage
from typing import ClassVar

import pyotp
from flask import Flask
from playwright.sync_api import Page, expect

from core.standing_clock import clock
from views.accounts.browser.phone import Phone
from views.accounts.people import REGISTRATION, STRONG, delivered, link_in
from views.conftest import PASSWORD, USERNAME


class Visitor:
    # Who registers, for the forms of the login.
    GRACE: ClassVar = {"username": REGISTRATION["username"], "password": STRONG}

    def __init__(self, app: Flask, page: Page, site: str) -> None:
        self.app, self.page, self.site = app, page, site
        self.phone: Phone | None = None

    def open(self, path: str) -> None:
        self.page.goto(self.site + path)

    def press(self, name: str) -> None:
        self.page.get_by_role("main").get_by_role("button", name=name, exact=True).click()

    def confirm_press(self, name: str, about: str = "") -> None:
        """Press a button that asks first."""
        about = f"{name} {about}".strip()
        self.press(about)
        asked = self.page.get_by_role("dialog", name=f"{about}?")
        asked.get_by_role("button", name=f"Yes, {about[0].lower()}{about[1:]}").click()

    def submit(self) -> None:
        """Press the button of the first form, whatever it says."""
        self.page.locator("main form button[type=submit]").first.click()

    def follow(self, name: str) -> None:
        self.page.get_by_role("main").get_by_role("link", name=name).click()

    def fill(self, **fields: str) -> None:
        """Fill in fields by their names in the form."""
        for name, text in fields.items():
            self.page.locator(f"main [name={name}]").fill(text)

    def sees(self, heading: str) -> None:
        expect(self.page.get_by_role("heading", name=heading, level=1)).to_be_visible()

    def comes_to(self, path: str, heading: str, *, is_user: bool = False) -> None:
        if is_user:
            self.log_in()
        self.open(path)
        self.sees(heading)

    def is_at(self, path: str) -> None:
        expect(self.page).to_have_url(self.site + path)

    def is_refused(self) -> None:
        """A field or the form says what is wrong with it."""
        wrong = self.page.locator("main [aria-invalid=true], main [role=alert]")
        expect(wrong.first).to_be_visible()

    def is_told(self, text: str) -> None:
        """A form of passkeys says this."""
        expect(self.page.locator("[data-passkey] [role=status]")).to_contain_text(text)

    def open_newest_mail(self) -> None:
        """Follow the link in the newest mail of development's mailbox."""
        delivered(self.app)
        self.open("/dev/mailbox")
        self.page.locator(".mail a").first.click()

    def open_link_of(self, message: EmailMessage) -> None:
        self.open(link_in(message))

    def enter(self, username: str = USERNAME, password: str = PASSWORD) -> None:
        """Enter name and password on the page that asks for them, whatever passkey it offers."""
        with self.phone.ignored() if self.phone else nullcontext():
            self.fill(username=username, password=password)
            # The offer ends with the page.
            with self.page.expect_navigation(wait_until="commit"):
                self.press("Log in")

    def log_in(self, username: str = USERNAME, password: str = PASSWORD) -> None:
        """Log in by the password alone."""
        self.open("/login")
        self.enter(username, password)
        self.is_logged_in()

    def begin_login(self, path: str = "/login", **person: str) -> None:
        """Open a page without a login, and enter the password of a user with a second factor."""
        self.page.context.clear_cookies()
        self.open(path)
        self.enter(**person)
        self.sees("Second step")

    def open_recovery(self) -> None:
        """Leave the second step for the page of recovery codes: both have a field `code`."""
        self.follow("Use a recovery code")
        expect(self.page.get_by_label("Recovery code")).to_be_visible()

    def is_logged_in(self) -> None:
        navigation = self.page.get_by_role("navigation", name="Site")
        expect(navigation.get_by_role("button", name="Log out")).to_be_visible()

    def log_out(self) -> None:
        navigation = self.page.get_by_role("navigation", name="Site")
        navigation.get_by_role("button", name="Log out").click()
        expect(self.page.get_by_role("link", name="Log in").first).to_be_visible()

    def ask_for_link(self, path: str, address: str) -> None:
        self.open(path)
        self.fill(email=address)
        self.submit()
        self.sees("Check your e-mail")

    def register(self) -> None:
        self.open("/register")
        self.fill(**REGISTRATION)
        self.press("Register")
        self.sees("Check your e-mail")

    def confirm(self) -> None:
        self.register()
        self.open_newest_mail()
        self.fill(password=STRONG)
        self.press("Create my account")
        self.is_welcome()

    def is_welcome(self) -> None:
        """The account is made, and its user is logged in."""
        expect(self.page.get_by_text("Your account is ready")).to_be_visible()
        self.is_logged_in()

    def begin_setup(self) -> pyotp.TOTP:
        self.open("/account/factors")
        self.press("Set up an app")
        self.sees("Set up the app")
        return pyotp.TOTP(self.page.locator("#key").inner_text().replace(" ", ""))

    def set_up_app(self) -> pyotp.TOTP:
        device = self.begin_setup()
        self.fill(code=code_of(device))
        self.press("Confirm")
        self.keep_first_codes()
        return device

    def keep_first_codes(self) -> list[str]:
        """Go on from the recovery codes that come with a first factor."""
        codes = self.shown_codes()
        self.follow("I have saved them")
        self.sees("Passkeys and second step")
        return codes

    def delete_passkey(self, name: str = "My phone") -> None:
        """Delete the only passkey, on the page of passkeys."""
        self.confirm_press("Delete", name)
        expect(self.page.get_by_text("The passkey is deleted.")).to_be_visible()
        expect(self.page.get_by_role("table")).to_have_count(0)

    def replace_recovery_codes(self) -> list[str]:
        self.open("/account/factors")
        self.press("Make new codes")
        return self.shown_codes()

    def shown_codes(self) -> list[str]:
        self.sees("Save your recovery codes")
        return self.page.locator("#codes li").all_inner_texts()

    def add_passkey(self, name: str = "My phone", *, is_first: bool = True) -> None:
        self.open("/account/passkeys")
        self.fill(name=name)
        self.press("Add a passkey")
        if is_first:
            self.keep_first_codes()
            self.open("/account/passkeys")
        expect(self.page.get_by_role("row").filter(has_text=name)).to_be_visible()


def code_of(device: pyotp.TOTP, later: int = 0) -> str:
    """What an app shows now, or the next code after it, which the site accepts too."""
    return device.at(int(clock.now()) + later * device.interval)
