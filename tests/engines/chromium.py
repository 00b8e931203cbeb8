"""Chromium, by Playwright."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import support
from engines.tab import PATIENCE, Failed, Tab

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


class ChromiumTab(Tab):
    def __init__(self, browser: Browser) -> None:
        self.version = browser.version
        self._browser = browser
        self._page = self._new_page()

    def _new_page(self) -> Page:
        context = self._browser.new_context(ignore_https_errors=True)
        context.set_default_timeout(PATIENCE * 1000)
        return context.new_page()

    def visit(self, url: str) -> None:
        with failures():
            self._page.goto(url)

    def evaluate(self, expression: str) -> str:
        with failures():
            return str(self._page.evaluate(expression))

    def click(self, selector: str) -> None:
        with failures():
            self._page.click(selector, no_wait_after=True)

    def press(self, text: str) -> None:
        with failures():
            self._page.keyboard.type(text)

    def forget(self) -> None:
        # Where a page is on its way elsewhere, Chromium may never close it alone.
        self._page.context.close()
        self._page = self._new_page()

    def cookies(self) -> dict[str, dict[str, Any]]:
        found = self._page.context.cookies(self._page.url)
        return {str(cookie.get("name")): dict(cookie) for cookie in found}


@contextlib.contextmanager
def failures() -> Iterator[None]:
    from playwright.sync_api import Error

    try:
        yield
    except Error as error:
        raise Failed(error.message) from error


@contextlib.contextmanager
def chromium() -> Iterator[Tab]:
    support.need(support.CHROMIUM, "Chromium")
    # Most modules need no browser, and the import takes a while.
    from playwright.sync_api import sync_playwright

    # `ignore_https_errors` does not reach the part of Chromium that sends reports.
    arguments = ["--ignore-certificate-errors", "--short-reporting-delay"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=support.CHROMIUM, args=arguments)
        yield ChromiumTab(browser)
        browser.close()
