"""Passkeys that the name field of the login offers, and the device's list of them."""

from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser, Locator, Page, Request, Route
from secure_flask import db
from secure_flask.accounts import passkeys
from secure_flask.accounts.passkeys import Passkey
from sqlalchemy import delete

from core.standing_clock import clock
from views.accounts.browser.conftest import device
from views.accounts.browser.phone import Phone
from views.accounts.browser.visitor import Visitor
from views.browser.conftest import Elsewhere, Serve, new_page
from views.conftest import Configure, MakeApp, Wait, stored_user

SIGNIN = "/wan-signin"
BUTTON = "Log in with a passkey"
FOUR_MINUTES = 4 * 60 * 1000  # milliseconds


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A browser keeps a clock that was faked."""
    with new_page(browser) as page:
        yield page


@pytest.fixture
def asked(page: Page) -> list[str]:
    """The paths of the requests of login passkeys: for a challenge, and with an answer."""
    found: list[str] = []

    def note(request: Request) -> None:
        if SIGNIN in request.url:
            found.append(request.url.partition(SIGNIN)[2][:1])

    page.on("request", note)
    return found


@pytest.fixture
def person(visitor: Visitor, phone: Phone, asked: list[str]) -> Visitor:
    """Somebody with a passkey on the phone, who is not logged in."""
    visitor.log_in()
    visitor.add_passkey()
    visitor.log_out()
    asked.clear()
    return visitor


def name_field(visitor: Visitor) -> Locator:
    return visitor.page.get_by_label("Username or e-mail address")


def arm(visitor: Visitor) -> None:
    """Come to the name field, and wait until the browser has its challenge."""
    with visitor.page.expect_response(f"**{SIGNIN}"):
        name_field(visitor).focus()


def press_button(visitor: Visitor, phone: Phone) -> None:
    """Press the button, and agree to what it asks alone: what the field asked has ended by then."""

    def agree(route: Route) -> None:
        phone.agree(True)
        route.continue_()

    visitor.page.route(f"**{SIGNIN}", agree)
    visitor.press(BUTTON)
    visitor.is_logged_in()


def test_a_passkey_is_offered_in_the_name_field_without_a_button(
    app: Flask, person: Visitor
) -> None:
    person.open("/tasks/new")
    person.page.get_by_label("Keep me logged in").check()
    name_field(person).click()
    person.is_at("/tasks/new")
    person.is_logged_in()
    [cookie] = [each for each in person.page.context.cookies() if "session" in each["name"]]
    assert cookie["expires"] > clock.now() + app.config["KEPT_LIFETIME"] / 2


def test_a_challenge_is_asked_for_at_the_first_focus_and_again_before_its_five_minutes_end(
    person: Visitor, phone: Phone, asked: list[str]
) -> None:
    # A request waits as long as there is a passkey, and nobody chooses it.
    phone.agree(False)
    person.page.clock.install()
    person.open("/login")
    person.page.wait_for_load_state("networkidle")
    assert asked == []
    arm(person)
    person.page.get_by_label("Password").focus()
    name_field(person).click()
    # Somebody is still there.
    with person.page.expect_response(f"**{SIGNIN}"):
        person.page.clock.fast_forward(FOUR_MINUTES)
    # Somebody is elsewhere, until the field has the focus again.
    person.page.get_by_label("Password").focus()
    person.page.clock.fast_forward(FOUR_MINUTES)
    person.page.clock.fast_forward(FOUR_MINUTES)
    arm(person)
    assert FOUR_MINUTES < passkeys.LIFETIME * 1000
    assert asked == ["", "", ""]


def test_the_button_works_while_the_field_offers_passkeys(
    person: Visitor, phone: Phone, asked: list[str]
) -> None:
    person.open("/login")
    phone.agree(False)
    arm(person)
    press_button(person, phone)
    assert asked == ["", "", "/"]


def test_after_a_refusal_the_field_offers_passkeys_again(
    person: Visitor, phone: Phone, asked: list[str], wait: Wait
) -> None:
    """Here of an answer that came late, which the next one follows."""

    def too_late(route: Route) -> None:
        wait(passkeys.LIFETIME)
        phone.agree(False)
        route.continue_()

    person.page.route(f"**{SIGNIN}/*", too_late)
    person.open("/login")
    with person.page.expect_response(f"**{SIGNIN}/*"):
        name_field(person).click()
    with person.page.expect_response(f"**{SIGNIN}"):
        person.is_told("That took too long: try again.")
    person.page.unroute_all()
    press_button(person, phone)
    assert asked == ["", "/", "", "", "/"]


def test_in_a_frame_of_a_site_that_the_policy_lists_a_passkey_logs_in(
    make_app: MakeApp, serve: Serve, page: Page, configure: Configure
) -> None:
    """The browser says which site that is: without it the answer would be refused."""
    partner = Elsewhere()
    listed = serve(partner).at("localhost")
    app = make_app(FRAME_ANCESTORS=[listed])
    site = serve(app).at("localhost")
    configure(app, PUBLIC_URL=site)
    visitor = Visitor(app, page, site)
    partner.pages["/"] = f'<iframe src="{site}/login" allow="publickey-credentials-get *"></iframe>'
    with device(page):
        visitor.log_in()
        visitor.add_passkey()
        visitor.log_out()
        page.goto(listed)
        with page.expect_response(f"**{SIGNIN}/*") as answered:
            page.frame_locator("iframe").get_by_role("button", name=BUTTON).click()
    assert answered.value.status == 200


def test_where_the_browser_cannot_offer_passkeys_the_field_asks_for_nothing(
    person: Visitor, asked: list[str]
) -> None:
    cannot = "PublicKeyCredential.isConditionalMediationAvailable = async () => false"
    person.page.add_init_script(cannot)
    person.open("/login")
    name_field(person).click()
    person.press(BUTTON)
    person.is_logged_in()
    assert asked == ["", "/"]


def test_the_phone_forgets_a_passkey_that_the_site_does_not_know_and_no_other(
    app: Flask, person: Visitor, phone: Phone
) -> None:
    with stored_user(app) as user:
        user.disabled = True
    person.open("/login")
    person.press(BUTTON)
    person.is_told("Unknown or invalid passkey.")
    assert len(phone.passkeys()) == 1
    with app.app_context():
        db.session.execute(delete(Passkey))
        db.session.commit()
    person.press(BUTTON)
    person.is_told("Unknown or invalid passkey.")
    assert phone.passkeys() == []


# Resolves when the device has heard of what the page said about its passkeys.
HEARD = """
window.heard = [];
for (const name of ["signalAllAcceptedCredentials", "signalCurrentUserDetails"]) {
  const signal = PublicKeyCredential[name].bind(PublicKeyCredential);
  PublicKeyCredential[name] = (details) => {
    const promise = signal(details);
    window.heard.push(promise);
    return promise;
  };
}
"""


def test_the_pages_of_the_account_keep_the_list_of_the_phone_true(
    visitor: Visitor, phone: Phone
) -> None:
    visitor.page.add_init_script(HEARD)
    visitor.log_in()
    visitor.add_passkey()
    visitor.open("/change-username")
    visitor.fill(username="countess")
    with visitor.page.expect_navigation():
        visitor.submit()
    assert shown_on(phone, visitor, "/account") == ["countess"]
    visitor.open("/account/passkeys")
    visitor.delete_passkey()
    assert shown_on(phone, visitor, "/account/passkeys") == []


def shown_on(phone: Phone, visitor: Visitor, path: str) -> list[str]:
    """The names of the passkeys on the phone, after it has heard of a page of the account."""
    visitor.open(path)
    assert visitor.page.evaluate("Promise.all(heard).then((all) => all.length)") == 2
    return [each["userName"] for each in phone.passkeys()]
