"""Changes of the address: who shows that they read the mails of a new one, and who learns of it."""

from email.message import EmailMessage
from unittest.mock import Mock

import pytest
from flask import Flask
from secure_flask import db
from secure_flask.accounts import development_mails, email_change, registration, smtp, steps, worker
from secure_flask.accounts.addresses import lock_mailbox
from secure_flask.accounts.email_change import (
    KEPT,
    LIFETIME,
    MAX_CHANGE_REQUESTS,
    MAX_CHANGES,
    find_email_change,
    remember_address,
    request_email_change,
)
from secure_flask.accounts.outbox import OutgoingMail
from secure_flask.accounts.steps import MAX_FAILURES
from secure_flask.accounts.users import RECENT
from secure_flask.auth import authentication
from secure_flask.crypto.encryption import BLIND_INDEX_KEYS
from secure_flask.settings import keyrings
from secure_flask.state import app_state
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError, OperationalError

from core.accounts.people import (
    ADDRESS,
    NAME,
    OTHER,
    STRONG,
    add_user,
    downloaded,
    logged,
    mailed_token,
    new_login,
    recipients,
    refused,
    request_of,
    run_command,
    set_address,
    status_of,
    subjects,
    token_in,
    user_of,
)
from core.accounts.site import User
from core.conftest import PASSWORD, SECRETS, USERNAME, MakeApp, Wait

NEW = "countess@example.net"


@pytest.fixture
def token(user: User) -> str:
    """The secret of the link that goes to the new address."""
    request_email_change(NEW)
    return mailed_token(NEW)


def confirm(token: str, password: str | None = PASSWORD) -> int:
    return status_of(email_change.confirm_email_change, token, password)


def opens(token: str) -> int:
    return status_of(find_email_change, token)


def unconfirmed(app: Flask) -> list[str]:
    """What the user hears about changes that wait."""
    with request_of(app, new_login()):
        unconfirmed: list[str] = downloaded(user_of())["unconfirmed_emails"]
        return unconfirmed


@pytest.mark.asvs("6.3.7")
def test_the_mailed_link_changes_the_address_also_on_another_device(app: Flask, token: str) -> None:
    with request_of(app):
        user, email = find_email_change(token)
        assert (user.name, email) == (USERNAME, NEW)
        assert confirm(token) == 200
        assert (User.find(NEW), User.find(ADDRESS)) == (user_of(), None)
    # The old address learns of the request and of the change.
    assert (recipients()[-1], sorted(recipients())) == (ADDRESS, [ADDRESS, ADDRESS, NEW])


# Who may use the link.


def test_a_reader_of_the_address_connects_it_to_no_account_of_somebody_else(
    app: Flask, token: str
) -> None:
    """Otherwise a stranger asks for their address, and keeps a login to what they think theirs."""
    add_user()
    with request_of(app), refused(401, "password"):
        email_change.confirm_email_change(token, None)
    with request_of(app, new_login(OTHER)):
        assert [confirm(token, None), confirm(token, STRONG)] == [403, 403]
    assert user_of().email == ADDRESS


