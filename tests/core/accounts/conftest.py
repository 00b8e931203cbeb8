"""A user with an address, factors and devices, for the rules of accounts as plain functions."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import pytest
from flask import Flask
from secure_flask.accounts import AccountSettings
from secure_flask.accounts.smtp import TESTED_MAILS
from secure_flask.state import app_state

from core.accounts import site
from core.accounts.devices import STEP, Passkey, add_app, add_passkey
from core.accounts.people import ADDRESS, new_login, request_of, set_address, user_of
from core.accounts.site import User
from core.conftest import Configure, Create, Wait, give_roles
from services import mail_servers
from services.mail_servers import MailServer

Request = Callable[[], AbstractContextManager[None]]


@pytest.fixture(scope="session")
def create_site() -> Create:
    def create(values: dict[str, Any], **policy: Any) -> Flask:
        # A test that reaches a limit sets it.
        settings = {"login_rate_limit": "1000 per minute", **values}
        return site.create_app(AccountSettings(_env_file=None, **settings), **policy)

    return create


@pytest.fixture(scope="session", autouse=True)
def _no_settings_from_outside() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in AccountSettings.model_fields:
            patch.delenv(name.upper(), raising=False)
        yield


@pytest.fixture
def app(app: Flask) -> Flask:
    """One whose development shows no mail yet."""
    app_state(app).pop(TESTED_MAILS, None)
    return app


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_servers.running() as server:
        yield server


@pytest.fixture
def stranger(app: Flask) -> Iterator[None]:
    """The test is a request of somebody who is not logged in."""
    with request_of(app):
        yield


@pytest.fixture
def user(app: Flask) -> Iterator[User]:
    """The test is a request of a user who has an address and has just logged in."""
    with app.app_context():
        set_address(ADDRESS)
        secret = new_login()
    with request_of(app, secret):
        yield user_of()


@pytest.fixture
def secret(user: User, wait: Wait) -> str:
    """The user has an authenticator app too, whose secret this is."""
    secret = add_app()
    wait(STEP)
    return secret


@pytest.fixture
def passkey(user: User) -> Passkey:
    """The user has a passkey too."""
    return add_passkey()


@pytest.fixture
def of_user(file_app: Flask) -> Request:
    """`with of_user():` is a request of the user of `file_app`, all by one recent login."""
    with file_app.app_context():
        set_address(ADDRESS)
        return partial(request_of, file_app, new_login())


@pytest.fixture
def demanding(app: Flask, configure: Configure) -> Flask:
    """An app whose user has a role that demands a second factor, which is not set up yet."""
    with app.app_context():
        set_address(ADDRESS)
    configure(app, SECOND_FACTOR_ROLES=["boss"])
    give_roles(app, "boss")
    return app
