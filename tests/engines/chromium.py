"""Chromium, by Playwright."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import support
from engines.tab import PATIENCE, Failed, Tab

# `ignore_https_errors` does not reach the part of Chromium that sends reports.
ARGUMENTS = ["--ignore-certificate-errors", "--short-reporting-delay"]
PREDICTING = '{"net": {"network_prediction_options": 0}}'

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page


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


class PredictingTab(ChromiumTab):
    """A tab of a browser that looks up names and opens connections before they are needed."""

    def __init__(self, context: BrowserContext) -> None:
        browser = context.browser
        self.version = browser.version if browser else ""
        self._context = context
        self._page = self._new_page()

    def _new_page(self) -> Page:
        self._context.set_default_timeout(PATIENCE * 1000)
        return self._context.new_page()

    def forget(self) -> None:
        """Close the tab and what it has opened. Cookies, storage and cache stay."""
        for page in self._context.pages:
            page.close()
        # A page in the background prerenders nothing.
        self._page = self._new_page()
        self._page.bring_to_front()


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

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=support.CHROMIUM, args=ARGUMENTS)
        yield ChromiumTab(browser)
        browser.close()


@contextlib.contextmanager
def predicting_chromium(log: Path) -> Iterator[Tab]:
    """Start Chromium with prediction, which Debian's switches off, and a log of its network."""
    support.need(support.CHROMIUM, "Chromium")
    from playwright.sync_api import sync_playwright

    with (
        tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as folder,
        sync_playwright() as playwright,
    ):
        preferences = Path(folder, "Default", "Preferences")
        preferences.parent.mkdir()
        preferences.write_text(PREDICTING, "utf-8")
        context = playwright.chromium.launch_persistent_context(
            folder,
            executable_path=support.CHROMIUM,
            args=[*ARGUMENTS, f"--log-net-log={log}"],
            ignore_https_errors=True,
        )
        yield PredictingTab(context)
        context.close()
