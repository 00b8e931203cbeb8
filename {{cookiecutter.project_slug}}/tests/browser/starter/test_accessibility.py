"""The start page for everybody: screen readers, keyboards, small screens, large letters."""

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Page, expect

from tests.browser.conftest import Serve
from tests.browser.starter.test_page import log_in, submit

AXE = Axe()
LOOKS: list[dict[str, Any]] = [
    {"color_scheme": "light"},
    {"color_scheme": "dark"},
    {"color_scheme": "light", "forced_colors": "active"},
]
# A phone's and a small phone's, and what 200 % zoom and letters twice as large come to.
SCREENS = [(320, "100%"), (360, "100%"), (640, "100%"), (640, "200%"), (1280, "200%")]


@pytest.fixture
def site(app: Flask, serve: Serve) -> str:
    return serve(app).at("localhost")


def logged_out(page: Page, site: str) -> None:
    page.goto(site)
    expect(page.locator("#protections-count")).to_contain_text("just now")


def refused(page: Page, site: str) -> None:
    submit(page, site, username="nobody")
    expect(page.locator("#login-status")).to_have_text("Invalid credentials.")


def attacked(page: Page, site: str) -> None:
    logged_out(page, site)
    page.click("#try-attack")
    expect(page.locator("#attack-result")).to_contain_text("Blocked.")


STATES: list[Callable[[Page, str], None]] = [logged_out, refused, log_in, attacked]
in_each_state = pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)


@in_each_state
def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(
    page: Page, site: str, state: Callable[[Page, str], None]
) -> None:
    state(page, site)
    for look in LOOKS:
        # Colours that are still fading into each other would be taken for the new ones.
        page.emulate_media(reduced_motion="reduce", **look)
        # Playwright evaluates as a debugger does, which no policy of the page hinders.
        found = AXE.run(page)
        assert found.violations_count == 0, f"{look}: {found.generate_report()}"
    for width, letters in SCREENS:
        page.set_viewport_size({"width": width, "height": 640})
        page.evaluate("size => { document.documentElement.style.fontSize = size }", letters)
        assert page.evaluate("document.documentElement.scrollWidth") == width, letters


def test_every_part_has_its_landmark_and_name(page: Page, site: str) -> None:
    page.goto(site)
    for role in ("banner", "main"):
        expect(page.get_by_role(role)).to_have_count(1)
    expect(page.get_by_role("form", name="Log in")).to_be_visible()
    for name in ("See an attack blocked", "What protects this page", "Next steps"):
        expect(page.get_by_role("region", name=name)).to_be_visible()


def test_a_result_is_read_out(page: Page, site: str) -> None:
    refused(page, site)
    said = page.get_by_role("status")
    expect(said.filter(has_text="Invalid credentials.")).to_have_count(1)
    for label in ("Username", "Password"):
        expect(page.get_by_label(label)).to_have_accessible_description("Invalid credentials.")
        expect(page.get_by_label(label)).to_have_attribute("aria-invalid", "true")
    page.click("#try-attack")
    expect(said.filter(has_text="Blocked.")).to_have_count(1)


@pytest.mark.parametrize("look", LOOKS, ids=["light", "dark", "forced"])
def test_the_keyboard_alone_reaches_everything_in_order_and_shows_where_it_is(
    page: Page, site: str, look: dict[str, Any]
) -> None:
    page.emulate_media(**look)
    page.goto(site)
    reached = []
    for _ in range(5):
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        reached.append(focused.inner_text() or focused.get_attribute("name"))
        outline = focused.evaluate(
            "element => getComputedStyle(element).outlineWidth"
            " + getComputedStyle(element).outlineStyle"
        )
        assert outline == "3pxsolid", reached
    expected = ["Skip to the content", "username", "password", "Log in", "Try an attack"]
    assert reached == expected
    page.keyboard.press("Enter")
    expect(page.locator("#attack-result")).to_contain_text("Blocked.")


def test_the_first_link_skips_to_the_content(page: Page, site: str) -> None:
    page.goto(site)
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_focus_follows_a_login_and_a_logout(page: Page, site: str) -> None:
    log_in(page, site)
    expect(page.locator("#account-heading")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#username")).to_be_focused()
