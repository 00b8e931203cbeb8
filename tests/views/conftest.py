"""The app of a render as the app of each test, and its forms."""

# pytest finds fixtures by these names, and tests import the others from here.
# ruff: noqa: F403, F405

import os
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import db, testing
from secure_flask.auth.logins import Login
from sqlalchemy import update
from werkzeug.test import TestResponse

from app import create_app
from app.settings import Settings
from core import routes
from core.shared import *
from tests.page_elements import Elements

# What a browser sends with a form on a page of this site.
OWN = {"Origin": "http://localhost", "Accept": "text/html,*/*;q=0.8"}

SELF_SERVICE = os.environ["VIEWS_ACCOUNTS"] == "self-service"
# They need the other answer to the question.
collect_ignore = [] if SELF_SERVICE else ["accounts"]

# For pages, which log in by the cookie in both.
with_and_without_bearer = pytest.mark.parametrize("token_type", ["session", "opaque"])


def post(
    client: FlaskClient, path: str = routes.LOGIN, headers: dict[str, str] = OWN, /, **fields: str
) -> TestResponse:
    """Send a form; one without fields has a type too."""
    kind = "application/x-www-form-urlencoded"
    return client.post(path, data=fields, headers=headers, content_type=kind)


def invalid_fields(page: str) -> list[str]:
    """The names of the fields that a page marks as wrong, whatever it says about them."""
    fields = Elements(page).of("input")
    return [field["name"] for field in fields if field.get("aria-invalid") == "true"]


def assert_leads_to(answer: TestResponse, path: str) -> None:
    assert (answer.status_code, answer.headers.get("Location")) == (303, path)


def grow_old(app: Flask) -> None:
    """Let an hour pass for each login, so that none is recent."""
    with app.app_context():
        db.session.execute(update(Login).values(authenticated=Login.authenticated - 3600))
        db.session.commit()


@pytest.fixture(scope="session")
def create_site() -> Create:
    """Creates the app of a test."""

    def create(values: dict[str, Any], **policy: Any) -> Flask:
        # A test that reaches a limit sets it.
        settings = {"login_rate_limit": "1000 per minute", **values}
        return create_app(testing.settings(Settings, **settings), **policy)

    return create


@pytest.fixture
def make_app(create_site: Create, token_type: str) -> Iterator[MakeApp]:
    """An app of its own for a test; see `apps_made_by`."""
    with apps_made_by(create_site, TOKEN_TYPE=token_type) as make:
        yield make
