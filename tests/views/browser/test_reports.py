"""From a page that is blocked to one that is allowed, by the line that `flask csp report` prints."""

import ast
import re
from queue import Queue
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page
from secure_flask import public
from secure_flask.csp_levels import PARANOID, SELF, STRICT

from app import policy
from views.browser.conftest import PROBE, REAL_NAME, Elsewhere, Serve, new_page, noted_reports
from views.conftest import PRODUCTION, MakeApp

PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" width="7" height="7"/>'
CLOSED = {**PRODUCTION, "trusted_hosts": [REAL_NAME], "CSP": PARANOID}
LEAVE = "url => { location.href = url }"


@pytest.fixture
def tiles(serve: Serve) -> str:
    elsewhere = Elsewhere()
    elsewhere.pages["/tile.svg"] = PICTURE
    return serve(elsewhere).at("127.0.0.1")


def add_map(app: Flask, tiles: str) -> "Queue[dict[str, Any]]":
    """Give the app a page with a picture from elsewhere; each report that it took."""
    shown = f'<!doctype html><title>Map</title><img src="{tiles}/tile.svg?token=s3cret">'
    app.add_url_rule("/map", view_func=public(lambda: shown))
    return noted_reports(app)


def shows_the_map(site: str, page: Page) -> bool:
    page.goto(f"{site}/map?user=ada", wait_until="networkidle")
    return bool(page.locator("img").evaluate("image => image.naturalWidth") == 7)


@pytest.mark.parametrize("only", [False, True], ids=["enforced", "report-only"])
def test_a_blocked_source_is_allowed_by_the_line_that_the_report_prints(
    make_app: MakeApp, serve: Serve, page: Page, tiles: str, only: bool
) -> None:
    # The relaxed level allows every picture.
    level = vars(policy)["CSP"]
    csp = level._replace(directives={**level.directives, "img-src": [SELF]})
    app = make_app(csp_report_only=only, CSP=csp)
    taken = add_map(app, tiles)
    assert shows_the_map(serve(app).at("localhost"), page) == only
    assert taken.get(timeout=10)
    report = app.test_cli_runner().invoke(args=["csp", "report"]).output
    assert f"img-src {tiles} on /map (1x" in report
    assert not re.search("s3cret|ada", report)
    [change] = re.findall(r'^ +("img-src": .*)', report, re.M)

    # As somebody pastes it into policy.py.
    app = make_app(CSP=csp, CSP_CHANGES=ast.literal_eval(f"{{{change}}}"))
    taken = add_map(app, tiles)
    assert shows_the_map(serve(app).at("localhost"), page)
    assert taken.empty()


def test_a_closed_link_is_allowed_by_the_line_that_the_report_prints(
    make_app: MakeApp, serve: Serve, browser: Browser
) -> None:
    other = serve(Elsewhere(), https=True).at("localhost")
    app = make_app(**CLOSED)
    taken = noted_reports(app)
    with new_page(browser) as page:
        page.goto(serve(app, https=True).at(REAL_NAME) + PROBE)
        page.evaluate(LEAVE, f"{other}/shop?token=s3cret")
        assert taken.get(timeout=10)
    report = app.test_cli_runner().invoke(args=["csp", "report"]).output
    assert f"connection-allowlist {other} on {PROBE} (" in report
    assert "s3cret" not in report
    [links] = re.findall(r"^ +LINKS = (.*)", report, re.M)

    # As somebody pastes it into policy.py.
    app = make_app(**CLOSED, LINKS=ast.literal_eval(links))
    with new_page(browser) as page:
        page.goto(serve(app, https=True).at(REAL_NAME) + PROBE)
        page.evaluate(LEAVE, f"{other}/shop")
        page.wait_for_url(f"{other}/shop")


def test_a_link_on_trial_is_reported_and_followed(
    make_app: MakeApp, serve: Serve, own_page: Page
) -> None:
    other = serve(Elsewhere(), https=True).at("localhost")
    app = make_app(**{**CLOSED, "CSP": STRICT}, CSP_CANDIDATE=PARANOID)
    reported = noted_reports(app)
    own_page.goto(serve(app, https=True).at(REAL_NAME))
    own_page.evaluate(LEAVE, f"{other}/listed")
    own_page.wait_for_url(f"{other}/listed")
    report = reported.get(timeout=10)
    assert (report["type"], report["body"]["disposition"]) == ("connection-allowlist", "report")
