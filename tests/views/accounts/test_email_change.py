"""`/change-email`: who shows that they read the mails of a new address, and who learns of it."""

from email.message import EmailMessage

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import db
from secure_flask.accounts import email_change, smtp, steps, worker
from secure_flask.accounts.email_change import LIFETIME, MAX_CHANGE_REQUESTS, RECENT
from secure_flask.accounts.former_addresses import KEPT, MAX_CHANGES, remember_address
from secure_flask.accounts.mailboxes import lock_mailbox
from secure_flask.accounts.outbox import OutgoingMail
from secure_flask.accounts.steps import MAX_FAILURES, Step
from sqlalchemy import func, select, update

from app.models import User
from core import routes
from views.accounts.people import (
    ADDRESS,
    CHANGE_EMAIL,
    RESET,
    STRONG,
    Headers,
    away,
    can_log_in,
    delivered,
    give_address,
    link_in,
    mailed_link,
    registered_link,
    send,
)
from views.conftest import (
    LOGIN,
    OWN,
    PASSWORD,
    USERNAME,
    MakeApp,
    Wait,
    add_user,
    assert_leads_to,
    every_token_type,
    grow_old,
    headers_of,
    invalid_fields,
    log_in,
    log_in_by_form,
    post,
    stored_user,
)

NEW, DATA = "countess@example.net", "/me/data"
OWNER = {"password": PASSWORD}


@pytest.fixture(autouse=True)
def _address(app: Flask) -> None:
    give_address(app)


@pytest.fixture
def link(app: Flask, client: FlaskClient, credentials: Headers) -> str:
    """The link that goes to the new address."""
    ask(client, credentials)
    return change_link(app)


def change_link(app: Flask, to: str = NEW) -> str:
    return link_in([mail for mail in delivered(app) if mail["To"] == to][-1])


def ask(client: FlaskClient, credentials: Headers, email: str = NEW) -> int:
    return send(client, CHANGE_EMAIL, {"email": email}, credentials).status_code


def confirm(
    client: FlaskClient, link: str, password: str | None = None, headers: Headers | None = None
) -> int:
    return send(client, link, {"password": password} if password else {}, headers).status_code


def address(app: Flask) -> str | None:
    with stored_user(app) as user:
        found: str | None = user.email
        return found


@pytest.mark.asvs("6.3.7")
@every_token_type
def test_the_link_in_the_mail_changes_the_address(
    app: Flask, client: FlaskClient, credentials: Headers
) -> None:
    answer = send(client, CHANGE_EMAIL, {"email": NEW}, credentials)
    assert (answer.status_code, answer.cache_control.no_store) == (200, True)
    link = change_link(app)
    # Also where the mail is read on another device.
    elsewhere = app.test_client()
    answer = send(elsewhere, link, {**OWNER})
    assert (answer.status_code, answer.get_json()) == (200, {"username": USERNAME})
    assert "Set-Cookie" not in answer.headers
    assert client.get(routes.ME, headers=credentials).get_json()["email"] == NEW
    assert [can_log_in(elsewhere, each, PASSWORD) for each in (NEW, ADDRESS)] == [True, False]
    # The old address learns of the request and of the change.
    assert sorted(mail["To"] for mail in delivered(app)) == [ADDRESS, ADDRESS, NEW]


def test_it_is_changed_by_plain_forms(app: Flask, client: FlaskClient) -> None:
    log_in_by_form(client)
    assert ADDRESS in client.get(CHANGE_EMAIL).text
    wrong = post(client, CHANGE_EMAIL, email="ada")
    assert (wrong.status_code, invalid_fields(wrong.text)) == (422, ["email"])
    sent = post(client, CHANGE_EMAIL, email=NEW)
    assert (sent.status_code, 'href="/account"' in sent.text) == (200, True)
    link = change_link(app)
    stranger = app.test_client()
    page = stranger.get(link).text
    # So that the reader of the mail sees which account it is.
    assert all(shown in page for shown in (USERNAME, NEW))
    for password in ("", STRONG):
        refused = post(stranger, link, password=password)
        assert (refused.status_code, invalid_fields(refused.text)) == (422, ["password"])
    # A recent login here replaces the password.
    done = post(client, link)
    assert (done.status_code, 'href="/account"' in done.text) == (200, True)
    assert address(app) == NEW


