"""How many mails one address gets, and that nobody uses up the mails of the others."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import db
from secure_flask.accounts import notices, outbox, worker
from secure_flask.accounts.mail_limits import PER_ADDRESS
from secure_flask.accounts.outbox import HOUR

from views.accounts.people import (
    ADDRESS,
    CHANGE_EMAIL,
    CONFIRM,
    REGISTER,
    REGISTRATION,
    RESET,
    Headers,
    delivered,
    give_address,
    link_in,
    send,
    waiting_change,
)
from views.conftest import MakeApp, Wait, add_user, stored_user

MOST = 40  # mails of the site in an hour
OTHERS = [f"user{number}" for number in range(5)]


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """An app that sends few mails, whose users have addresses."""
    app = make_app(mails_per_hour=MOST)
    give_address(app)
    for name in OTHERS:
        add_user(app, name)
        give_address(app, f"{name}@example.org", name)
    return app


def ask(app: Flask, *addresses: str, kind: str = "reset", times: int = 1) -> None:
    with app.app_context():
        for address in addresses * times:
            outbox.request_link(kind, address)
        db.session.commit()


def recipients(app: Flask) -> list[str]:
    return [mail["To"] for mail in delivered(app)]


def test_an_address_gets_a_few_links_an_hour_however_it_is_spelled(app: Flask, wait: Wait) -> None:
    ask(app, ADDRESS, ADDRESS.upper(), ADDRESS.title(), times=PER_ADDRESS)
    ask(app, "user1@example.org")
    assert recipients(app).count(ADDRESS) == PER_ADDRESS
    # Of mails of one second, the database says which goes first.
    assert "user1@example.org" in recipients(app)
    wait(HOUR)
    ask(app, ADDRESS)
    assert recipients(app)[-1] == ADDRESS


@pytest.mark.parametrize(
    "address", ["user0@example.org", REGISTRATION["email"]], ids=["known", "unknown"]
)
@pytest.mark.parametrize("path", [REGISTER, CONFIRM, RESET, CHANGE_EMAIL])
def test_all_routes_count_together_and_answer_as_before(
    app: Flask, client: FlaskClient, credentials: Headers, address: str, path: str
) -> None:
    """An unknown address gets the links of registrations alone."""
    bodies = {path: {"email": address}, REGISTER: {**REGISTRATION, "email": address}}
    answers = [
        send(client, each, {**body}, credentials)
        for each, body in [*bodies.items()] * (PER_ADDRESS + 1)
    ]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert recipients(app).count(address) == PER_ADDRESS


def test_an_address_for_which_a_stranger_asks_all_the_time_has_a_link_that_works(
    app: Flask, client: FlaskClient, wait: Wait
) -> None:
    for _ in range(40):
        ask(app, ADDRESS)
        wait(HOUR // 10)
        mails = [mail for mail in delivered(app) if mail["To"] == ADDRESS]
        assert client.get(link_in(mails[-1])).status_code == 200
    assert len(mails) <= 4 * PER_ADDRESS + 1


@pytest.mark.parametrize("kind", ["confirm", "reset", "change_email"])
def test_mails_that_strangers_cause_leave_the_owner_a_way_in(
    app: Flask, client: FlaskClient, kind: str
) -> None:
    with stored_user(app, OTHERS[0]) as other:
        for _ in range(PER_ADDRESS):
            outbox.request_link(kind, ADDRESS, step=waiting_change(other, ADDRESS))
    ask(app, ADDRESS)
    mails = delivered(app)
    assert len(mails) == PER_ADDRESS
    assert {client.get(link_in(mail)).status_code for mail in mails} == {200}


def test_mails_for_nobody_use_up_nothing(app: Flask, client: FlaskClient) -> None:
    ask(app, REGISTRATION["email"], times=3 * PER_ADDRESS)
    assert recipients(app) == []
    send(client, REGISTER, {**REGISTRATION})
    assert recipients(app) == [REGISTRATION["email"]]


def fill_by_notices(app: Flask, client: FlaskClient, credentials: Headers) -> None:
    """One user changes something again and again."""
    with stored_user(app) as user:
        for _ in range(100):
            for told in (notices.code_failed, notices.password_changed):
                told(user)
            notices.factors_changed(user, "The recovery codes were replaced")


def fill_by_registrations(app: Flask, client: FlaskClient, credentials: Headers) -> None:
    for number in range(2 * MOST):
        address = f"stranger{number}@example.org"
        body = {**REGISTRATION, "username": f"stranger{number}", "email": address}
        # The limit of the route is that of one client.
        client.environ_base["REMOTE_ADDR"] = f"2001:db8:{number:x}::1"
        assert send(client, REGISTER, {**body}).status_code == 200


def fill_by_changes(app: Flask, client: FlaskClient, credentials: Headers) -> None:
    with stored_user(app) as user:
        for number in range(2 * MOST):
            address = f"stranger{number}@example.org"
            outbox.request_link("change_email", address, step=waiting_change(user, address))
            notices.email_change_requested(user)


def fill_by_names(app: Flask, client: FlaskClient, credentials: Headers) -> None:
    """One user takes a new name each time."""
    with stored_user(app) as user:
        for number in range(2 * MOST):
            notices.name_changed(user, f"ada{number}")


def test_many_accounts_suppress_no_reset_by_their_notices(app: Flask) -> None:
    """The notices of each are joined, and one person may have many accounts."""
    for name in (f"ada{number}" for number in range(2 * MOST)):
        add_user(app, name)
        give_address(app, f"{name}@example.org", name)
        with stored_user(app, name) as user:
            notices.code_failed(user)
    early = len(delivered(app))
    ask(app, "user0@example.org")
    assert recipients(app)[early:] == ["user0@example.org"]


@pytest.mark.parametrize(
    "fill",
    [fill_by_notices, fill_by_registrations, fill_by_changes, fill_by_names],
    ids=lambda fill: fill.__name__,
)
def test_one_user_or_network_suppresses_no_reset_and_no_notice_of_others(
    app: Flask,
    client: FlaskClient,
    credentials: Headers,
    fill: Callable[[Flask, FlaskClient, Headers], None],
) -> None:
    fill(app, client, credentials)
    early = len(delivered(app))
    assert early <= MOST
    addresses = [f"{name}@example.org" for name in OTHERS[:3]]
    ask(app, *addresses)
    with stored_user(app, OTHERS[4]) as victim:
        notices.password_changed(victim)
    assert sorted(recipients(app)[early:]) == [*addresses, f"{OTHERS[4]}@example.org"]


def test_a_mail_beyond_the_limit_of_the_site_goes_later(app: Flask, wait: Wait) -> None:
    app.config["MAILS_PER_HOUR"] = 10
    ask(app, *(f"{name}@example.org" for name in OTHERS), times=3)
    early = len(delivered(app))
    assert early == 9
    with app.app_context():
        assert worker.waiting() == 3 * len(OTHERS) - early
    wait(HOUR - 60)
    assert len(delivered(app)) == early
    wait(60)
    assert len(delivered(app)) == 3 * len(OTHERS)
