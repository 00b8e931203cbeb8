"""The site of accounts in Chromium, and a device that holds passkeys."""

# pytest finds fixtures by these names.
# ruff: noqa: F401, F811

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from playwright.sync_api import Page

from views.accounts.browser.phone import Phone
from views.accounts.browser.visitor import Visitor
from views.accounts.people import give_address
from views.browser.conftest import (
    Serve,
    app,
    browser,
    certificate,
    make_app,
    page,
    serve,
    shared_page,
)
from views.browser.starter.test_page import complaints
from views.conftest import Configure

DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@contextmanager
def device(page: Page) -> Iterator[Phone]:
    """A device that holds passkeys, and whose owner agrees to each request at once."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    added = session.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
    yield Phone(session, added["authenticatorId"])
    session.send("WebAuthn.disable")
    session.detach()


@pytest.fixture
def site(app: Flask, serve: Serve, configure: Configure) -> str:
    address = serve(app).at("localhost")
    configure(app, PUBLIC_URL=address)
    give_address(app)
    return address


@pytest.fixture
def visitor(app: Flask, page: Page, site: str, complaints: list[str]) -> Iterator[Visitor]:
    """A person in whose browser no page breaks a rule of its own."""
    yield Visitor(app, page, site)
    assert complaints == []


@pytest.fixture
def phone(visitor: Visitor) -> Iterator[Phone]:
    with device(visitor.page) as phone:
        visitor.phone = phone
        yield phone
