"""A real Chromium: the pages keep to their policy, and the policy blocks an injected script."""

import os
import shutil
from collections.abc import Iterator
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask
from secure_flask import public, testing
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.conftest import NAME, PASSWORD, build_app, close, fill

if TYPE_CHECKING:
    from playwright.sync_api import Page

NAMES = ("chromium", "chromium-browser", "google-chrome")
INJECTED = "/test-probe/injected"
# What an attacker may get into a page.
ATTACK = """<!doctype html><title>As it was</title>
<script>document.title = "attacked"</script>
<img src="/no-such-image" onerror="document.title = 'attacked'">
<a href="javascript:document.title = 'attacked'">Click</a>"""
WATCH = """window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
    violations.push(event.effectiveDirective + " " + event.blockedURI));"""


class Quiet(WSGIRequestHandler):
    def log(self, *args: Any) -> None:
        """A failing test says enough."""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    # In memory, the threads of the server would share one connection.
    file = f"sqlite:///{tmp_path_factory.mktemp('database')}/tests.db"
    app = build_app(database_url=os.environ.get("TEST_DATABASE_URL") or file)
    app.add_url_rule(INJECTED, view_func=public(lambda: ATTACK))
    fill(app)
    yield app
    close(app)


@pytest.fixture(scope="module")
def site(app: Flask) -> Iterator[str]:
    """The address of the app, which a thread serves."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://localhost:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def page() -> Iterator["Page"]:
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    required = os.environ.get("REQUIRE_SERVICES")
    if not found:
        missing = f"needs a browser: one of {', '.join(NAMES)} on PATH, or its path in CHROMIUM"
        (pytest.fail if required else pytest.skip)(missing)
    if not required:
        pytest.importorskip("playwright")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--disable-gpu"])
        page = browser.new_page()
        page.set_default_timeout(10_000)
        page.add_init_script(WATCH)
        yield page
        browser.close()


def violations(page: "Page", address: str) -> list[str]:
    """What the policy blocked on a page."""
    page.goto(address, wait_until="networkidle")
    return list(page.evaluate("violations"))


def test_the_start_page_and_the_login_page_keep_to_the_policy(
    app: Flask, site: str, page: "Page"
) -> None:
    assert violations(page, site) == []
    assert violations(page, site + testing.path_of(app, app.config["LOGIN_PAGE"])) == []


def test_a_user_logs_in_and_the_pages_behind_keep_to_it_too(
    app: Flask, site: str, page: "Page"
) -> None:
    account = testing.path_of(app, "account.show")
    page.goto(site + account)
    page.fill("[name=username]", NAME)
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_url(site + account)
    assert violations(page, site + account) == []
    assert page.evaluate("document.cookie") == ""


def test_an_injected_script_does_not_run(site: str, page: "Page") -> None:
    blocked = violations(page, site + INJECTED)
    page.click("a")
    assert page.title() == "As it was"
    assert any(each.startswith("script-src") for each in blocked)
