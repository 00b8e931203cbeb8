"""The start page and the others of the starter, as somebody with a browser uses them."""

from collections.abc import Callable

import pytest
from flask import Flask
from playwright.sync_api import ConsoleMessage, Page, expect
from secure_flask.csp_levels import STRICT_WITH_TRUSTED_TYPES

from views.browser.conftest import Serve
from views.browser.starter.states import STATES, start_page
from views.browser.starter.test_accessibility import assert_for_everybody
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


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_a_page_breaks_no_rule_of_its_own_and_is_for_everybody(
    page: Page, trying_site: str, complaints: list[str], state: Callable[[Page, str], None]
) -> None:
    state(page, trying_site)
    page.wait_for_load_state("networkidle")
    assert complaints == []
    assert_for_everybody(page)


def test_an_injected_script_is_blocked_and_the_page_says_so(page: Page, site: str) -> None:
    page.goto(site)
    page.click("#try-attack")
    expect(page.locator("#attack-result")).to_contain_text("Blocked.")
    expect(page.locator("html")).not_to_have_attribute("data-injected", "ran")


def test_it_shows_each_header_that_came_with_it_and_folds_away_what_is_long_or_not_sent(
    page: Page, app: Flask, site: str, serve: Serve
) -> None:
    start_page(page, site)
    headers = page.request.head(site).headers
    # These differ from answer to answer.
    headers |= {"content-security-policy": "report-uri", "x-request-id": ""}
    for row in page.locator("[data-header]").all():
        sent = headers.get(str(row.get_attribute("data-header")), "Not sent here")
        expect(row.locator(".value")).to_contain_text(sent)
    page.get_by_text("Show each header").click()
    expect(page.locator("[data-header=x-frame-options] .value")).to_have_text("DENY")
    policy = page.locator("[data-header=content-security-policy] .value")
    expect(policy.locator("details:not([open])")).to_contain_text("default-src")
    policy.get_by_text("Show the value").click()
    expect(policy.locator("[open]")).to_contain_text("default-src")
    transport = page.locator("[data-header=strict-transport-security]")
    expect(transport).to_be_hidden()
    page.get_by_text("Not sent here", exact=True).click()
    expect(transport).to_be_visible()
    start_page(page, serve(app, https=True).at("localhost"))
    page.get_by_text("Show each header").click()
    expect(transport).to_be_visible()


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


def test_its_parts_have_names_and_its_links_lead_to_pages_of_this_site(
    page: Page, site: str
) -> None:
    page.goto(site)
    for name in ("See an attack blocked", "What protects this page", "What to do first"):
        expect(page.get_by_role("region", name=name)).to_be_visible()
    links = page.get_by_role("region", name="What to do first").get_by_role("link")
    addresses = [str(link.get_attribute("href")) for link in links.all()]
    answered = {path: page.request.get(site + path).status for path in addresses if path[0] == "/"}
    # The first two ask for a login.
    assert answered == {"/tasks": 401, "/people": 401, "/.well-known/security.txt": 200}
    for part in (page.get_by_role("navigation"), page.get_by_role("main")):
        expect(part.get_by_role("link", name="Log in")).to_have_count(1)


def test_where_the_site_is_gone_it_says_so(page: Page, site: str) -> None:
    page.route(
        "**/", lambda route: route.abort() if route.request.method == "HEAD" else route.continue_()
    )
    page.goto(site)
    expect(page.locator("#protections-count")).to_contain_text("could not be reached")
