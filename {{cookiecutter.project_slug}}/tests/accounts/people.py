"""What people do to get an account and to log in by two factors."""

import re
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from secure_flask import create_user, testing
from secure_flask.accounts import development_mails
from werkzeug.test import TestResponse

from tests.conftest import USER

NAME, ADDRESS = "grace", "grace.hopper@example.org"
PASSWORD = "seven owls in a well of ink"
# A script of the site itself says this by its browser.
OWN = {"Sec-Fetch-Site": "same-origin"}


def call(client: FlaskClient, endpoint: str, **body: Any) -> TestResponse:
    """Post JSON to a route of accounts, by its endpoint."""
    path = testing.path_of(client.application, f"self_service.{endpoint}")
    return client.post(path, json=body, headers=OWN)


def follow(client: FlaskClient, link: str, **body: Any) -> TestResponse:
    return client.post(link, json=body, headers=OWN)


def mailed_link(app: Flask) -> str:
    """Send the mails that wait; the path of the link with a token in the last one."""
    app.test_cli_runner().invoke(args=["mail", "send"])
    with app.app_context():
        text = development_mails()[-1].get_content()
    # Links of your own may stand beside it.
    [path] = re.findall(r"https?://[^/\s]+(/\S+/[\w-]{43,})", text)
    return str(path)


def log_in(client: FlaskClient, password: str = PASSWORD) -> TestResponse:
    body = {"username": NAME, "password": password}
    return client.post(testing.path_of(client.application, "login.login"), json=body, headers=OWN)


def add_person(app: Flask) -> None:
    """What a registration ends with, also where nobody may register."""
    with app.app_context():
        create_user(NAME, PASSWORD, check_password=False, email=ADDRESS, **USER)


def sign_up(app: Flask) -> None:
    client = app.test_client()
    path = testing.path_of(app, "sign_up.sign_up")
    follow(client, path, username=NAME, email=ADDRESS, password=PASSWORD)
    assert follow(client, mailed_link(app), password=PASSWORD).status_code == 200
