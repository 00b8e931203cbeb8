"""After the encryption keys leaked and were dropped at once: the account's page still opens."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask.crypto.encryption import ENCRYPTION_KEYS
from secure_flask.settings import keyrings
from secure_flask.state import app_state

from core import routes
from views.accounts.people import Headers
from views.conftest import OWN_PAGE


@pytest.mark.usefixtures("address")
def test_people_see_their_account_and_end_its_logins(
    app: Flask, client: FlaskClient, credentials: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring = keyrings.read_numbered_keyring(keyrings.new_key("99"))
    monkeypatch.setitem(app_state(app), ENCRYPTION_KEYS, ring)
    assert client.get("/account").status_code == 200
    assert client.delete(routes.SESSIONS, headers=OWN_PAGE | credentials).status_code == 204
