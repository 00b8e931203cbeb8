"""Signing up: only who reads the mails of an address gets an account with it, and a good password."""

from functools import partial

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_sqlalchemy.session import Session
from limits import parse
from sqlalchemy import func, select, text
from werkzeug.test import TestResponse

from app.accounts.links.registration import LIFETIME
from app.accounts.pending import MAX_FAILURES
from app.auth import password_rules
from app.auth.passwords import MIN_LENGTH
from app.auth.users import User
from app.db import db
from app.security.view_options import options_of
from tests import routes
from tests.accounts.conftest import AssertAlike, Mails
from tests.accounts.people import (
    ADDRESS,
    CONFIRM,
    OWN_FORM,
    REGISTER,
    STRONG,
    away,
    create_user,
    link_in,
)
from tests.conftest import PASSWORD, USERNAME, MakeApp, Wait, is_logged_in, log_in, stored_user

pytestmark = pytest.mark.usefixtures("unhurried")

NEW, NEW_ADDRESS = "grace", "grace.hopper@example.org"
THIEF = "forty thieves in a row of jars of oil, and a word that opens the door"
PROJECT = "Garden Shed"


@pytest.fixture(autouse=True)
def _project(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "PROJECT_NAME", PROJECT)


def register(client: FlaskClient, **changes: str) -> TestResponse:
    body = {"username": NEW, "email": NEW_ADDRESS, "password": STRONG, **changes}
    return client.post(REGISTER, json=body)


def mailed_link(client: FlaskClient, mails: Mails, **changes: str) -> str:
    """Register, and return the link that is mailed."""
    assert register(client, **changes).status_code == 200
    [message] = mails(changes.get("email", NEW_ADDRESS))
    return link_in(message)


def can_log_in(client: FlaskClient, username: str, password: str) -> bool:
    answer = client.post(routes.LOGIN, json={"username": username, "password": password})
    assert answer.status_code in (200, 401)
    return answer.status_code == 200


def how_many_users(app: Flask) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(User)) or 0


def test_who_confirms_the_address_logs_in_by_name_and_address(
    client: FlaskClient, mails: Mails
) -> None:
    link = mailed_link(client, mails)
    assert not can_log_in(client, NEW, STRONG)
    answer = client.post(link, json={"password": STRONG})
    assert (answer.status_code, answer.get_json()) == (200, {"username": NEW})
    assert answer.cache_control.no_store
    assert "Set-Cookie" not in answer.headers
    for username in (NEW, NEW_ADDRESS):
        assert is_logged_in(client, log_in(client, username=username, password=STRONG))


def test_the_page_of_the_link_confirms_too(client: FlaskClient, mails: Mails) -> None:
    link = mailed_link(client, mails)
    page = client.get(link)
    assert page.status_code == 200
    assert page.cache_control.no_store
    assert "Set-Cookie" not in page.headers
    wrong = client.post(link, data={"password": THIEF}, headers=OWN_FORM)
    assert wrong.status_code == 422
    done = client.post(link, data={"password": STRONG}, headers=OWN_FORM)
    assert done.status_code == 200
    assert can_log_in(client, NEW, STRONG)


@pytest.mark.asvs("6.3.8")
def test_nothing_tells_whether_an_address_or_a_name_is_known(
    app: Flask, client: FlaskClient, address: str, mails: Mails, assert_alike: AssertAlike
) -> None:
    create_user(app, "disabled", "disabled@example.org")
    with stored_user(app, "disabled") as user:
        user.disabled = True
    register(client, email="waiting@example.org")
    tries = [
        {"email": NEW_ADDRESS},
        {"email": ADDRESS},
        {"email": ADDRESS.upper()},
        {"email": NEW_ADDRESS, "username": USERNAME},
        {"email": "waiting@example.org"},
        {"email": "disabled@example.org"},
    ]
    assert_alike([partial(register, client, **body) for body in tries])
    # A link that is asked for again does not either.
    again = [{"email": body["email"]} for body in tries]
    assert_alike([partial(client.post, CONFIRM, json=body) for body in again])


def test_who_has_an_account_already_is_told_by_mail_alone(
    client: FlaskClient, address: str, mails: Mails
) -> None:
    register(client, email=ADDRESS)
    [message] = mails(ADDRESS)
    # Its link sets a new password of that account.
    assert client.post(link_in(message), json={"password": THIEF}).status_code == 200
    assert can_log_in(client, USERNAME, THIEF)


