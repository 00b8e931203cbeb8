"""A walk through every page and flow in production at the strictest level, over https."""

from collections.abc import Iterator
from queue import Queue
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, Request, expect
from secure_flask.csp_levels import PARANOID

from core.accounts.people import IN_PRODUCTION
from services import mail_servers
from services.mail_servers import MailServer
from views.accounts.browser.visitor import Visitor, code_of
from views.accounts.people import STRONG, delivered
from views.browser.conftest import REAL_NAME, Serve, new_page, noted_reports
from views.browser.starter.states import add_task
from views.conftest import Configure, MakeApp

PUBLIC_PAGES = ("/", "/login", "/register", "/reset", "/confirm", "/confirm/" + "a" * 43, "/none")


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A browser remembers which names want https, on whichever port they said so."""
    with new_page(browser) as page:
        yield page


@pytest.fixture
def failed(page: Page) -> list[str]:
    """The requests that a rule or the network stopped; a download ends its navigation too."""
    found: list[str] = []

    def note(request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":
            found.append(f"{request.url} {request.failure}")

    page.on("requestfailed", note)
    return found


@pytest.fixture
def mails() -> Iterator[MailServer]:
    with mail_servers.running() as server:
        yield server


@pytest.fixture
def app(make_app: MakeApp, mails: MailServer) -> Flask:
    own = {
        "trusted_hosts": [REAL_NAME],
        "public_url": f"https://{REAL_NAME}",
        "mail_url": f"smtp://127.0.0.1:{mails.port}",
    }
    return make_app(**{**IN_PRODUCTION, **own}, CSP=PARANOID)


@pytest.fixture
def reported(app: Flask) -> "Queue[dict[str, Any]]":
    return noted_reports(app)


@pytest.fixture
def site(app: Flask, serve: Serve, configure: Configure) -> str:
    address = serve(app, https=True).at(REAL_NAME)
    configure(app, PUBLIC_URL=address)
    return address


@pytest.mark.usefixtures("phone")
def test_nothing_is_blocked_or_reported_but_an_attack(
    visitor: Visitor,
    mails: MailServer,
    complaints: list[str],
    failed: list[str],
    reported: "Queue[dict[str, Any]]",
) -> None:
    for path in PUBLIC_PAGES:
        visitor.open(path)
        visitor.page.wait_for_load_state("networkidle")
    _register(visitor, mails)
    _use_tasks(visitor)
    _use_factors(visitor)
    _leave(visitor)
    assert (complaints, failed) == ([], [])
    # What comes before this report would have been sent before it.
    _attack(visitor)
    report = reported.get(timeout=10)
    assert report["body"]["effectiveDirective"] == "require-trusted-types-for"
    assert reported.empty()


def _register(visitor: Visitor, mails: MailServer) -> None:
    visitor.register()
    delivered(visitor.app)
    visitor.open_link_of(mails.next())
    visitor.fill(password=STRONG)
    visitor.submit()
    visitor.is_welcome()


def _use_tasks(visitor: Visitor) -> None:
    page = visitor.page
    add_task(page, visitor.site, "Buy milk")
    page.get_by_role("link", name="Buy milk").click()
    page.get_by_label("Title").fill("Buy oats")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_have_text("Saved: Buy oats")
    page.go_back()
    page.go_forward()
    page.reload()
    page.get_by_text("Delete Buy oats", exact=True).click()
    page.get_by_role("button", name="Yes, delete Buy oats").click()
    expect(page.get_by_role("status")).to_have_text("Deleted: Buy oats")


def _use_factors(visitor: Visitor) -> None:
    device = visitor.set_up_app()
    visitor.add_passkey(is_first=False)
    visitor.begin_login("/account/passkeys", **visitor.GRACE)
    visitor.press("Use a passkey")
    visitor.is_at("/account/passkeys")
    visitor.delete_passkey()
    visitor.log_out()
    visitor.begin_login("/account", **visitor.GRACE)
    visitor.fill(code=code_of(device, 1))
    visitor.submit()
    visitor.is_at("/account")


def _leave(visitor: Visitor) -> None:
    visitor.follow("Delete your account")
    visitor.sees("Delete your account")
    with visitor.page.expect_download():
        visitor.follow("Download your data")
    visitor.press("Delete my account")
    visitor.sees("Goodbye")


def _attack(visitor: Visitor) -> None:
    """Press the button of the start page in a new tab, whose console nobody looks at."""
    tab = visitor.page.context.new_page()
    tab.goto(visitor.site)
    tab.click("#try-attack")
    expect(tab.locator("#attack-result")).to_contain_text("Blocked.")
