"""Confirming: only who reads the mails of an address gets an account with it, and once."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_sqlalchemy.session import Session

from app.accounts.links.lifetimes import in_words
from app.accounts.links.registration import LIFETIME
from app.accounts.pending import MAX_FAILURES
from app.db import db
from tests.accounts.conftest import Mails
from tests.accounts.links.test_registration import (
    NEW,
    NEW_ADDRESS,
    THIEF,
    can_log_in,
    how_many_users,
    mailed_link,
    register,
)
from tests.accounts.people import (
    ADDRESS,
    CONFIRM,
    OWN_FORM,
    RULE,
    STRONG,
    away,
    create_user,
    poor_passwords,
    text_of,
)
from tests.conftest import PASSWORD, USERNAME, Wait, is_logged_in, log_in, stored_user

pytestmark = pytest.mark.usefixtures("unhurried", "known_rules")


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
    # For password managers.
    assert f'autocomplete="username" value="{NEW}"' in page.text
    assert page.cache_control.no_store
    assert "Set-Cookie" not in page.headers
    wrong = client.post(link, data={"password": THIEF}, headers=OWN_FORM)
    assert wrong.status_code == 422
    done = client.post(link, data={"password": STRONG}, headers=OWN_FORM)
    assert done.status_code == 200
    assert can_log_in(client, NEW, STRONG)


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
    # Not once the account is gone either.
    with stored_user(app, f"{NEW} 1") as user:
        db.session.delete(user)
    for link in links:
        assert client.post(link, json={"password": STRONG}).status_code == 404


@pytest.mark.asvs("3.5.3")
def test_to_open_the_link_changes_nothing(app: Flask, client: FlaskClient, mails: Mails) -> None:
    """As the scanners of mail servers do."""
    link, before = mailed_link(client, mails), how_many_users(app)
    for _ in range(2):
        assert client.get(link).status_code == 200
        assert client.head(link).status_code == 200
    assert how_many_users(app) == before
    assert client.post(link, json={"password": STRONG}).status_code == 200


def test_each_mail_says_how_long_its_link_serves(
    client: FlaskClient, mails: Mails, clock: Wait
) -> None:
    register(client)
    clock(LIFETIME // 2)
    client.post(CONFIRM, json={"email": NEW_ADDRESS})
    first, again = map(text_of, mails(NEW_ADDRESS))
    # The registration itself ends no later by the second mail.
    assert in_words(LIFETIME) in first
    assert in_words(LIFETIME - LIFETIME // 2) in again


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


def test_a_few_taken_names_end_the_link(client: FlaskClient, mails: Mails) -> None:
    """Otherwise it would tell of any number of names whether they are taken."""
    link = mailed_link(client, mails, username=USERNAME)
    tried = [client.post(link, json={"password": STRONG}) for _ in range(MAX_FAILURES)]
    assert {answer.status_code for answer in tried} == {409}
    assert client.post(link, json={"password": STRONG, "username": NEW}).status_code == 404


def test_the_page_asks_for_another_name_only_where_it_is_taken(
    app: Flask, client: FlaskClient, mails: Mails
) -> None:
    """And only after a try that counts: to open the page tells of no name."""
    link = mailed_link(client, mails)
    # A layout may have a field of this name too, so they are counted.
    field = 'name="username"'
    fields = client.get(link).text.count(field)
    create_user(app, NEW, "another@example.org")
    assert client.get(link).text.count(field) == fields
    wrong = client.post(link, data={"password": THIEF}, headers=OWN_FORM)
    assert wrong.text.count(field) == fields
    taken = client.post(link, data={"password": STRONG}, headers=OWN_FORM)
    assert (taken.status_code, taken.text.count(field)) == (422, fields + 1)
    assert 'id="username-error"' in taken.text
    # What was typed is kept.
    body = {"password": THIEF, "username": "rear admiral"}
    assert 'value="rear admiral"' in client.post(link, data=body, headers=OWN_FORM).text
    body["password"] = STRONG
    assert client.post(link, data=body, headers=OWN_FORM).status_code == 200
    assert can_log_in(client, "rear admiral", STRONG)


@pytest.mark.asvs("6.2.1", "6.2.4", "6.2.11", "6.2.12")
def test_a_poor_new_password_is_refused_and_leaves_the_link(
    client: FlaskClient, mails: Mails, subtests: pytest.Subtests
) -> None:
    link = mailed_link(client, mails)
    for case, password in poor_passwords(NEW, NEW_ADDRESS).items():
        with subtests.test(case):
            assert client.post(link, json={"new_password": password}).status_code == 400
            form = client.post(link, data={"new_password": password}, headers=OWN_FORM)
            assert form.status_code == 422
            assert password not in form.text
            assert len(RULE.findall(form.text)) == 1
            assert 'id="new_password-error"' in form.text
    assert client.post(link, json={"password": STRONG}).status_code == 200


def test_another_name_that_could_be_an_address_is_refused(
    client: FlaskClient, mails: Mails
) -> None:
    link = mailed_link(client, mails)
    for name in (ADDRESS, "@", "ada\uff20example.org", "a\u200bda"):
        body = {"password": STRONG, "username": name}
        assert client.post(link, json=body).status_code == 400
        assert client.post(link, data=body, headers=OWN_FORM).status_code == 422
    assert client.post(link, json={"password": STRONG}).status_code == 200


def test_an_account_is_made_whole_or_not_at_all(
    app: Flask, client: FlaskClient, mails: Mails, monkeypatch: pytest.MonkeyPatch
) -> None:
    link, before = mailed_link(client, mails), how_many_users(app)
    with monkeypatch.context() as broken:
        broken.setattr(Session, "commit", away)
        assert client.post(link, json={"password": STRONG}).status_code == 503
    assert how_many_users(app) == before
    assert client.post(link, json={"password": STRONG}).status_code == 200
