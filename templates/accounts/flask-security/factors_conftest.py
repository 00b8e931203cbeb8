"""What the tests of factors share."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.accounts.factors.software_passkeys import Authenticator, add_passkey
from tests.accounts.people import Headers, create_user
from tests.conftest import log_in

OTHER = "grace"


@pytest.fixture
def passkey(client: FlaskClient, credentials: Headers) -> Authenticator:
    """The user's passkey, which replaces the password."""
    return add_passkey(client, credentials)


@pytest.fixture
def key(client: FlaskClient, credentials: Headers) -> Authenticator:
    """The user's security key, which follows the password."""
    return add_passkey(client, credentials, name="key", usage="secondary")


@pytest.fixture
def others(app: Flask) -> tuple[FlaskClient, Headers]:
    """Another user, logged in."""
    create_user(app, OTHER)
    client = app.test_client()
    return client, log_in(client, username=OTHER)
