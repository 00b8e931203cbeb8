"""The page with all users, for administrators."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.auth import users
from tests.conftest import PASSWORD, USERNAME, give_roles, log_in
from tests.page_elements import Elements

PAGE = "/admin"
MARKUP = "<b>bob</b>"


@pytest.fixture
def app(app: Flask) -> Flask:
    """An app with two users, one of whom chose an odd name."""
    with app.app_context():
        users.create(MARKUP, PASSWORD)
    return app


def test_an_administrator_sees_names_as_text(app: Flask, client: FlaskClient) -> None:
    log_in(client)
    give_roles(app, "admin")
    page = client.get(PAGE).text
    assert USERNAME in page
    assert "&lt;b&gt;bob&lt;/b&gt;" in page
    assert not Elements(page).of("b")


@pytest.mark.asvs("8.2.1")
def test_others_see_nobody(app: Flask, client: FlaskClient) -> None:
    assert client.get(PAGE).status_code == 401
    log_in(client)
    refused = client.get(PAGE, headers={"Accept": "text/html"})
    assert (refused.status_code, "bob" in refused.text) == (403, False)
