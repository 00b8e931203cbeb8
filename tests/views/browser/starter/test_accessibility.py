"""Pages for everybody: screen readers, keyboards, small screens, large letters."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from flask import Flask, abort
from playwright.sync_api import Page, expect
from secure_flask import db, public
from sqlalchemy import select

from app.models import User
from app.tasks import Task
from views.browser.conftest import Serve
from views.browser.starter.states import LONG_TITLE, add_task, log_in, start_page
from views.conftest import MakeApp, add_user, give_roles, stored_user

AXE = Axe()
LOOKS: list[dict[str, Any]] = [
    {"color_scheme": "light", "forced_colors": "none"},
    {"color_scheme": "dark", "forced_colors": "none"},
    {"color_scheme": "light", "forced_colors": "active"},
]
# A phone's and a small phone's, and what 200 % zoom and letters twice as large come to.
SMALL = (320, "100%")
SCREENS = [SMALL, (360, "100%"), (640, "100%"), (640, "200%"), (1280, "200%")]


def violations(page: Page, look: dict[str, Any]) -> list[str]:
    """What axe finds: by all rules in the first look, by those of colours in the others."""
    # Colours that are still fading into each other would be taken for the new ones.
    page.emulate_media(reduced_motion="reduce", **look)
    rules = {} if look is LOOKS[0] else {"runOnly": ["color-contrast"]}
    # Playwright evaluates as a debugger does, which no policy of the page hinders.
    found = AXE.run(page, options={"resultTypes": ["violations"], **rules})
    return [f"{look}: {found.generate_report()}"] if found.violations_count else []


def width_on(page: Page, screen: tuple[int, str]) -> int:
    """How wide a page is on a screen, in pixels."""
    page.set_viewport_size({"width": screen[0], "height": 640})
    page.evaluate("size => { document.documentElement.style.fontSize = size }", screen[1])
    return int(page.evaluate("document.documentElement.scrollWidth"))


def assert_for_everybody(page: Page) -> None:
    for role in ("banner", "main", "contentinfo"):
        expect(page.get_by_role(role)).to_have_count(1)
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    assert [found for look in LOOKS for found in violations(page, look)] == []
    widths = {screen: width_on(page, screen) for screen in SCREENS}
    assert widths == {screen: screen[0] for screen in SCREENS}


def test_the_start_page_after_an_attack_is_for_everybody(page: Page, site: str) -> None:
    start_page(page, site)
    page.click("#try-attack")
    # It is read out.
    expect(page.get_by_role("status").filter(has_text="Blocked.")).to_have_count(1)
    page.get_by_text("Show each header").click()
    page.get_by_text("Not sent here", exact=True).click()
    assert_for_everybody(page)


def test_an_error_page_that_stands_alone_is_for_everybody(
    page: Page, make_app: MakeApp, serve: Serve
) -> None:
    app = make_app()
    app.add_url_rule("/_busy", view_func=public(lambda: abort(503)))
    page.goto(f"{serve(app).at('localhost')}/_busy")
    expect(page.get_by_role("link", name="Log in")).to_have_count(0)
    assert_for_everybody(page)


def test_the_pages_of_people_are_for_everybody(page: Page, make_app: MakeApp, serve: Serve) -> None:
    app = make_app()
    give_roles(app, "admin")
    add_user(app, LONG_TITLE)
    log_in(page, serve(app).at("localhost"))
    page.get_by_role("navigation").get_by_role("link", name="People").click()
    expect(page.get_by_role("heading", name="People")).to_be_visible()
    assert_for_everybody(page)
    page.get_by_role("link", name=LONG_TITLE).click()
    page.get_by_role("button", name="Lock out").click()
    expect(page.get_by_role("button", name="Yes, lock out")).to_be_visible()
    assert_for_everybody(page)


def test_with_two_devices_and_long_names_no_page_scrolls_sideways_on_a_small_phone(
    app: Flask, page: Page, site: str
) -> None:
    log_in_with_long_names(app, page, site)
    widths = widths_of_pages(app, page, site)
    assert {"/", "/account", "/people", "/tasks", "/tasks/new"} <= widths.keys()
    assert widths == dict.fromkeys(widths, SMALL[0])


def log_in_with_long_names(app: Flask, page: Page, site: str) -> None:
    """As an admin on two devices, with a key, a task, and another person."""
    give_roles(app, "admin")
    add_user(app, LONG_TITLE)
    log_in(page, site)
    page.context.clear_cookies()
    log_in(page, site)
    add_task(page, site, LONG_TITLE)
    page.goto(f"{site}/account")
    page.get_by_text("Add a key").click()
    page.get_by_label("What is it for?").fill(LONG_TITLE)
    page.get_by_role("button", name="Create a key").click()
    with stored_user(app) as user:
        user.name = "M" * 150
        user.email = f"{'m' * 64}@{'w' * 60}.example"


def widths_of_pages(app: Flask, page: Page, site: str) -> dict[str, int]:
    """How wide each page is on a small phone, by its path."""
    with app.app_context():
        person = db.session.scalars(select(User.id).where(User.name == LONG_TITLE)).one()
        task = db.session.scalars(select(Task.id)).one()
    paths = [f"/people/{person}", f"/tasks/{task}", "/no/such/page"]
    rules = [rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())]
    paths += [rule.rule for rule in rules if not rule.arguments]
    return {path: width_on(page, SMALL) for path in paths if is_page(page, site, path)}


def is_page(page: Page, site: str, path: str) -> bool:
    """Open the path, if a page is there."""
    answer = page.request.get(site + path, headers={"Accept": "text/html"})
    if not answer.headers.get("content-type", "").startswith("text/html"):
        return False
    page.goto(site + path)
    return True


def test_the_keyboard_alone_reaches_everything_in_order_and_shows_where_it_is(
    page: Page,
    site: str,
    subtests: pytest.Subtests,
) -> None:
    for look in LOOKS:
        with subtests.test(look=look):
            page.emulate_media(**look)
            page.goto(site)
            outlines = {}
            # The navigation and the card have the same link.
            for _ in range(5):
                page.keyboard.press("Tab")
                focused = page.locator(":focus")
                outlines[focused.inner_text() or focused.get_attribute("name")] = focused.evaluate(
                    "element => getComputedStyle(element).outlineWidth"
                    " + getComputedStyle(element).outlineStyle"
                )
            reached = [*outlines]
            # After the first link comes one to the page itself.
            assert reached[:1] + reached[2:] == ["Skip to the content", "Log in", "Try an attack"]
            assert outlines == dict.fromkeys(reached, "3pxsolid")
            page.keyboard.press("Enter")
            expect(page.locator("#attack-result")).to_contain_text("Blocked.")


def test_the_first_link_skips_to_the_content(page: Page, site: str) -> None:
    page.goto(site)
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
