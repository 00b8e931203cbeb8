"""The start page and the others of the starter, as somebody with a browser uses them."""

from collections.abc import Callable
from typing import Literal

import pytest
from flask import Flask
from playwright.sync_api import ConsoleMessage, Page, expect
from secure_flask.csp_levels import STRICT_WITH_TRUSTED_TYPES

from views.browser.conftest import Serve
from views.browser.starter.states import STATES
from views.conftest import MakeApp


@pytest.fixture
def trying_site(make_app: MakeApp, serve: Serve) -> str:
    """A site that tries Trusted Types beside its level: the console has what they would stop."""
    return serve(make_app(CSP_CANDIDATE=STRICT_WITH_TRUSTED_TYPES)).at("localhost")


@pytest.fixture
def complaints(page: Page) -> list[str]:
    """What the browser wrote to its console: errors of scripts, broken rules, missing files."""
    found: list[str] = []

    def note(message: ConsoleMessage) -> None:
        # Chromium also notes each status from 400 on, which a form with an error has.
        expected = message.text.startswith("Failed to load resource") and is_own_answer(message)
        # It notes over https what a logout cleared, too.
        expected |= message.text.startswith("Clear-Site-Data header on")
        # A policy that only reports writes `info`.
        if message.type in ("error", "warning", "info") and not expected:
            found.append(message.text)

    def is_own_answer(message: ConsoleMessage) -> bool:
        return "/static/" not in message.location["url"]

    page.on("console", note)
    page.on("pageerror", lambda error: found.append(error.message))
    return found


def start_page(page: Page, site: str) -> None:
    page.goto(site)
    expect(page.locator("#protections-count")).to_contain_text("came with")


@pytest.mark.parametrize("state", [start_page, *STATES], ids=lambda state: state.__name__)
def test_a_page_breaks_no_rule_of_its_own(
    page: Page, trying_site: str, complaints: list[str], state: Callable[[Page, str], None]
) -> None:
    state(page, trying_site)
    page.wait_for_load_state("networkidle")
    assert complaints == []


def test_an_injected_script_is_blocked_and_the_page_says_so(page: Page, site: str) -> None:
    page.goto(site)
    page.click("#try-attack")
    expect(page.locator("#attack-result")).to_contain_text("Blocked.")
    expect(page.locator("html")).not_to_have_attribute("data-injected", "ran")


def test_it_shows_what_this_site_sent(page: Page, site: str) -> None:
    start_page(page, site)
    headers = page.request.head(site).headers
    # These differ from answer to answer.
    headers |= {"content-security-policy": "report-uri", "x-request-id": ""}
    for row in page.locator("[data-header]").all():
        sent = headers.get(str(row.get_attribute("data-header")), "Not sent here")
        expect(row.locator(".value")).to_contain_text(sent)


@pytest.mark.parametrize(("https", "shown"), [(False, False), (True, True)])
def test_a_header_that_is_not_sent_here_is_folded_away(
    page: Page, app: Flask, serve: Serve, https: bool, shown: bool
) -> None:
    start_page(page, serve(app, https=https).at("localhost"))
    page.get_by_text("Show each header").click()
    row = page.locator("[data-header=strict-transport-security]")
    expect(row).to_be_visible(visible=shown)
    page.get_by_text("Not sent here", exact=True).click()
    expect(row).to_be_visible()


def test_without_its_script_each_header_is_in_one_place_or_the_other(page: Page, site: str) -> None:
    page.route("**/*.js", lambda route: route.abort())
    page.goto(site)
    frames = page.locator("[data-header=x-frame-options]")
    expect(frames).to_be_hidden()
    page.get_by_text("Show each header").click()
    expect(frames).to_be_visible()
    transport = page.locator("[data-header=strict-transport-security]")
    expect(transport).to_be_hidden()
    page.get_by_text("Not sent here", exact=True).click()
    expect(transport).to_be_visible()


def test_the_first_steps_lead_to_pages_of_this_site(page: Page, site: str) -> None:
    page.goto(site)
    links = page.get_by_role("region", name="What to do first").get_by_role("link")
    addresses = [str(link.get_attribute("href")) for link in links.all()]
    answered = {path: page.request.get(site + path).status for path in addresses if path[0] == "/"}
    # The first two ask for a login.
    assert answered == {"/tasks": 401, "/people": 401, "/.well-known/security.txt": 200}


@pytest.mark.parametrize("role", ["navigation", "main"])
def test_a_visitor_finds_the_login_in_the_navigation_and_on_the_page(
    page: Page, site: str, role: Literal["navigation", "main"]
) -> None:
    page.goto(site)
    expect(page.get_by_role(role).get_by_role("link", name="Log in")).to_have_count(1)


def test_a_long_value_of_a_header_is_folded_and_a_short_one_is_not(page: Page, site: str) -> None:
    start_page(page, site)
    page.get_by_text("Show each header").click()
    policy = page.locator("[data-header=content-security-policy] .value")
    expect(policy.locator("details:not([open])")).to_contain_text("default-src")
    policy.get_by_text("Show the value").click()
    expect(policy.locator("[open]")).to_contain_text("default-src")
    expect(page.locator("[data-header=x-frame-options] .value")).to_have_text("DENY")


def test_where_the_site_is_gone_it_says_so(page: Page, site: str) -> None:
    page.route(
        "**/", lambda route: route.abort() if route.request.method == "HEAD" else route.continue_()
    )
    page.goto(site)
    expect(page.locator("#protections-count")).to_contain_text("could not be reached")