def test_where_the_password_changes_at_the_same_moment_the_address_stays(
    token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change_meanwhile(mailbox: str) -> None:
        changed = update(User).values(password_hash="of another password")
        db.session.execute(changed, execution_options={"synchronize_session": False})
        db.session.commit()
        lock_mailbox(mailbox)

    monkeypatch.setattr(email_change, "lock_mailbox", change_meanwhile)
    assert confirm(token, None) == 404
    assert user_of().email == ADDRESS


def test_only_a_recent_login_replaces_the_password(app: Flask, token: str, wait: Wait) -> None:
    wait(RECENT * 60 + 1)
    assert confirm(token, None) == 401
    # This holds for a user who had no address, too.
    set_address(None)
    with request_of(app, new_login()):
        assert confirm(token, None) == 200
    assert user_of().email == NEW


@pytest.mark.asvs("6.3.1")
def test_wrong_passwords_count_as_those_of_a_login_and_a_few_end_the_link(
    make_app: MakeApp, wait: Wait, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app(login_rate_limit="4 per minute")
    with app.app_context():
        secret = new_login()
    with request_of(app, secret):
        request_email_change(NEW)
        token = mailed_token(NEW)
        assert [confirm(token, STRONG) for _ in range(MAX_FAILURES)] == [403] * 4 + [429]
        assert status_of(authentication.log_in, USERNAME, PASSWORD) == 429
        wait(60)
        assert [confirm(token, STRONG), confirm(token)] == [403, 404]
    failed = [line["reason"] for line in logged(caplog, "authn_login_fail")]
    assert failed == ["change of address"] * MAX_FAILURES


# How the link ends.


def test_it_serves_once_and_for_an_hour_from_its_mail(token: str, wait: Wait) -> None:
    assert [confirm(token), confirm(token)] == [200, 404]
    request_email_change("third@example.net")
    wait(60)
    token = mailed_token("third@example.net")
    wait(LIFETIME - 1)
    assert opens(token) == 200
    wait(1)
    assert (opens(token), confirm(token)) == (404, 404)


def test_a_second_try_to_send_the_mail_leaves_the_link_of_the_first_one(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server may have taken the mail whose sending failed at the end."""
    taken: list[EmailMessage] = []

    def break_off(message: EmailMessage) -> None:
        taken.append(message)
        raise OSError

    request_email_change(NEW)
    with monkeypatch.context() as broken:
        broken.setattr(smtp, "send_mail", break_off)
        worker.send_due_mails()
    db.session.execute(update(OutgoingMail).values(due=0))
    db.session.commit()
    second = mailed_token(NEW)
    [first] = [token_in(mail) for mail in taken if mail["To"] == NEW]
    assert first != second
    assert [opens(token) for token in (first, second)] == [200, 200]
    assert [confirm(token) for token in (first, second)] == [200, 404]


def test_an_account_changes_its_address_ten_times_a_week(
    app: Flask, user: User, token: str, wait: Wait
) -> None:
    for number in range(MAX_CHANGES):
        remember_address(user, f"ada{number}@example.org")
    db.session.commit()
    assert (confirm(token), status_of(request_email_change, NEW)) == (429, 429)
    assert user_of().email == ADDRESS
    wait(KEPT)
    with request_of(app, new_login()):
        request_email_change(NEW)
        assert confirm(mailed_token(NEW)) == 200


def test_a_user_has_ten_open_requests_at_most(app: Flask, user: User, wait: Wait) -> None:
    of_another_kind = steps.add_step("test", LIFETIME, user=user)
    for number in range(MAX_CHANGE_REQUESTS + 2):
        request_email_change(f"ada{number}@example.net")
        wait(1)
    assert steps.open_step("test", of_another_kind.id)
    newest = [f"ada{number}@example.net" for number in range(2, MAX_CHANGE_REQUESTS + 2)]
    assert sorted(unconfirmed(app)) == sorted(newest)


@pytest.mark.asvs("6.3.7")
def test_an_operator_who_changes_the_address_ends_what_waits_and_tells_the_old_one(
    app: Flask, token: str
) -> None:
    seen = len(recipients())
    assert run_command(app, "user", "email", USERNAME, "ada@example.com").exit_code == 0
    [notice] = development_mails()[seen:]
    assert (notice["To"], USERNAME in notice.get_content()) == (ADDRESS, True)
    assert confirm(token) == 404
    assert user_of().email == "ada@example.com"


@pytest.mark.parametrize("sent", [True, False])
def test_it_ends_with_the_logins_also_while_its_mail_waits(
    app: Flask, user: User, sent: bool
) -> None:
    """A thief who was logged in as the user may have asked for it."""
    request_email_change(NEW)
    token = mailed_token(NEW) if sent else ""
    assert run_command(app, "user", "password", USERNAME).exit_code == 0
    assert (opens(token), confirm(token)) == (404, 404)
    assert [NEW in recipients(), "password_changed" in subjects()] == [sent, True]


# Addresses of others.


def test_the_address_of_another_account_stays_theirs(app: Flask, user: User) -> None:
    add_user(email="bob@example.org")
    tries = [NEW, "bob@example.org", "BOB@example.org"]
    for email in tries:
        request_email_change(email)
    assert [mail["To"] for mail in development_mails() if mail["Subject"] == "change_email"] == [
        NEW
    ]
    assert {*subjects("bob@example.org")} == {"email_in_use"}
    # The user hears the same about pending changes for each.
    assert sorted(unconfirmed(app)) == sorted(tries)


def test_nothing_tells_that_the_new_address_got_or_lost_an_account(app: Flask, user: User) -> None:
    registration.request_registration(NAME, NEW, STRONG)
    link = mailed_token(NEW)
    request_email_change(NEW)
    waiting = [unconfirmed(app)]
    registration.confirm_registration(link, password=STRONG, new_password=None)
    waiting.append(unconfirmed(app))
    run_command(app, "user", "delete", NEW)
    assert [*waiting, unconfirmed(app)] == [[NEW]] * 3


def test_an_address_has_one_user_while_the_key_of_its_index_changes_too(
    app: Flask, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_user(email=NEW)
    ring = f"{keyrings.new_key('99')},{SECRETS['blind_index_keys']}"
    state = app_state(app)
    monkeypatch.setitem(state, BLIND_INDEX_KEYS, keyrings.read_numbered_keyring(ring))
    assert confirm(token) == 404
    assert user_of().email == ADDRESS
    refused = run_command(app, "user", "email", USERNAME, NEW)
    assert (refused.exit_code, refused.output) == (1, "Error: Another user has this address.\n")
    with pytest.raises(IntegrityError):
        add_user("eve", NEW)


@pytest.mark.asvs("2.3.3")
def test_the_address_and_what_follows_change_together_or_not_at_all(
    token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = OperationalError("COMMIT", {}, OSError("no route to host"))
    with monkeypatch.context() as broken:
        broken.setattr(steps, "end_steps_of_user", Mock(side_effect=away))
        with pytest.raises(OperationalError):
            confirm(token)
    db.session.rollback()
    assert user_of().email == ADDRESS
    assert confirm(token) == 200
