"""How many mails one address gets, and that nobody uses up the mails of the others."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import db
from secure_flask.accounts import mail_limits, notices, outbox, worker
from secure_flask.accounts.mail_limits import AGAIN, LEAST_OF_NETWORK, PER_ADDRESS
from secure_flask.accounts.outbox import HOUR

from core.accounts.filling import fill_mails
from core.statements import SIZES, counted_statements
from views.accounts.people import (
    ADDRESS,
    CHANGE_EMAIL,
    CONFIRM,
    IN_PRODUCTION,
    REGISTER,
    REGISTRATION,
    RESET,
    STRONG,
    Headers,
    database_in,
    delivered,
    give_address,
    link_in,
    mailed_link,
    registered_link,
    send,
    waiting_change,
)
from views.conftest import Lines, MakeApp, Wait, add_user, stored_user

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


def ask(app: Flask, *addresses: str, kind: str = "reset", turn: int = 0) -> list[bool]:
    """Ask for a link to each address; whether each may wait."""
    with app.app_context():
        waits = [mail_limits.request_link(kind, each, turn=turn) for each in addresses]
        db.session.commit()
        return waits


def recipients(app: Flask) -> list[str]:
    return [mail["To"] for mail in delivered(app)]


# One mailbox.


@pytest.mark.asvs("2.4.1")
def test_a_mailbox_gets_a_few_links_in_an_hour(app: Flask, wait: Wait) -> None:
    waits = []
    for _ in range(6):
        waits += ask(app, ADDRESS, kind="confirm")
        wait(AGAIN)
    assert waits == [True] * PER_ADDRESS + [False]
    assert ask(app, "user1@example.org", kind="confirm") == [True]
    # The first one is an hour old.
    assert ask(app, ADDRESS, kind="confirm") == [True]


def test_links_of_all_kinds_count_together(app: Flask, wait: Wait) -> None:
    waits = []
    for _ in range(3):
        for kind in ("reset", "change_email", "confirm"):
            waits += ask(app, ADDRESS, kind=kind)
        wait(AGAIN)
    assert sum(waits) == PER_ADDRESS
    assert waits[:PER_ADDRESS] == [True] * PER_ADDRESS


@pytest.mark.parametrize("kind", ["reset", "change_email"])
def test_it_gets_two_resets_and_two_changes_in_an_hour(app: Flask, wait: Wait, kind: str) -> None:
    waits = []
    for _ in range(3):
        waits += ask(app, ADDRESS, kind=kind)
        wait(AGAIN)
    assert waits == [True, True, False]
    assert ask(app, ADDRESS, kind="confirm") == [True]
    wait(HOUR - 3 * AGAIN)
    assert ask(app, ADDRESS, kind=kind) == [True]


def test_it_gets_no_second_link_of_a_kind_within_ten_minutes(app: Flask, wait: Wait) -> None:
    assert ask(app, ADDRESS, ADDRESS, kind="confirm") == [True, False]
    assert ask(app, ADDRESS, kind="reset") == [True]
    wait(AGAIN - 1)
    assert ask(app, ADDRESS, kind="confirm") == [False]
    wait(1)
    assert ask(app, ADDRESS, kind="confirm") == [True]


@pytest.mark.asvs("2.4.1")
def test_a_mailbox_gets_as_many_mails_in_all_spellings_as_an_address(app: Flask) -> None:
    client = app.test_client()
    spelled = ["grace.hopper", "GraceHopper", "g.r.a.c.e.hopper", "grace.hopper+1"]
    spelled += ["gracehopper+1", "g.racehopper+x.y", "grace.hopper+3", "gracehoppe.r"]
    for number, name in enumerate(spelled):
        client.environ_base["REMOTE_ADDR"] = f"2001:db8:{number:x}::1"
        body = {**REGISTRATION, "username": f"g{number}", "email": f"{name}@example.org"}
        assert send(client, REGISTER, {**body}).status_code == 200
    assert len(recipients(app)) == PER_ADDRESS
    send(client, REGISTER, {**REGISTRATION, "email": "grace.hopper@example.com"})
    assert recipients(app)[PER_ADDRESS:] == ["grace.hopper@example.com"]


def test_a_full_mailbox_gets_the_mails_of_its_account(app: Flask) -> None:
    """A stranger may have registered as many other spellings of the address."""
    client = app.test_client()
    for number in range(PER_ADDRESS):
        client.environ_base["REMOTE_ADDR"] = f"2001:db8:{number:x}::1"
        email = f"ada.lovelace+{number}@example.org"
        send(client, REGISTER, {**REGISTRATION, "username": f"a{number}", "email": email})
    assert len(recipients(app)) == PER_ADDRESS
    ask(app, ADDRESS)
    assert recipients(app)[PER_ADDRESS:] == [ADDRESS]


@pytest.mark.parametrize("kind", ["confirm", "reset"])
def test_other_spellings_that_nobody_has_keep_no_registration_back(
    app: Flask, client: FlaskClient, kind: str
) -> None:
    ask(app, *(f"grace.hopper+{number}@example.org" for number in range(20)), kind=kind)
    app.config["MAILS_PER_HOUR"] = 1000
    assert recipients(app) == []
    send(client, REGISTER, {**REGISTRATION})
    assert recipients(app) == [REGISTRATION["email"]]


def test_other_spellings_use_up_no_reset_of_an_account(app: Flask, wait: Wait) -> None:
    """A stranger asks for a spelling that nobody has, so no mail goes, and the owner waits."""
    for number in range(7):
        ask(app, f"ada.lovelace+{number}@example.org")
        wait(1)
    assert recipients(app) == []
    assert ask(app, ADDRESS) == [True]
    assert recipients(app) == [ADDRESS]


def test_resets_of_other_spellings_fill_no_mailbox(app: Flask) -> None:
    """A stranger may have registered each of them before."""
    client = app.test_client()
    for number in range(4 * PER_ADDRESS):
        client.environ_base["REMOTE_ADDR"] = f"2001:db8:{number:x}::1"
        email = f"grace.hopper+{number}@example.org"
        send(client, REGISTER, {**REGISTRATION, "username": f"g{number}", "email": email})
        ask(app, email)
    assert len(recipients(app)) <= PER_ADDRESS


def test_what_is_beyond_the_limit_counts_for_nothing(app: Flask, wait: Wait) -> None:
    """Otherwise endless requests would suppress all mails."""
    waits = []
    for _ in range(12):
        waits += ask(app, ADDRESS)
        wait(AGAIN)
    assert waits == [True, True, False, False, False, False] * 2


def test_who_has_used_a_link_may_ask_again_at_once(app: Flask, client: FlaskClient) -> None:
    link = registered_link(app, client)
    assert send(client, link, {"password": STRONG}).status_code == 200
    assert ask(app, REGISTRATION["email"], kind="confirm") == [True]
    delivered(app)
    assert ask(app, ADDRESS) == [True]
    reset = mailed_link(app)
    assert send(client, reset, {"password": STRONG}).status_code == 200
    assert ask(app, ADDRESS) == [True]


def test_of_eight_requests_at_once_one_mails_a_link(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app(database_url=database_in(tmp_path))
    give_address(app)
    clients = [app.test_client() for _ in range(8)]
    with ThreadPoolExecutor(8) as threads:
        answers = [*threads.map(lambda each: send(each, RESET, {"email": ADDRESS}), clients)]
    assert {answer.status_code for answer in answers} == {200}
    assert recipients(app) == [ADDRESS]


@pytest.mark.parametrize(
    "address", ["user0@example.org", REGISTRATION["email"]], ids=["known", "unknown"]
)
@pytest.mark.parametrize("path", [REGISTER, CONFIRM, RESET, CHANGE_EMAIL])
def test_all_routes_answer_as_before_once_the_mailbox_had_enough(
    app: Flask, client: FlaskClient, credentials: Headers, address: str, path: str
) -> None:
    body = {**REGISTRATION, "email": address} if path == REGISTER else {"email": address}
    answers = [send(client, path, {**body}, credentials) for _ in range(LEAST_OF_NETWORK)]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert recipients(app).count(address) <= 1


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
        for _ in range(2):
            outbox.add_link(kind, ADDRESS, step=waiting_change(other, ADDRESS))
    ask(app, ADDRESS)
    mails = [mail for mail in delivered(app) if mail["To"] == ADDRESS]
    assert len(mails) >= 2
    assert {client.get(link_in(mail)).status_code for mail in mails} == {200}


def test_a_registration_has_a_mail_left_whatever_strangers_ask_for(
    app: Flask, client: FlaskClient, wait: Wait
) -> None:
    for _ in range(4):
        ask(app, REGISTRATION["email"], kind="reset")
        ask(app, REGISTRATION["email"], kind="change_email")
        delivered(app)
        wait(AGAIN)
    send(client, REGISTER, {**REGISTRATION})
    assert recipients(app) == [REGISTRATION["email"]]


@pytest.mark.asvs("6.3.8")
def test_a_mail_for_nobody_counts_as_one_that_was_sent(app: Flask) -> None:
    """Otherwise the mail at the edge of a limit would tell which addresses are known."""
    used = []
    for address in ("user0@example.org", "nobody@example.org"):
        assert ask(app, address) == [True]
        delivered(app)
        assert ask(app, address) == [False]
        with app.app_context():
            used.append(mail_limits._shares_used()[0] * MOST)
    assert used == [1, 2]


# One network.


@pytest.mark.asvs("2.4.1")
def test_a_network_that_asks_for_too_many_is_refused_and_others_are_not(
    app: Flask, client: FlaskClient
) -> None:
    def ask_from(network: str, number: int) -> int:
        client.environ_base["REMOTE_ADDR"] = network
        return send(client, RESET, {"email": f"stranger{number}@example.org"}).status_code

    # Networks of one IPv6 site are one.
    sites = [f"2001:db8:1:{number:x}::1" for number in range(LEAST_OF_NETWORK + 2)]
    statuses = [ask_from(site, number) for number, site in enumerate(sites)]
    assert statuses == [200] * LEAST_OF_NETWORK + [429, 429]
    assert ask_from("2001:db8:2::1", 99) == 200


def test_the_mails_of_networks_that_asked_for_fewer_go_first(app: Flask, wait: Wait) -> None:
    for turn, name in enumerate(OTHERS[:4], 1):
        ask(app, f"{name}@example.org", turn=turn)
    wait(1)
    ask(app, f"{OTHERS[4]}@example.org", turn=1)
    assert recipients(app) == [f"user{number}@example.org" for number in (0, 4, 1, 2, 3)]


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
        # Each from another network.
        client.environ_base["REMOTE_ADDR"] = f"2001:db8:{number:x}::1"
        assert send(client, REGISTER, {**body}).status_code == 200


def fill_by_changes(app: Flask, client: FlaskClient, credentials: Headers) -> None:
    with stored_user(app) as user:
        for number in range(2 * MOST):
            address = f"stranger{number}@example.org"
            outbox.add_link("change_email", address, step=waiting_change(user, address))
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


@pytest.mark.asvs("6.3.7")
def test_the_notices_of_those_who_had_fewer_go_first(app: Flask, wait: Wait) -> None:
    """Otherwise a thief of one account holds its notices back by those of many others."""
    for name in OTHERS[1:]:
        with stored_user(app, name) as user:
            for number in range(MOST):
                notices.factors_changed(user, f"Change {number}")
    early = len(delivered(app))
    wait(HOUR)
    with stored_user(app, OTHERS[0]) as victim:
        notices.password_changed(victim)
    assert recipients(app)[early] == f"{OTHERS[0]}@example.org"


@pytest.mark.asvs("2.4.1")
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


# The site.


@pytest.fixture
def used_up(app: Flask) -> int:
    """The site has sent its share, and this many mails with a link wait."""
    app.config["MAILS_PER_HOUR"] = 10
    addresses = [f"stranger{number}@example.org" for number in range(14)]
    ask(app, *addresses, kind="confirm")
    delivered(app)
    return len(addresses) - 8


def test_a_mail_beyond_the_limit_of_the_site_goes_later(
    app: Flask, used_up: int, wait: Wait
) -> None:
    with app.app_context():
        assert worker.count_waiting_mails() == used_up
        wait(HOUR - 60)
        worker.send_due_mails()
        assert worker.count_waiting_mails() == used_up
        wait(60)
        # The links are of no use any more, and no mail of this hour waits.
        ask(app, "user0@example.org")
    assert recipients(app) == ["user0@example.org"]


def test_an_error_is_logged_once_an_hour_while_mails_wait_for_the_limit(
    make_app: MakeApp, wait: Wait, lines: Lines
) -> None:
    app = make_app(**IN_PRODUCTION, mails_per_hour=10)
    # Until an hour begins.
    wait(HOUR - time.time() % HOUR)
    ask(app, *(f"stranger{number}@example.org" for number in range(10)), kind="confirm")
    found = []
    for seconds in (0, 60, HOUR - 120, 120):
        wait(seconds)
        with app.app_context():
            worker.send_due_mails()
        written = [line for line in lines() if line["event"] == "mails_used_up"]
        found.append([(line["level"], line["waiting"]) for line in written])
        if seconds == HOUR - 120:
            ask(app, *(f"other{number}@example.org" for number in range(10)), kind="confirm")
    assert found == [[("error", 2)], [], [], [("error", 2)]]


# What the limits cost.


@pytest.mark.parametrize("state", ["waiting", "sent", "dropped"])
def test_a_full_outbox_costs_no_more_rows(make_app: MakeApp, tmp_path: Path, state: str) -> None:
    counted = {}
    for size in SIZES:
        folder = tmp_path / str(size)
        folder.mkdir()
        app = make_app(database_url=database_in(folder), mails_per_hour=100_000)
        give_address(app)
        client = app.test_client()
        states: dict[str, dict[str, object]] = {
            "waiting": {},
            "sent": {"due": None, "sent": int(time.time())},
            "dropped": {"due": None},
        }
        fill_mails(app, size, **states[state])
        with app.app_context(), counted_statements(db.engine) as found:
            send(client, RESET, {"email": ADDRESS})
            mail = worker._take_mail()
            assert mail is not None
            worker._finish_mail(mail.id, due=None)
            worker.count_waiting_mails()
            worker._purge_mails()
            mail_limits.count_kept_mails()
        counted[size] = found.sizes
    assert counted[SIZES[0]] == counted[SIZES[1]]
