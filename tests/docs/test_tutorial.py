"""The tutorial, done as it stands, and by a person in a browser."""

from __future__ import annotations

import contextlib
import os
import re
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, expect

import following
import services
import support
from conftest import NewProject

pytestmark = [pytest.mark.all, pytest.mark.slow(seconds=60)]

TUTORIAL = support.PAGES / "tutorial.md"
[PASSWORD] = re.findall(r"echo '(.+)' \| \.venv/bin/flask user", TUTORIAL.read_text("utf-8"))
DEBUG = ("--debug", "--no-reload")
PIXEL = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
SELF_SERVICE = {"csp": "paranoid", "token_type": "session", "accounts": "self-service"}


def as_shown(words: str, said: str) -> bool:
    """Whether each line was said; `…` leaves something out, and spaces may differ."""
    spoken = re.sub(r"\s", "", said)
    lines = ("".join(line.split()).split("…") for line in words.splitlines())
    return all(re.search(".*?".join(map(re.escape, line)), spoken) for line in lines)


@dataclass
class Person:
    """Does in a browser what the tutorial says between the blocks, and reads what is shown."""

    project: Path
    folder: Path
    browser: Browser

    @contextlib.contextmanager
    def at_the_page(self) -> Iterator[tuple[Page, list[str]]]:
        """Log in and follow the link in the menu; what the console says is in the list."""
        with services.flask_run(self.project, self.folder / "seen", *DEBUG) as port:
            page = self.browser.new_page(base_url=f"http://localhost:{port}")
            said: list[str] = []
            address = f"localhost:{port}"
            page.on(
                "console", lambda each: said.append(each.text.replace(address, "localhost:8000"))
            )
            page.route("https://www.python.org/**", answer_with_a_pixel)
            log_in(page)
            with page.expect_navigation():
                page.get_by_role("navigation").get_by_role("link", name="Arrivals").click()
            yield page, said
            page.context.close()

    def look(self, step: following.Step, printed: str) -> None:
        if "sqlite3" in step.code:
            self.write_down_the_nautilus()
        elif step.language == "text" and not as_shown(step.code, printed):
            seen = self.reads(step.code)
            assert as_shown(step.code, seen), seen

    def reads(self, words: str) -> str:
        """Return what the browser shows where the tutorial shows these words."""
        with self.at_the_page() as (page, said):
            if "takes no forms" in words:
                with page.expect_navigation():
                    fill_in(page, "Nautilus")
            page.wait_for_load_state("networkidle")
            return "\n".join([page.inner_text("body"), *said])

    def write_down_the_nautilus(self) -> None:
        with self.at_the_page() as (page, _):
            fill_in(page, "")
            expect(page.get_by_text("Name the ship.")).to_be_visible()
            fill_in(page, "Nautilus")
            expect(page.get_by_role("row", name="Nautilus +44")).to_be_visible()


def register(page: Page) -> None:
    page.goto("/register")
    page.get_by_label("Username").fill("ada")
    page.get_by_label("E-mail address").fill("ada@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Register").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Check your e-mail")
    page.goto("/dev/mailbox")
    mailed = page.locator(".mail a")
    # A thread of the app sends it.
    while not mailed.count():
        page.reload()
    page.goto(urlsplit(mailed.first.get_attribute("href") or "").path)
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button").last.click()
    expect(page.get_by_text("Your account is ready")).to_be_visible()


def log_in(page: Page) -> None:
    page.goto("/login")
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()
    expect(page.get_by_role("button", name="Log out")).to_be_visible()


def fill_in(page: Page, ship: str) -> None:
    page.get_by_label("Ship").fill(ship)
    page.get_by_label("Whom to call").fill("+44 20 7946 0000")
    page.get_by_role("button", name="Add arrival").click()


def answer_with_a_pixel(route: Route) -> None:
    route.fulfill(body=b64decode(PIXEL), content_type="image/gif")


def shows_the_picture(page: Page) -> bool:
    page.wait_for_load_state()
    picture = page.get_by_role("img", name="Python")
    return bool(picture.evaluate("image => image.complete && image.naturalWidth > 0"))


@pytest.mark.parametrize(
    "answers",
    [SELF_SERVICE, pytest.param({"token_type": "jwt"}, marks=pytest.mark.weekly)],
    ids=str,
)
def test_a_person_sees_all_that_it_shows(
    answers: support.Answers, ready_project: NewProject, tmp_path: Path, browser: Browser
) -> None:
    answers = {"token_type": "opaque", "accounts": "builtin"} | answers
    project = ready_project(**answers)
    # As if make had just made the environment, which is that of these tests.
    os.utime(project / "pyproject.toml", (0, 0))
    if answers["accounts"] == "self-service":
        with services.flask_run(project, tmp_path / "registration") as port:
            register(browser.new_page(base_url=f"http://localhost:{port}"))
    person = Person(project, tmp_path, browser)
    page = following.for_answers(TUTORIAL, tmp_path, **answers)
    following.follow(project, page, tmp_path / "log", person.look)
    with person.at_the_page() as (shown, said):
        expect(shown).to_have_title(re.compile(r"^\(1\) Arrivals"))
        assert shows_the_picture(shown)
        assert said == []
    support.run("make", "check", cwd=project)
    support.own_tests(project)
