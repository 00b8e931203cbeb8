"""The states of the start page that a login brings about."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.conftest import PASSWORD, USERNAME

# What the Tab key reaches on the start page, after the link to the page itself.
TAB_ORDER = ["username", "password", "Log in", "Try an attack"]


def submit(page: Page, site: str, username: str = USERNAME, password: str = PASSWORD) -> None:
    page.goto(site)
    page.fill("#username", username)
    page.fill("#password", password)
    page.press("#password", "Enter")


def log_in(page: Page, site: str) -> None:
    submit(page, site)
    expect(page.locator("#account-name")).to_have_text(USERNAME)


def wrong_password(page: Page, site: str) -> None:
    submit(page, site, password=f"not {PASSWORD}")
    expect(page.locator("#login-status")).to_have_text("Invalid credentials.")


STATES: list[Callable[[Page, str], None]] = [log_in, wrong_password]