def test_what_is_no_address_is_said_of_its_field(client: FlaskClient, credentials: Headers) -> None:
    answer = send(client, CHANGE_EMAIL, {"email": "ada"}, credentials)
    assert answer.get_json()["fields"] == {"email": "Must be an address like ada@example.org"}


# Who may ask for it, and who may use the link.


@pytest.mark.asvs("7.5.1")
@every_token_type
def test_it_needs_a_recent_login(app: Flask, client: FlaskClient, credentials: Headers) -> None:
    grow_old(app)
    assert ask(client, credentials) == 401
    assert ask(app.test_client(), {}) == 401
    again = send(client, routes.REAUTHENTICATE, {**OWNER}, credentials)
    assert ask(client, headers_of(again.get_json())) == 200


def test_a_browser_whose_login_is_old_or_ended_goes_on_after_the_password(
    app: Flask, client: FlaskClient
) -> None:
    for _ in range(2):
        asked = client.get(CHANGE_EMAIL, headers=OWN)
        path = asked.headers["Location"]
        assert path.endswith(f"?next={CHANGE_EMAIL}")
        fields = LOGIN if path.startswith(routes.LOGIN) else OWNER
        assert_leads_to(post(client, path, **fields), CHANGE_EMAIL)
        assert client.get(CHANGE_EMAIL).status_code == 200
        grow_old(app)
        assert post(client, CHANGE_EMAIL, email=NEW).status_code == 303


def test_a_reader_of_the_address_connects_it_to_no_account_of_somebody_else(
    app: Flask, link: str
) -> None:
    """Otherwise a stranger asks for their address, and keeps a login to what they think theirs."""
    add_user(app, "grace")
    grace = app.test_client()
    theirs = log_in(grace, username="grace")
    assert confirm(app.test_client(), link) == 401
    assert confirm(grace, link, headers=theirs) == 403
    assert confirm(grace, link, STRONG, theirs) == 403
    page = post(log_in_by_form(app.test_client(), username="grace"), link)
    assert (page.status_code, "as someone else" in page.text) == (422, True)
    assert address(app) == ADDRESS


