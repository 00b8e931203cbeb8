"""The outbox: what a row holds, and that it is the same for every address."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import db
from secure_flask.accounts.outbox import OutgoingMail
from sqlalchemy import Connection, event, select, text

from views.accounts.people import (
    ADDRESS,
    CHANGE_EMAIL,
    CONFIRM,
    REGISTER,
    REGISTRATION,
    RESET,
    STRONG,
    Headers,
    delivered,
    give_address,
    send,
)
from views.conftest import MakeApp, Wait

NOBODY = "nobody.known@example.org"
ASKING = pytest.mark.parametrize("path", [REGISTER, CONFIRM, RESET, CHANGE_EMAIL])


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    app = make_app()
    give_address(app)
    return app


def ask(client: FlaskClient, path: str, email: str, headers: Headers) -> None:
    body = {**REGISTRATION, "email": email} if path == REGISTER else {"email": email}
    assert send(client, path, {**body}, headers).status_code == 200


def links(app: Flask) -> list[OutgoingMail]:
    with app.app_context():
        return [*db.session.scalars(select(OutgoingMail).where(OutgoingMail.notice_hash.is_(None)))]


@pytest.mark.asvs("6.3.8")
@ASKING
def test_a_row_is_the_same_for_every_address(
    app: Flask, client: FlaskClient, credentials: Headers, wait: Wait, path: str
) -> None:
    for email in (ADDRESS, NOBODY):
        ask(client, path, email, credentials)
    rows = [
        (each.kind, each.user_id, each.arguments.keys(), each.created, each.due, each.notices)
        for each in links(app)
    ]
    assert len(rows) == 2
    assert rows[0] == rows[1]


@pytest.mark.asvs("6.3.8")
@ASKING
def test_a_request_does_the_same_in_the_database_for_every_address(
    app: Flask, client: FlaskClient, credentials: Headers, path: str
) -> None:
    done: dict[str, list[str]] = {}
    with app.app_context():
        engine = db.engine
    # The first two notices of a change differ from the next ones.
    for email in ("a@example.org", "b@example.org", ADDRESS, NOBODY):
        statements = done[email] = []

        def note(connection: Connection, cursor: object, statement: str, *rest: object) -> None:
            statements.append(statement)  # noqa: B023 - removed before the next one

        event.listen(engine, "before_cursor_execute", note)
        ask(client, path, email, credentials)
        event.remove(engine, "before_cursor_execute", note)
    assert done[ADDRESS] == done[NOBODY] != []


@ASKING
def test_a_stolen_table_holds_no_link_no_token_and_no_address(
    app: Flask, client: FlaskClient, credentials: Headers, path: str
) -> None:
    ask(client, path, NOBODY, credentials)
    ask(client, RESET, ADDRESS, credentials)
    before = dumped(app)
    texts = "".join(mail.get_content() for mail in delivered(app))
    tokens = re.findall(r"/([\w-]{43})\n", texts)
    assert tokens
    secrets = [*tokens, ADDRESS, NOBODY, STRONG, "http://", "example.org"]
    for stored in (before, dumped(app)):
        assert [secret for secret in secrets if secret in stored] == []


def dumped(app: Flask) -> str:
    """All that is in the table, as a backup has it."""
    with app.app_context():
        rows = db.session.execute(text("SELECT * FROM outgoing_mails")).all()
    return str([[as_text(value) for value in row] for row in rows])


def as_text(value: object) -> str:
    """Bytes as characters, in which a secret could be read."""
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