@pytest.mark.asvs("6.4.1")
def test_a_stranger_who_registers_an_address_first_gets_no_account_with_it(
    app: Flask, client: FlaskClient, mails: Mails
) -> None:
    theirs = mailed_link(client, mails, username="thief", password=THIEF)
    mine = mailed_link(client, mails, username=NEW)
    assert client.post(mine, json={"password": STRONG}).status_code == 200
    assert not can_log_in(client, NEW_ADDRESS, THIEF)
    assert client.post(theirs, json={"password": THIEF}).status_code == 404
    assert not can_log_in(client, "thief", THIEF)
    assert can_log_in(client, NEW_ADDRESS, STRONG)


@pytest.mark.asvs("6.4.1")
def test_confirming_the_registration_of_a_stranger_leaves_their_password_out(
    client: FlaskClient, mails: Mails
) -> None:
    """They registered the address of somebody who then opens the link in good faith."""
    link = mailed_link(client, mails, username="thief", password=THIEF)
    assert client.post(link, json={}).status_code == 400
    assert client.post(link, json={"password": STRONG}).status_code == 403
    answer = client.post(link, json={"new_password": STRONG, "username": NEW})
    assert (answer.status_code, answer.get_json()) == (200, {"username": NEW})
    assert can_log_in(client, NEW, STRONG)
    for username in (NEW, NEW_ADDRESS, "thief"):
        assert not can_log_in(client, username, THIEF)


def test_a_registration_reserves_neither_the_name_nor_the_address(
    app: Flask, client: FlaskClient, mails: Mails
) -> None:
    link = mailed_link(client, mails)
    create_user(app, NEW, "another@example.org")
    answer = client.post(link, json={"password": STRONG})
    assert answer.status_code == 409
    # The link still serves, with another name.
    answer = client.post(link, json={"password": STRONG, "username": "rear admiral"})
    assert answer.status_code == 200
    assert can_log_in(client, "rear admiral", STRONG)
    assert can_log_in(client, NEW, PASSWORD)


def test_of_several_registrations_of_an_address_one_becomes_an_account(
    app: Flask, client: FlaskClient, mails: Mails
) -> None:
    links = [mailed_link(client, mails, username=f"{NEW} {number}") for number in range(3)]
    before = how_many_users(app)
    assert client.post(links[1], json={"password": STRONG}).status_code == 200
    for link in links:
        assert client.get(link).status_code == 404
        assert client.post(link, json={"password": STRONG}).status_code == 404
    assert how_many_users(app) == before + 1


def test_the_link_is_mailed_again_and_each_of_both_serves(
    client: FlaskClient, mails: Mails
) -> None:
    mailed_link(client, mails)
    assert client.post(CONFIRM, json={"email": NEW_ADDRESS.upper()}).status_code == 200
    [message] = mails(NEW_ADDRESS)
    assert client.post(link_in(message), json={"password": STRONG}).status_code == 200
    # Nobody gets one for an account that is there, or for nothing.
    for email in (NEW_ADDRESS, "nobody@example.org"):
        client.post(CONFIRM, json={"email": email})
    assert mails() == []


@pytest.mark.asvs("3.5.3")
def test_to_open_the_link_changes_nothing(app: Flask, client: FlaskClient, mails: Mails) -> None:
    """As the scanners of mail servers do."""
    link, before = mailed_link(client, mails), how_many_users(app)
    for _ in range(2):
        assert client.get(link).status_code == 200
        assert client.head(link).status_code == 200
    assert how_many_users(app) == before
    assert client.post(link, json={"password": STRONG}).status_code == 200


@pytest.mark.asvs("6.4.1")
def test_the_link_serves_once_and_for_a_day(client: FlaskClient, mails: Mails, clock: Wait) -> None:
    link = mailed_link(client, mails)
    clock(LIFETIME)
    assert client.get(link).status_code == 404
    assert client.post(link, json={"password": STRONG}).status_code == 404
    link = mailed_link(client, mails)
    clock(LIFETIME - 1)
    assert client.post(link, json={"password": STRONG}).status_code == 200
    assert client.post(link, json={"password": STRONG}).status_code == 404


def test_the_link_of_an_account_that_is_gone_makes_no_new_one(
    app: Flask, client: FlaskClient, mails: Mails
) -> None:
    link = mailed_link(client, mails)
    assert client.post(link, json={"password": STRONG}).status_code == 200
    with stored_user(app, NEW) as user:
        db.session.delete(user)
    assert client.post(link, json={"password": STRONG}).status_code == 404


def test_a_few_wrong_passwords_end_the_link(client: FlaskClient, mails: Mails) -> None:
    link = mailed_link(client, mails)
    tried = [client.post(link, json={"password": THIEF}) for _ in range(MAX_FAILURES)]
    assert {answer.status_code for answer in tried} == {403}
    assert client.post(link, json={"password": STRONG}).status_code == 404