def test_where_the_password_changes_at_the_same_moment_the_address_stays(
    app: Flask,
    client: FlaskClient,
    credentials: Headers,
    link: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:

    def change_meanwhile(mailbox: str) -> None:
        changed = update(User).values(password_hash="of another password")
        db.session.execute(changed, execution_options={"synchronize_session": False})
        db.session.commit()
        lock_mailbox(mailbox)

    monkeypatch.setattr(email_change, "lock_mailbox", change_meanwhile)
    assert confirm(client, link, headers=credentials) == 404
    assert address(app) == ADDRESS


def test_only_a_recent_login_replaces_the_password(
    client: FlaskClient, credentials: Headers, link: str, wait: Wait
) -> None:
    wait(RECENT * 60 + 1)
    assert confirm(client, link, headers=credentials) == 401
    assert confirm(client, link, headers=log_in(client)) == 200


def test_a_few_wrong_passwords_end_the_link(client: FlaskClient, link: str) -> None:
    tried = [confirm(client, link, STRONG) for _ in range(MAX_FAILURES)]
    assert tried == [403] * MAX_FAILURES
    assert confirm(client, link, PASSWORD) == 404


@pytest.mark.asvs("6.3.1")
def test_wrong_passwords_count_as_those_of_a_login(make_app: MakeApp) -> None:
    app = make_app(login_rate_limit="1 per minute")
    client = app.test_client()
    ask(client, log_in(client))
    link = change_link(app)
    assert confirm(client, link, STRONG) == 403
    assert confirm(client, link, PASSWORD) == 429
    assert send(client, routes.LOGIN, {**LOGIN}).status_code == 429


# How the link ends.


def test_it_serves_once_and_for_an_hour_from_its_mail(
    app: Flask, client: FlaskClient, credentials: Headers, link: str, wait: Wait
) -> None:
    assert [confirm(client, link, PASSWORD) for _ in range(2)] == [200, 404]
    ask(client, credentials, "third@example.net")
    wait(60)
    link = change_link(app, "third@example.net")
    wait(LIFETIME - 1)
    assert client.get(link).status_code == 200
    wait(1)
    assert confirm(client, link, PASSWORD) == 404


def test_a_second_try_to_send_the_mail_leaves_the_link_of_the_first_one(
    app: Flask, client: FlaskClient, credentials: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server may have taken the mail whose sending failed at the end."""
    ask(client, credentials)
    taken: list[EmailMessage] = []

    def break_off(message: EmailMessage) -> None:
        taken.append(message)
        raise OSError

    with monkeypatch.context() as broken, app.app_context():
        broken.setattr(smtp, "send_mail", break_off)
        worker.send_due_mails()
        db.session.execute(update(OutgoingMail).values(due=0))
        db.session.commit()
    second = change_link(app)
    [first] = [link_in(mail) for mail in taken if mail["To"] == NEW]
    assert first != second
    assert [client.get(link).status_code for link in (first, second)] == [200, 200]
    assert [confirm(client, link, PASSWORD) for link in (first, second)] == [200, 404]


def test_an_account_changes_its_address_ten_times_a_week(
    app: Flask, client: FlaskClient, credentials: Headers, link: str, wait: Wait
) -> None:
    with stored_user(app) as user:
        for number in range(MAX_CHANGES):
            remember_address(user, f"ada{number}@example.org")
    assert confirm(client, link, PASSWORD) == 429
    assert ask(client, credentials) == 429
    assert address(app) == ADDRESS
    wait(KEPT)
    assert ask(client, log_in(client)) == 200
    assert confirm(client, change_link(app), PASSWORD) == 200


def test_a_user_has_ten_open_requests_at_most(
    app: Flask, client: FlaskClient, credentials: Headers, wait: Wait
) -> None:
    for number in range(MAX_CHANGE_REQUESTS + 2):
        ask(client, credentials, f"ada{number}@example.net")
        wait(1)
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Step)) == MAX_CHANGE_REQUESTS
    [*_, newest] = client.get(DATA, headers=credentials).get_json()["unconfirmed_emails"]
    assert newest != "ada0@example.net"


@pytest.mark.asvs("6.3.7")
def test_an_operator_who_changes_the_address_ends_what_waits_and_tells_the_old_one(
    app: Flask, client: FlaskClient, link: str
) -> None:
    operator = app.test_cli_runner()
    seen = len(delivered(app))
    assert operator.invoke(args=["user", "email", USERNAME, "ada@example.com"]).exit_code == 0
    [notice] = delivered(app)[seen:]
    assert (notice["To"], USERNAME in notice.get_content()) == (ADDRESS, True)
    assert confirm(client, link, PASSWORD) == 404
    assert address(app) == "ada@example.com"


def test_an_operator_who_sets_the_password_tells_the_user(app: Flask) -> None:
    done = app.test_cli_runner().invoke(args=["user", "password", USERNAME])
    assert done.exit_code == 0
    [notice] = delivered(app)
    assert (notice["To"], "new password" in notice.get_content()) == (ADDRESS, True)


@pytest.mark.parametrize("sent", [True, False])
@pytest.mark.parametrize("by", ["password", "logins", "logout", "disable", "reset"])
def test_it_ends_with_the_logins_also_while_its_mail_waits(
    app: Flask, client: FlaskClient, credentials: Headers, by: str, sent: bool
) -> None:
    """A thief who was logged in as the user may have asked for it."""
    send(client, RESET, {"email": ADDRESS})
    reset = mailed_link(app)
    ask(client, credentials)
    link = change_link(app) if sent else ""
    if by == "reset":
        assert send(client, reset, {"password": STRONG}).status_code == 200
    elif by == "logins":
        assert client.delete(routes.SESSIONS, headers=credentials).status_code == 204
    else:
        assert app.test_cli_runner().invoke(args=["user", by, USERNAME]).exit_code == 0
        app.test_cli_runner().invoke(args=["user", "enable", USERNAME])
    if sent:
        assert (client.get(link).status_code, confirm(client, link, PASSWORD)) == (404, 404)
    else:
        assert NEW not in [mail["To"] for mail in delivered(app)]


def test_a_new_address_ends_the_links_to_the_old_one(
    app: Flask, client: FlaskClient, link: str
) -> None:
    send(client, RESET, {"email": ADDRESS})
    reset = mailed_link(app)
    assert confirm(client, link, PASSWORD) == 200
    assert send(client, reset, {"password": STRONG}).status_code == 404


# Addresses of others.


def test_the_address_of_another_account_stays_theirs(
    app: Flask, client: FlaskClient, credentials: Headers
) -> None:
    add_user(app, "grace")
    give_address(app, "grace@example.org", "grace")
    tries = [NEW, "grace@example.org", "GRACE@example.org"]
    for email in tries:
        assert ask(client, credentials, email) == 200
    links = [mail["To"] for mail in delivered(app) if "/change-email/" in mail.get_content()]
    assert links == [NEW]
    assert "grace@example.org" in [mail["To"] for mail in delivered(app)]
    # What the user is told about pending changes is the same for each.
    data = client.get(DATA, headers=credentials).get_json()
    assert sorted(data["unconfirmed_emails"]) == sorted(tries)


def test_nothing_tells_that_the_new_address_got_or_lost_an_account(
    app: Flask, client: FlaskClient, credentials: Headers
) -> None:
    registration = registered_link(app, client, email=NEW)
    ask(client, credentials)
    waiting = []
    for step in ("asked", "registered", "deleted"):
        if step == "registered":
            assert send(app.test_client(), registration, {"password": STRONG}).status_code == 200
        if step == "deleted":
            app.test_cli_runner().invoke(args=["user", "delete", NEW])
        data = client.get(DATA, headers=credentials).get_json()
        waiting.append(data["unconfirmed_emails"])
    assert waiting == [[NEW]] * 3


def test_an_address_that_was_taken_meanwhile_is_not_given(
    app: Flask, client: FlaskClient, link: str
) -> None:
    add_user(app, "grace")
    give_address(app, NEW.upper(), "grace")
    assert confirm(client, link, PASSWORD) == 404
    assert f'href="{CHANGE_EMAIL}"' in post(client, link, **OWNER).text
    assert address(app) == ADDRESS


def test_a_user_without_an_address_gets_one_in_the_same_way(
    app: Flask, client: FlaskClient, credentials: Headers
) -> None:
    give_address(app, None)
    ask(client, credentials)
    assert confirm(client, change_link(app), PASSWORD) == 200
    assert delivered(app)[-1]["To"] == NEW
    assert address(app) == NEW


@pytest.mark.asvs("2.3.3")
def test_the_address_and_what_follows_change_together_or_not_at_all(
    app: Flask, client: FlaskClient, link: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(steps, "end_steps_of_user", away)
        assert confirm(client, link, PASSWORD) == 503
    assert address(app) == ADDRESS
    assert confirm(client, link, PASSWORD) == 200


def test_a_deleted_user_leaves_no_link(app: Flask, client: FlaskClient, link: str) -> None:
    with stored_user(app) as user:
        db.session.delete(user)
    assert confirm(client, link, PASSWORD) == 404
