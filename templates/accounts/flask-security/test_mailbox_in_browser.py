"""A mail in the mailbox of development, as a developer sees it."""

from flask import Flask
from playwright.sync_api import Page

from app.accounts.mail import mail
from tests import routes
from tests.browser.conftest import Serve

LINK = "http://localhost/reset/a-token"


def test_the_html_has_its_style_and_runs_no_script(app: Flask, page: Page, serve: Serve) -> None:
    with app.app_context():
        mail.send("ada@example.org", "reset", link=LINK, username="ada", lifetime="2 hours")
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.goto(serve(app).at("localhost") + routes.path_of("mailbox.show", number="1"))
    body = page.frame_locator("iframe").locator("body")
    assert LINK in body.inner_text()
    # Such as the icon, where your pages name none.
    assert [text for text in problems if "Failed to load" not in text] == []
    # The style of a mail sets a width, and a sandbox has no access to the page around it.
    style = "body => getComputedStyle(body.querySelector('main')).maxWidth"
    assert body.evaluate(style) != "none"
    assert page.evaluate("document.querySelector('iframe').contentDocument") is None
