"""Users whose logins are stored without a request."""

from collections.abc import Iterator

import pytest
from flask import Flask

from secure_flask.auth import grants, users
from core.site import User
from core.conftest import PASSWORD, USERNAME


@pytest.fixture
def in_an_app(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(grants, "LAST_USED_STEP", 60)
    with app.app_context():
        yield


@pytest.fixture
def user(in_an_app: None) -> User:
    found = User.find(USERNAME)
    assert found is not None
    return found


@pytest.fixture
def other(in_an_app: None) -> User:
    return users.create_user("bob", PASSWORD)
