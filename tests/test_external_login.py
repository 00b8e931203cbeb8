"""Users log in by an external provider, in Chromium, as the how-to page says."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from passlib.totp import TOTP
from playwright.sync_api import Browser, Page, expect

import clients
import following
import openid_provider
import services
import support
from clients import PASSWORD
from conftest import NewProject
from openid_provider import Provider

ANSWERS = {"accounts": "flask-security", "token_type": "session"}
CALLBACKS = ["/login/external/callback", "/account/external/callback"]
REFUSED = "Example did not confirm who you are"
SUBMIT_FORM = """() => {
    const form = Object.assign(document.createElement("form"), { action: "/login/external" });
    document.body.append(form);
    form.submit();
}"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def started_provider() -> Iterator[Provider]:
    with openid_provider.serving() as provider:
        yield provider


@pytest.fixture
def provider(started_provider: Provider) -> Provider:
    started_provider.claims = {}
    return started_provider


@pytest.fixture(scope="module", params=support.CHOICES["csp"])
def site(
    request: pytest.FixtureRequest,
    new_project: NewProject,
    started_provider: Provider,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """Serve a project with what the page shows, and some users; gives its address."""
    project = new_project(**ANSWERS, csp=request.param)
    following.write_files(project, project / "docs" / "how-to" / "external-login.md")
    settings = {"USERS": "ada bob eve joe", **started_provider.settings}
    with services.serving(project, tmp_path_factory.mktemp("served") / "log", **settings) as server:
        address = f"http://127.0.0.1:{server.port}"
        started_provider.redirect_uris = [address + path for path in CALLBACKS]
        yield address


def test_a_user_links_an_identity_and_logs_in_by_it(
    provider: Provider, site: str, page: Page
) -> None:
    provider.claims = {"name": "Ada Lovelace"}
    link(page, site, "ada", subject="1")
    expect(page.locator("main")).to_contain_text("You are Ada Lovelace at Example.")
    link_the_two(page)
    page.click("nav >> text=Log out")
    expect(page.locator("nav >> text=Log in")).to_be_visible()
    page.goto(f"{site}/tasks")
    go_to_provider(page, subject="1")
    expect(page).to_have_url(f"{site}/tasks")


def test_an_unlinked_identity_opens_and_makes_no_account(
    provider: Provider, site: str, page: Page
) -> None:
    log_in_there(page, site, subject="stranger")
    expect(page.locator("main")).to_contain_text("belongs to no account here")
    page.click("main >> text=Log in")
    fill_in(page, "joe")
    expect(page).to_have_url(f"{site}/account/external")


def test_a_user_with_a_second_factor_enters_it(provider: Provider, site: str, page: Page) -> None:
    link(page, site, "bob", subject="2")
    link_the_two(page)
    app = add_app(site, "bob")
    page.context.clear_cookies()
    log_in_there(page, site, subject="2")
    assert "dev-session" not in cookies(page)
    # A later code: that of the setup is used up.
    page.fill("[name=code]", app.generate(time.time() + 30).token)
    page.press("[name=code]", "Enter")
    expect(page).to_have_url(f"{site}/")
    assert "dev-session" in cookies(page)


@pytest.mark.parametrize("claim", ["iss", "nonce", "aud"])
def test_what_the_provider_said_to_another_is_refused(
    claim: str, provider: Provider, site: str, page: Page
) -> None:
    provider.claims = {claim: "other"}
    log_in_there(page, site, subject="1")
    expect(page.locator("main")).to_contain_text(REFUSED)
    assert "dev-session" not in cookies(page)


def test_the_way_back_of_another_browser_is_refused(
    provider: Provider, site: str, page: Page, browser: Browser
) -> None:
    page.goto(f"{site}/login")
    page.click("text=Log in by Example")
    page.wait_for_selector("[name=subject]")
    # This browser does not follow it, so the code is not used up.
    answer = page.request.post(page.url, form={"subject": "1"}, max_redirects=0)
    other = browser.new_page()
    other.goto(answer.headers["location"])
    expect(other.locator("main")).to_contain_text(REFUSED)
    other.close()


def test_a_form_instead_of_the_link_is_blocked(provider: Provider, site: str, page: Page) -> None:
    page.goto(f"{site}/login")
    with page.expect_console_message(lambda message: "form-action" in message.text):
        page.evaluate(SUBMIT_FORM)


def log_in_there(page: Page, site: str, subject: str) -> None:
    page.goto(f"{site}/login")
    go_to_provider(page, subject)


def go_to_provider(page: Page, subject: str) -> None:
    page.click("text=Log in by Example")
    say_who(page, subject)


def say_who(page: Page, subject: str) -> None:
    page.fill("[name=subject]", subject)
    page.click("text=Allow")


def link(page: Page, site: str, name: str, subject: str) -> None:
    """Log in by the password, and go to the provider and back to the question."""
    page.goto(f"{site}/login?next=/account")
    fill_in(page, name)
    page.click("text=Link your identity there")
    page.click("text=Go to Example")
    say_who(page, subject)


def link_the_two(page: Page) -> None:
    page.click("text=Link the two")
    expect(page.get_by_role("status")).to_have_text("You can now log in by Example.")


def fill_in(page: Page, name: str) -> None:
    page.fill("[name=username]", name)
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")


def add_app(site: str, name: str) -> TOTP:
    """Set up an authenticator app for a user, by JSON."""
    port = int(site.rpartition(":")[2])
    headers = clients.shown(clients.log_in(port, name))
    begun = clients.ask(port, "/tf-setup", {"setup": "authenticator"}, headers)
    app = TOTP(begun.body["tf_authr_key"].replace("-", ""))
    state = f"/tf-setup/{begun.body['tf_state_token']}"
    code = app.generate().token
    assert clients.ask(port, state, {"code": code}, headers).status == 200
    return app


def cookies(page: Page) -> set[str]:
    return {cookie["name"] for cookie in page.context.cookies()}
