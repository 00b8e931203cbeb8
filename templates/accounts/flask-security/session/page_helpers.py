"""What the tests of account pages share: forms, mailed links, and the codes of an app."""

import re
import time
from urllib.parse import urlsplit

from flask import Flask
from flask.testing import FlaskClient
from passlib.totp import TOTP
from werkzeug.test import TestResponse

from app.accounts.mail import mailbox
from tests import routes
from tests.accounts.test_login_pages import post, token_of
from tests.conftest import LOGIN
from tests.page_elements import Elements

SET_UP = routes.path_of("second_factor.set_up")
CODES = routes.path_of("second_factor.renew_recovery_codes")
PERIOD = 30  # seconds: the time in which an app shows one code


def send(client: FlaskClient, path: str, **fields: str) -> TestResponse:
    """Send a form of a logged-in user, with the CSRF token."""
    return post(client, path, csrf_token=token_of(client), **fields)


def action_of(page: str) -> str:
    """Where the form goes that takes a code, or begins the setup; your layout may have others."""
    forms = re.findall(r"<form\b.*?</form>", page, re.DOTALL)
    [form] = [each for each in forms if re.search(r'name="(code|setup)"', each)]
    return Elements(form).of("form")[0]["action"]


def mailed_links(app: Flask) -> list[str]:
    """The path of the link in each mail, oldest first."""
    texts = [message.get_body(("plain",)) for message in mailbox.messages(app)]
    link = r"https?://\S+/[\w-]{43}(?![\w-])"
    found = [re.search(link, text.get_content()) for text in texts if text]
    return [urlsplit(each.group()).path for each in found if each]


def app_of(page: str) -> TOTP:
    """An authenticator app that was given the key on a page."""
    [key] = re.findall(r'id="key">([^<]+)<', page)
    return TOTP(key=key)


def code(app: TOTP) -> str:
    """The code that an app shows now."""
    return str(app.generate().token)


def next_code(app: TOTP) -> str:
    """The code after that one, which counts already: each counts once."""
    return str(app.generate(time.time() + PERIOD).token)


def set_up_app(client: FlaskClient) -> TOTP:
    """Set up an authenticator app for a user who logged in recently."""
    page = send(client, SET_UP, setup="authenticator").text
    app = app_of(page)
    assert send(client, action_of(page), code=code(app)).status_code == 303
    return app


def recovery_codes(client: FlaskClient) -> list[str]:
    page = send(client, CODES).text
    return re.findall(r"<code>([a-z2-7-]+)</code>", page)


def enter_password(client: FlaskClient, query: str = "", **fields: str) -> TestResponse:
    """Send the form of the login page."""
    return post(client, routes.LOGIN + query, **{**LOGIN, **fields})
