"""The outbox: what a row holds, and that it is the same for every address."""

from collections.abc import Callable

import pytest
from flask import Flask
from secure_flask import db
from secure_flask.accounts import development_mails, email_change, recovery, registration
from secure_flask.accounts.outbox import OutgoingMail
from sqlalchemy import select

from core.accounts.observing import stored_rows
from core.accounts.people import ADDRESS, STRONG, token_in
from core.conftest import Wait
from core.statements import counted_statements

NOBODY = "nobody.known@example.org"
ASKING: dict[str, Callable[[str], None]] = {
    "register": lambda email: registration.request_registration("grace", email, STRONG),
    "resend_registration": registration.resend_registration,
    "request_password_reset": recovery.request_password_reset,
    "request_email_change": email_change.request_email_change,
}
pytestmark = [pytest.mark.usefixtures("user"), pytest.mark.parametrize("by", ASKING)]


@pytest.mark.asvs("6.3.8")
def test_a_row_is_the_same_for_every_address(by: str, wait: Wait) -> None:
    for email in (ADDRESS, NOBODY):
        ASKING[by](email)
    links = db.session.scalars(select(OutgoingMail).where(OutgoingMail.notice_hash.is_(None)))
    first, second = (
        (each.kind, each.user_id, each.arguments.keys(), each.created, each.due, each.notices)
        for each in links
    )
    assert first == second


@pytest.mark.asvs("6.3.8")
def test_a_request_does_the_same_in_the_database_for_every_address(by: str) -> None:
    done = {}
    # The first two notices of a change differ from the next ones.
    for email in ("a@example.org", "b@example.org", ADDRESS, NOBODY):
        with counted_statements(db.engine) as sent:
            ASKING[by](email)
        done[email] = sent.statements
    assert done[ADDRESS] == done[NOBODY] != []


def test_a_stolen_table_holds_no_link_no_token_and_no_address(app: Flask, by: str) -> None:
    ASKING[by](NOBODY)
    recovery.request_password_reset(ADDRESS)
    waiting = stored_rows(app)["outgoing_mails"]
    tokens = [token_in(mail) for mail in development_mails() if "http" in mail.get_content()]
    assert tokens
    secrets = [*tokens, ADDRESS, NOBODY, STRONG, "http://", "example.org"]
    rows = [*waiting, *stored_rows(app)["outgoing_mails"]]
    stored = str([[as_text(value) for value in row] for row in rows])
    assert [secret for secret in secrets if secret in stored] == []


def as_text(value: object) -> str:
    """Bytes as characters, in which a secret could be read."""
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
