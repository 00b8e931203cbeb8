"""What the tests of accounts share."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask.accounts.smtp import TESTED_MAILS
from secure_flask.state import app_state

from core.accounts.devices import STEP
from views.accounts.devices import Passkey, add_app, add_passkey
from views.accounts.people import ADDRESS, Headers, give_address
from views.conftest import Wait, add_user, log_in

OTHER = "grace"


@pytest.fixture
def app(app: Flask) -> Flask:
    """One whose development shows no mail yet."""
    app_state(app).pop(TESTED_MAILS, None)
    return app


@pytest.fixture
def address(app: Flask) -> str:
    """The user has an address."""
    give_address(app)
    return ADDRESS


@pytest.fixture
def secret(address: str, wait: Wait, client: FlaskClient, credentials: Headers) -> str:
    """The user has an address and an authenticator app, whose secret this is."""
    secret = add_app(client, credentials)
    wait(STEP)
    return secret


@pytest.fixture
def passkey(address: str, client: FlaskClient, credentials: Headers) -> Passkey:
    """The user has an address and a passkey."""
    return add_passkey(client, credentials)


@pytest.fixture
def stranger(app: Flask) -> FlaskClient:
    """A client that is not logged in."""
    return app.test_client()


@pytest.fixture
def others(app: Flask) -> tuple[FlaskClient, Headers]:
    """Another user, logged in."""
    add_user(app, OTHER)
    client = app.test_client()
    return client, log_in(client, username=OTHER)
