"""Users whose logins are stored without a request."""

from collections.abc import Iterator

import pytest
from flask import Flask
from secure_flask.auth import users

from core.auth.stored_logins import HOUR, IDLE
from core.conftest import PASSWORD, USERNAME
from core.users import User


@pytest.fixture
def in_an_app(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The context of an app whose logins last an hour, without an idle timeout."""
    for name, seconds in {"LOGIN_LIFETIME": HOUR, "KEPT_LIFETIME": HOUR, "LOGIN_IDLE": 0}.items():
        monkeypatch.setitem(app.config, name, seconds)
    with app.app_context():
        yield


@pytest.fixture
def idle(in_an_app: None, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let logins end after IDLE seconds without a request."""
    monkeypatch.setitem(app.config, "LOGIN_IDLE", IDLE)


@pytest.fixture
def user(in_an_app: None) -> User:
    found = User.find(USERNAME)
    assert found is not None
    return found


@pytest.fixture
def other(in_an_app: None) -> User:
    bob: User = users.create_user("bob", PASSWORD)
    return bob
