"""The tutorial, done as it stands, and by a person in a browser."""

from __future__ import annotations

import os
import re
from base64 import b64decode
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

import following
import services
import support
from conftest import NewProject

pytestmark = [pytest.mark.all, pytest.mark.slow]

TUTORIAL = support.PAGES / "tutorial.md"
[ALLOWS_THE_PICTURE] = re.findall(r"^CSP_CHANGES.*", TUTORIAL.read_text("utf-8"), re.MULTILINE)
[PASSWORD] = re.findall(r"echo '(.+)' \| \.venv/bin/flask user", TUTORIAL.read_text("utf-8"))
[LOOK] = re.findall(
    r"^\.venv/bin/python -c 'import sqlite3.*", TUTORIAL.read_text("utf-8"), re.MULTILINE
)
PIXEL = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"


def do_all(project: Path, folder: Path, **answers: str) -> str:
    page = following.for_answers(TUTORIAL, folder, **answers)
    # As if make had just made the environment, which is that of these tests.
    os.utime(project / "pyproject.toml", (0, 0))
    return following.follow(project, page, folder / "log")


def test_it_works_as_it_stands(ready_project: NewProject, tmp_path: Path) -> None:
    answers = {"token_type": "jwt", "accounts": "builtin"}
    project = ready_project(**answers)
    printed = do_all(project, tmp_path, **answers)
    assert '{"arrivals":[]}' in printed
    assert "1 passed" in printed
    support.own_tests(project)


def test_a_person_sees_what_it_says(
    ready_project: NewProject, tmp_path: Path, browser: Browser
) -> None:
    answers = {"csp": "paranoid", "token_type": "session", "accounts": "self-service"}
    project = ready_project(**answers)
    with services.flask_run(project, tmp_path / "registration") as port:
        register(browser.new_page(base_url=f"http://localhost:{port}"))
    assert '{"arrivals":[]}' in do_all(project, tmp_path, **answers)
    policy = project / "app" / "policy.py"
    allowing = policy.read_text("utf-8")
    policy.write_text(allowing.replace(ALLOWS_THE_PICTURE, ""), "utf-8")
    with services.flask_run(project, tmp_path / "first") as port:
        page = browser.new_page(base_url=f"http://localhost:{port}")
        write_down_the_nautilus(page)
        stored = support.run("sh", "-c", LOOK, cwd=project)
        assert stored.startswith("('Nautilus', b")
        assert "7946" not in stored
        assert not shows_the_picture(page)
        page.goto("/")
        expect(page.get_by_text("www.python.org")).to_be_visible()
    policy.write_text(allowing, "utf-8")
    with services.flask_run(project, tmp_path / "second") as port:
        page = browser.new_page(base_url=f"http://localhost:{port}")
        log_in(page)
        assert shows_the_picture(page)


def register(page: Page) -> None:
    page.goto("/register")
    page.get_by_label("Username").fill("ada")
    page.get_by_label("E-mail address").fill("ada@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Register").click()
    page.goto("/dev/mailbox")
    mailed = page.locator(".mail a")
    # A thread of the app sends it.
    while not mailed.count():
        page.reload()
    page.goto(urlsplit(mailed.first.get_attribute("href") or "").path)
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button").last.click()
    expect(page.get_by_text("Your account is ready")).to_be_visible()


def write_down_the_nautilus(page: Page) -> None:
    log_in(page)
    page.get_by_label("Whom to call").fill("+44 20 7946 0000")
    page.get_by_role("button", name="Write down").click()
    expect(page.get_by_text("Name the ship.")).to_be_visible()
    page.get_by_label("Ship").fill("Nautilus")
    page.get_by_role("button", name="Write down").click()
    expect(page.get_by_role("listitem").filter(has_text="Nautilus: +44")).to_be_visible()


def log_in(page: Page) -> None:
    page.route(
        "https://www.python.org/**",
        lambda route: route.fulfill(body=b64decode(PIXEL), content_type="image/gif"),
    )
    page.goto("/arrivals")
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()
    expect(page.get_by_role("heading", name="Arrivals")).to_be_visible()


def shows_the_picture(page: Page) -> bool:
    page.wait_for_load_state()
    picture = page.get_by_role("img", name="Python")
    return bool(picture.evaluate("image => image.complete && image.naturalWidth > 0"))
