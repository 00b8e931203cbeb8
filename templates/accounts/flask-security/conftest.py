"""What the tests of accounts share."""

import time
from collections.abc import Callable, Iterator, Mapping
from email.message import EmailMessage
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from passlib.totp import TOTP, AppWallet
from sqlalchemy import event
from werkzeug.test import TestResponse

from app.accounts.factors import factor_checks
from app.accounts.mail import mail, mail_messages, mailbox
from app.auth import password_rules
from app.db import db
from tests.accounts.people import (
    ADDRESS,
    BREACHED,
    PROJECT,
    TOTP_STEP,
    Headers,
    add_app,
    give_address,
)
from tests.accounts.test_login import count_hashes, without_random
from tests.conftest import Wait

Mails = Callable[..., list[EmailMessage]]
Work = dict[str, Any]
AssertAlike = Callable[[list[Callable[[], TestResponse]]], None]
CountWork = Callable[[Callable[[], object]], Work]


@pytest.fixture
def clock(wait: Wait, monkeypatch: pytest.MonkeyPatch) -> Wait:
    """`clock(60)`, like `wait`: codes of authenticator apps follow it too."""
    monkeypatch.setattr(TOTP, "now", staticmethod(lambda: time.time()))
    return wait


@pytest.fixture(autouse=True, scope="session")
def _fast_wallet() -> Iterator[None]:
    """The library encrypts secrets of apps by a slow key, which no test is about."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AppWallet, "encrypt_cost", 1)
        yield


@pytest.fixture
def unhurried(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Failures keep nobody waiting."""
    monkeypatch.setitem(app.config, "LOGIN_RATE_LIMIT", "1000 per minute")


@pytest.fixture
def known_rules(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the rules for passwords look at: the name of the project, and a list."""
    monkeypatch.setitem(app.config, "PROJECT_NAME", PROJECT)
    monkeypatch.setattr(password_rules, "is_breached", lambda password: password == BREACHED)


@pytest.fixture
def mails(app: Flask) -> Mails:
    """`mails()`: the mails since the last look; `mails(to)`: only those to an address."""
    box = app.extensions["mailbox"].mails
    box.clear()

    def look(to: str | None = None) -> list[EmailMessage]:
        found = [each for each in mailbox.messages(app) if to in (None, each["To"])]
        box.clear()
        return found

    return look


@pytest.fixture
def address(app: Flask) -> str:
    """The user has an address."""
    give_address(app)
    return ADDRESS


@pytest.fixture
def secret(
    address: str,
    clock: Wait,
    client: FlaskClient,
    credentials: Headers,
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    """The user has an address and an authenticator app, whose secret this is."""
    with monkeypatch.context() as without_picture:
        # A QR code takes longer than all the rest.
        without_picture.setattr(factor_checks.Codes, "generate_qrcode", lambda *given: "")
        secret = add_app(client, credentials)
    clock(TOTP_STEP)
    return secret


@pytest.fixture
def stranger(app: Flask) -> FlaskClient:
    """A client that is not logged in."""
    return app.test_client()


@pytest.fixture
def count_work(app: Flask, monkeypatch: pytest.MonkeyPatch) -> CountWork:
    """`count_work(do)`: the hashes, statements and mails that `do` makes, as an observer times them."""
    hashes = count_hashes(monkeypatch)
    composed: list[str] = []

    def compose(recipient: str, template: str, context: Mapping[str, object]) -> EmailMessage:
        composed.append(recipient)
        return mail_messages.compose(recipient, template, context)

    monkeypatch.setattr(mail, "compose", compose)

    def count(do: Callable[[], object]) -> Work:
        statements: list[str] = []

        def note(connection: Any, cursor: Any, statement: str, *more: Any) -> None:
            statements.append(" ".join(statement.split()[:3]))

        hashes.clear()
        composed.clear()
        with app.app_context():
            engine = db.engine
        event.listen(engine, "before_cursor_execute", note)
        try:
            do()
        finally:
            event.remove(engine, "before_cursor_execute", note)
        writes = [each for each in statements if not each.startswith("SELECT")]
        return {"hashes": [*hashes], "mails": len(composed), "writes": writes}

    return count


@pytest.fixture
def assert_alike(count_work: CountWork) -> AssertAlike:
    """`assert_alike(requests)`: an observer cannot tell what these requests found."""

    def check(requests: list[Callable[[], TestResponse]]) -> None:
        answers = [request() for request in requests]
        assert {answer.status_code for answer in answers} == {200}
        assert len({without_random(answer) for answer in answers}) == 1
        assert all("Set-Cookie" not in answer.headers for answer in answers)
        assert all(answer.cache_control.no_store for answer in answers)
        work = [count_work(request) for request in requests]
        assert work == [work[0]] * len(requests)

    return check
