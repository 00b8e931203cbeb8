"""The page of the account: its parts, and its times in the reader's zone."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from playwright.sync_api import Browser, Locator, Page, Route, expect
from secure_flask import db
from secure_flask.auth.logins import Login
from sqlalchemy import select, update

from views.browser.conftest import new_page
from views.browser.starter.states import log_in

ZONE = "Asia/Tokyo"
LINES = "times => times.map((time) => time.getClientRects().length)"
PASSED = {
    timedelta(seconds=-2): "now",
    timedelta(seconds=59): "now",
    timedelta(minutes=1): "1 minute ago",
    timedelta(hours=2): "2 hours ago",
    timedelta(hours=30): "1 day ago",
}
WIDTHS = (320, 360, 576, 640, 768, 1024, 1280, 1440)  # pixels


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with new_page(browser, timezone_id=ZONE) as page:
        yield page


def logins(page: Page) -> Locator:
    return page.get_by_role("region", name="Your logins")


def test_a_time_is_shown_as_how_long_ago_and_exactly_in_the_zone_of_the_reader(
    app: Flask,
    page: Page,
    site: str,
    subtests: pytest.Subtests,
) -> None:
    log_in(page, site)
    with app.app_context():
        began = datetime.fromtimestamp(db.session.scalars(select(Login.created)).one(), UTC)
    # When the login began. Other times may come before it on the page.
    since = logins(page).locator("time").first
    for passed, shown in PASSED.items():
        with subtests.test(passed=passed, shown=shown):
            page.clock.set_fixed_time(began + passed)
            page.goto(f"{site}/account")
            expect(since).to_have_text(shown)
            there = f"{began.astimezone(ZoneInfo(ZONE)):%B %-d, %Y at %-I:%M %p}"
            # The space before AM is another one in newer browsers.
            assert " ".join((since.get_attribute("title") or "").split()) == there

    def translate(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace('lang="en"', 'lang="de"'))

    page.route("**/account", translate)
    page.goto(f"{site}/account")
    expect(since).to_have_text("vor 1 Tag")


@pytest.mark.parametrize("javascript", [True, False])
def test_log_out_is_in_sight_beside_logins_of_an_hour_ago_on_each_screen(
    app: Flask, browser: Browser, site: str, javascript: bool
) -> None:
    with new_page(browser, java_script_enabled=javascript) as page:
        for _ in range(2):
            page.context.clear_cookies()
            log_in(page, site)
        put_back_logins(app, 59 * 60)
        page.goto(f"{site}/account")
        expect(logins(page).get_by_role("button", name="Log out")).to_have_count(1)
        hidden = {width: hidden_pixels(page, width) for width in WIDTHS}
        assert hidden == dict.fromkeys(WIDTHS, 0)
        # The last of these screens is wide, and the card beside its caption is not.
        assert logins(page).locator("time").evaluate_all(LINES) == [1, 1, 1, 1]


def put_back_logins(app: Flask, seconds: int) -> None:
    times = {"created": Login.created - seconds, "last_used": Login.last_used - seconds}
    with app.app_context():
        db.session.execute(update(Login).values(times))
        db.session.commit()


def hidden_pixels(page: Page, width: int) -> int:
    page.set_viewport_size({"width": width, "height": 900})
    return int(logins(page).evaluate("region => region.scrollWidth - region.clientWidth"))