@pytest.mark.asvs("6.2.1", "6.2.4", "6.2.11", "6.2.12")
def test_a_poor_password_is_refused_at_each_step(
    client: FlaskClient,
    mails: Mails,
    monkeypatch: pytest.MonkeyPatch,
    subtests: pytest.Subtests,
) -> None:
    breached = f"breached {STRONG}"
    monkeypatch.setattr(password_rules, "is_breached", lambda password: password == breached)
    poor = {
        "short": "x" * (MIN_LENGTH - 1),
        "the name": f"{STRONG} {NEW.upper()}",
        "the address": f"{STRONG} Grace.Hopper",
        "the project": f"{STRONG} {PROJECT}",
        "breached": breached,
    }
    link = mailed_link(client, mails)
    for case, password in poor.items():
        with subtests.test(case):
            answer = register(client, password=password)
            assert answer.status_code == 400
            assert password not in answer.text
            assert client.post(link, json={"new_password": password}).status_code == 400
            form = client.post(link, data={"new_password": password}, headers=OWN_FORM)
            assert form.status_code == 422
            assert password not in form.text
    assert mails() == []
    assert client.post(link, json={"password": STRONG}).status_code == 200


def test_a_name_that_could_be_an_address_is_refused(client: FlaskClient, mails: Mails) -> None:
    """Its owner would get the logins of somebody who types the address."""
    for name in (ADDRESS, "@", f"{NEW}@"):
        assert register(client, username=name).status_code == 400
    link = mailed_link(client, mails)
    for name in (ADDRESS, "@"):
        body = {"password": STRONG, "username": name}
        assert client.post(link, json=body).status_code == 400
        assert client.post(link, data=body, headers=OWN_FORM).status_code == 422
    assert client.post(link, json={"password": STRONG}).status_code == 200


def test_text_that_is_no_address_is_refused(client: FlaskClient, mails: Mails) -> None:
    odd = ["grace", "@example.org", "grace@", "a b@example.org", "a@b@example.org", "a" * 255]
    odd += ["grace@example.org\r\nBcc: thief@example.org", "<script>@x.org, b@example.org"]
    for email in odd:
        assert (email, register(client, email=email).status_code) == (email, 400)
        assert client.post(CONFIRM, json={"email": email}).status_code == 400
    assert mails() == []


def test_one_client_registers_only_so_many(app: Flask, client: FlaskClient) -> None:
    view = app.view_functions["registration.register"]
    with app.test_request_context():
        limit = parse(options_of(view, "POST").limited or "").amount
    several = [register(client, email=f"{number}@example.org") for number in range(limit + 1)]
    assert [answer.status_code for answer in several] == [200] * limit + [429]


def test_the_link_is_of_public_url_whatever_host_was_asked_for(make_app: MakeApp) -> None:
    hosts = ["www.example.org", "evil.example.org"]
    app = make_app(trusted_hosts=hosts, public_url="http://www.example.org")
    mails, client = app.extensions["mailbox"].mails, app.test_client()
    body = {"username": NEW, "email": NEW_ADDRESS, "password": STRONG}
    for headers in ({}, {"X-Forwarded-Host": "evil.example.org", "Forwarded": "host=evil"}):
        client.post(REGISTER, json=body, base_url="http://evil.example.org", headers=headers)
    for mail in mails:
        assert link_in(mail.message).startswith("http://www.example.org/")
        assert "evil" not in mail.text + mail.page
    assert len(mails) == 2


def test_an_account_is_made_whole_or_not_at_all(
    app: Flask, client: FlaskClient, mails: Mails, monkeypatch: pytest.MonkeyPatch
) -> None:
    link, before = mailed_link(client, mails), how_many_users(app)
    with monkeypatch.context() as broken:
        broken.setattr(Session, "commit", away)
        assert client.post(link, json={"password": STRONG}).status_code == 503
    assert how_many_users(app) == before
    assert client.post(link, json={"password": STRONG}).status_code == 200


def test_a_registration_that_is_not_stored_mails_nothing(
    client: FlaskClient, mails: Mails, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(Session, "commit", away)
        assert register(client).status_code == 503
    assert mails() == []


def test_the_database_shows_neither_the_address_nor_the_password_of_a_registration(
    app: Flask, client: FlaskClient, mails: Mails
) -> None:
    link = mailed_link(client, mails)
    with app.app_context():
        # As text, which decrypts nothing.
        rows = str(db.session.execute(text("SELECT * FROM pending_steps")).all())
    for secret in (NEW, NEW_ADDRESS, STRONG, "argon2", link.rpartition("/")[2]):
        assert secret not in rows
