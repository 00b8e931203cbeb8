"""Passkeys, with a device that Chromium simulates."""

import pytest
from flask import Flask
from playwright.sync_api import expect

from views.accounts.browser.visitor import Visitor
from views.accounts.people import REGISTRATION
from views.conftest import grow_old, with_and_without_bearer

pytestmark = pytest.mark.usefixtures("phone")


@with_and_without_bearer
def test_a_registered_person_adds_a_passkey_and_logs_in_by_it_alone_or_after_the_password(
    visitor: Visitor,
) -> None:
    visitor.confirm()
    visitor.add_passkey("My <phone> & more")
    visitor.log_out()
    visitor.open("/tasks/new")
    visitor.press("Log in with a passkey")
    visitor.is_at("/tasks/new")
    visitor.is_logged_in()
    visitor.open("/account")
    expect(visitor.page.locator("main")).to_contain_text(REGISTRATION["email"])
    visitor.begin_login("/tasks/new", **visitor.GRACE)
    expect(visitor.page.locator("main input")).to_have_count(0)
    visitor.press("Use a passkey")
    visitor.is_at("/tasks/new")
    visitor.is_logged_in()


@with_and_without_bearer
def test_a_passkey_makes_an_old_login_recent_and_is_deleted(app: Flask, visitor: Visitor) -> None:
    visitor.log_in()
    # Who has no passkey is not asked for one.
    visitor.open("/reauthenticate")
    visitor.sees("Enter your password again")
    expect(visitor.page.get_by_role("button", name="Use a passkey instead")).to_have_count(0)
    visitor.add_passkey()
    grow_old(app)
    visitor.open("/account/passkeys")
    visitor.press("Use a passkey instead")
    visitor.is_at("/account/passkeys")
    visitor.delete_passkey()
    visitor.log_out()
    visitor.open("/login")
    visitor.press("Log in with a passkey")
    visitor.is_told("passkey")
    expect(visitor.page.get_by_role("navigation").get_by_role("button")).to_have_count(0)


def test_a_refusal_is_a_sentence(visitor: Visitor) -> None:
    visitor.open("/login")
    visitor.press("Log in with a passkey")
    visitor.is_told("No passkey was used: it was cancelled, or it took too long.")
    visitor.log_in()
    visitor.add_passkey()
    visitor.fill(name="My phone")
    visitor.press("Add a passkey")
    visitor.is_told("This device has a passkey for your account already.")


def test_an_address_without_a_name_says_why_it_cannot(visitor: Visitor) -> None:
    visitor.site = visitor.site.replace("localhost", "127.0.0.1")
    visitor.open("/login")
    visitor.press("Log in with a passkey")
    visitor.is_told("The browser allows no passkeys at this address")
