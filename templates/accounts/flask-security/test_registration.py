"""Signing up: only who reads the mails of an address gets an account with it, and a good password."""

import json
from functools import partial

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_sqlalchemy.session import Session
from limits import parse
from sqlalchemy import func, select, text
from werkzeug.test import TestResponse

from app import openapi
from app.auth.users import User
from app.db import db
from app.security.origins import PolicyError
from app.security.view_options import options_of
from tests import routes
from tests.accounts.conftest import AssertAlike, Mails
from tests.accounts.people import (
    ADDRESS,
    CONFIRM,
    REGISTER,
    REGISTRATION,
    RESET,
    STRONG,
    away,
    create_user,
    link_in,
    poor_passwords,
)
from tests.conftest import USERNAME, MakeApp, is_logged_in, log_in, stored_user

pytestmark = pytest.mark.usefixtures("unhurried", "known_rules")

NEW, NEW_ADDRESS = REGISTRATION["username"], REGISTRATION["email"]
THIEF = "forty thieves in a row of jars of oil, and a word that opens the door"


def register(client: FlaskClient, **changes: str) -> TestResponse:
    return client.post(REGISTER, json={**REGISTRATION, **changes})


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


def test_a_disabled_user_gets_no_link(
    app: Flask, client: FlaskClient, address: str, mails: Mails
) -> None:
    """It would open nothing."""
    with stored_user(app) as user:
        user.disabled = True
    register(client, email=ADDRESS)
    assert mails() == []


def test_the_link_is_mailed_again_and_each_of_both_serves(
    client: FlaskClient, mails: Mails
) -> None:
    mailed_link(client, mails)
    assert client.post(CONFIRM, json={"email": NEW_ADDRESS.upper()}).status_code == 200
    [message] = mails(NEW_ADDRESS)
    assert client.post(link_in(message), json={"password": STRONG}).status_code == 200
    # You may send a mail of your own then.
    mails()
    # Nobody gets one for an account that is there, or for nothing.
    for email in (NEW_ADDRESS, "nobody@example.org"):
        client.post(CONFIRM, json={"email": email})
    assert mails() == []


@pytest.mark.asvs("6.2.1", "6.2.4", "6.2.11", "6.2.12")
def test_a_poor_password_is_refused(
    client: FlaskClient, mails: Mails, subtests: pytest.Subtests
) -> None:
    for case, password in poor_passwords(NEW, NEW_ADDRESS).items():
        with subtests.test(case):
            answer = register(client, password=password)
            assert answer.status_code == 400
            assert password not in answer.text
    assert mails() == []


def test_a_name_that_could_be_an_address_is_refused(client: FlaskClient) -> None:
    """Its owner would get the logins of somebody who types the address."""
    for name in (ADDRESS, "@", f"{NEW}@", f"{NEW}\uff20example.org"):
        assert register(client, username=name).status_code == 400


def test_a_name_that_looks_like_another_is_refused_or_becomes_that(
    client: FlaskClient, mails: Mails
) -> None:
    for invisible in ("\u200b", "\u202e", "\ufeff", "\u2028", "\u00ad"):
        assert register(client, username=f"gr{invisible}ace").status_code == 400
    link = mailed_link(client, mails, username="\uff47race\u3000")
    answer = client.post(link, json={"password": STRONG})
    assert answer.get_json() == {"username": "grace"}
    # Who types it as before logs in too.
    assert can_log_in(client, "\uff47race", STRONG)
    other = mailed_link(client, mails, username=" grace", email="other@example.org")
    assert client.post(other, json={"password": STRONG}).status_code == 409


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
    for headers in ({}, {"X-Forwarded-Host": "evil.example.org", "Forwarded": "host=evil"}):
        site = "http://evil.example.org"
        client.post(REGISTER, json=REGISTRATION, base_url=site, headers=headers)
    for mail in mails:
        assert link_in(mail.message).startswith("http://www.example.org/")
        assert "evil" not in mail.text + mail.page
    assert len(mails) == 2


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


def test_where_registration_is_closed_no_route_of_it_is_left(make_app: MakeApp) -> None:
    app = make_app(REGISTRATION=False)
    client, paths = app.test_client(), json.loads(openapi.document(app))["paths"]
    link = routes.path_of("confirmation.confirm", token="x")
    for path in (REGISTER, CONFIRM, link):
        assert client.post(path, json={}).status_code == 404
    assert not {REGISTER, CONFIRM} & paths.keys()
    # Who has an account still logs in and finds everything else.
    assert is_logged_in(client, log_in(client))
    assert client.post(RESET, json={"email": ADDRESS}).status_code == 200


def test_only_true_and_false_say_whether_registration_is_open(make_app: MakeApp) -> None:
    for unclear in ("False", None, 0):
        with pytest.raises(PolicyError, match=r"REGISTRATION .* Write True or False"):
            make_app(REGISTRATION=unclear)
