"""Notices to users: who gets one, how many become one, and that none shows a secret."""

import pytest
from secure_flask import change_password, db
from secure_flask.accounts import development_mails, notices, outbox
from secure_flask.accounts.outbox import HOUR

from core.accounts.people import (
    ADDRESS,
    STRONG,
    add_user,
    recipients,
    refused,
    set_address,
)
from core.accounts.site import User
from core.conftest import PASSWORD, USERNAME, Wait

OLD = "old@example.org"


@pytest.mark.asvs("6.3.5", "6.3.7")
def test_a_changed_password_is_told_to_the_address_without_a_secret_or_a_link(user: User) -> None:
    change_password(PASSWORD, STRONG)
    [notice] = development_mails()
    assert (notice["To"], notice["Subject"]) == (ADDRESS, "password_changed")
    # A copy of a link would lead people elsewhere.
    secrets = (PASSWORD, STRONG, "http")
    assert [secret for secret in secrets if secret in notice.get_content()] == []


def test_a_user_without_an_address_changes_the_password_all_the_same(user: User) -> None:
    set_address(None)
    change_password(PASSWORD, STRONG)
    assert recipients() == []


def test_a_change_that_fails_is_told_to_nobody(user: User) -> None:
    with refused(403):
        change_password("wrong", STRONG)
    assert recipients() == []


def test_the_first_is_sent_at_once_and_all_others_of_the_hour_as_one(
    user: User, wait: Wait
) -> None:
    for _ in range(7):
        notices.code_failed(user)
    [first] = development_mails()
    assert first.get_content().split() == [USERNAME, "1"]
    wait(HOUR)
    [_, others] = development_mails()
    assert others.get_content().split() == [USERNAME, "6"]
    notices.code_failed(user)
    assert len(development_mails()) == 3


def test_notices_are_joined_by_kind_recipient_and_hour(user: User, wait: Wait) -> None:
    """Two users who had one address one after the other are one recipient."""
    notices.email_changed(user, OLD)
    notices.email_changed(add_user(), OLD.upper())
    assert recipients() == [OLD]
    wait(HOUR)
    assert len(recipients()) == 2


def test_a_notice_to_a_former_address_survives_the_deletion_of_the_account(user: User) -> None:
    notices.email_changed(user, OLD)
    notices.code_failed(user)
    db.session.flush()
    db.session.delete(user)
    [mail] = development_mails()
    assert (mail["To"], USERNAME in mail.get_content()) == (OLD, True)


def test_notices_of_other_kinds_and_users_are_told_apart(user: User) -> None:
    notices.code_failed(user)
    notices.password_changed(user)
    notices.email_changed(user, OLD)
    assert sorted(recipients()) == sorted([ADDRESS, ADDRESS, OLD])


def test_notices_of_the_longest_names_can_be_stored(user: User) -> None:
    """PostgreSQL refuses a text that is longer than its column; SQLite does not."""
    for name in ("a" * 150, "b" * 150, "c" * 150):
        notices.name_changed(user, name)
    stored = db.session.query(outbox.OutgoingMail.notice_hash).all()
    longest = outbox.OutgoingMail.__table__.c.notice_hash.type.length  # type: ignore[attr-defined]
    assert max(len(notice or "") for (notice,) in stored) <= longest
