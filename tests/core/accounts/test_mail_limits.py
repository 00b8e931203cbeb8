"""How many mails one address gets, and that nobody uses up the mails of the others."""

from collections.abc import Callable

import pytest
from flask import Flask
from secure_flask import db
from secure_flask.accounts import (
    development_mails,
    mail_limits,
    notices,
    outbox,
    recovery,
    registration,
    worker,
)
from secure_flask.accounts.mail_limits import AGAIN, LEAST_OF_NETWORK, PER_ADDRESS
from secure_flask.accounts.outbox import HOUR

from core.accounts.devices import at_once
from core.accounts.filling import fill_mails
from core.accounts.people import (
    ADDRESS,
    EMAIL,
    NAME,
    STRONG,
    add_user,
    logged,
    mailed_token,
    recipients,
    request_of,
    set_address,
    status_of,
    token_in,
    user_of,
    waiting_change,
)
from core.conftest import Configure, MakeApp, Wait
from core.standing_clock import clock
from core.statements import SIZES, counted_statements

MOST = 40  # mails of the site in an hour
OTHERS = [f"user{number}" for number in range(5)]

pytestmark = pytest.mark.usefixtures("stranger")


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """An app that sends few mails, whose users have addresses."""
    app = make_app(mails_per_hour=MOST)
    with app.app_context():
        set_address(ADDRESS)
        for name in OTHERS:
            add_user(name, f"{name}@example.org")
    return app


def ask(*addresses: str, kind: str = "reset", turn: int = 0) -> list[bool]:
    """Ask for a link to each address; whether each may wait."""
    waits = [mail_limits.request_link(kind, each, turn=turn) for each in addresses]
    db.session.commit()
    return waits


def ask_again(wait: Wait, *kinds: str, times: int) -> list[bool]:
    """Ask for links of these kinds to one address every ten minutes."""
    waits = []
    for _ in range(times):
        waits += [waits for kind in kinds for waits in ask(ADDRESS, kind=kind)]
        wait(AGAIN)
    return waits


def register_from_everywhere(app: Flask, *addresses: str) -> None:
    """Register each address from another network."""
    for number, address in enumerate(addresses):
        with request_of(app, network=f"2001:db8:{number:x}::1"):
            registration.request_registration(f"g{number}", address, STRONG)


# One mailbox.


@pytest.mark.asvs("2.4.1")
@pytest.mark.parametrize(
    ("kinds", "times", "waits"),
    [
        (["confirm"], 6, [True] * PER_ADDRESS + [False]),
        (["reset", "change_email", "confirm"], 3, [True] * PER_ADDRESS + [False] * 4),
        # What is beyond the limit counts for nothing: endless requests would suppress all mails.
        (["reset"], 12, [True, True, *[False] * 4] * 2),
        (["change_email"], 12, [True, True, *[False] * 4] * 2),
    ],
)
def test_a_mailbox_gets_a_few_links_in_an_hour(
    wait: Wait, kinds: list[str], times: int, waits: list[bool]
) -> None:
    assert ask_again(wait, *kinds, times=times) == waits
    assert ask("user1@example.org", kind=kinds[0]) == [True]
    # The first one is an hour old.
    wait(HOUR - times * AGAIN if times < 6 else 0)
    assert ask(ADDRESS, kind=kinds[0]) == [True]


def test_it_gets_no_second_link_of_a_kind_within_ten_minutes(wait: Wait) -> None:
    assert ask(ADDRESS, ADDRESS, kind="confirm") == [True, False]
    assert ask(ADDRESS, kind="reset") == [True]
    wait(AGAIN - 1)
    assert ask(ADDRESS, kind="confirm") == [False]
    wait(1)
    assert ask(ADDRESS, kind="confirm") == [True]


@pytest.mark.asvs("2.4.1")
def test_a_mailbox_gets_as_many_mails_in_all_spellings_as_an_address(app: Flask) -> None:
    spelled = ["grace.hopper", "GraceHopper", "g.r.a.c.e.hopper", "grace.hopper+1"]
    spelled += ["gracehopper+1", "g.racehopper+x.y", "grace.hopper+3", "gracehoppe.r"]
    register_from_everywhere(app, *(f"{name}@example.org" for name in spelled))
    assert len(recipients()) == PER_ADDRESS
    register_from_everywhere(app, "grace.hopper@example.com")
    assert recipients()[PER_ADDRESS:] == ["grace.hopper@example.com"]


def test_a_full_mailbox_gets_the_mails_of_its_account(app: Flask) -> None:
    """A stranger may have registered as many other spellings of the address."""
    spelled = [f"ada.lovelace+{number}@example.org" for number in range(PER_ADDRESS)]
    register_from_everywhere(app, *spelled)
    assert sorted(recipients()) == spelled
    ask(ADDRESS)
    assert recipients()[PER_ADDRESS:] == [ADDRESS]


@pytest.mark.parametrize("kind", ["confirm", "reset"])
def test_other_spellings_that_nobody_has_keep_no_registration_and_no_reset_back(
    app: Flask, kind: str, configure: Configure
) -> None:
    for name in ("grace.hopper", "ada.lovelace"):
        ask(*(f"{name}+{number}@example.org" for number in range(20)), kind=kind)
    configure(app, MAILS_PER_HOUR=1000)
    assert recipients() == []
    registration.request_registration(NAME, EMAIL, STRONG)
    assert ask(ADDRESS) == [True]
    assert sorted(recipients()) == sorted([EMAIL, ADDRESS])


def test_resets_of_other_spellings_fill_no_mailbox(app: Flask) -> None:
    """A stranger may have registered each of them before."""
    spelled = [f"grace.hopper+{number}@example.org" for number in range(4 * PER_ADDRESS)]
    register_from_everywhere(app, *spelled)
    ask(*spelled)
    assert len(recipients()) <= PER_ADDRESS


def test_who_has_used_a_link_may_ask_again_at_once() -> None:
    registration.request_registration(NAME, EMAIL, STRONG)
    registration.confirm_registration(mailed_token(), password=STRONG, new_password=None)
    assert ask(EMAIL, kind="confirm") == [True]
    recipients()
    assert ask(ADDRESS) == [True]
    recovery.reset_password(mailed_token(), STRONG)
    assert ask(ADDRESS) == [True]


def test_of_eight_requests_at_once_one_mails_a_link(file_app: Flask) -> None:
    with request_of(file_app):
        set_address(ADDRESS)

    def reset(number: int) -> None:
        with request_of(file_app):
            recovery.request_password_reset(ADDRESS)

    at_once(reset)
    with request_of(file_app):
        assert recipients() == [ADDRESS]


def test_an_address_for_which_a_stranger_asks_all_the_time_has_a_link_that_works(
    wait: Wait,
) -> None:
    statuses = []
    for _ in range(40):
        ask(ADDRESS)
        wait(HOUR // 10)
        statuses.append(status_of(recovery.find_password_reset, mailed_token(ADDRESS)))
    assert statuses == [200] * 40
    assert len(recipients()) <= 4 * PER_ADDRESS + 1


@pytest.mark.parametrize("kind", ["confirm", "reset", "change_email"])
def test_mails_that_strangers_cause_leave_the_owner_a_way_in(kind: str) -> None:
    for _ in range(2):
        step = waiting_change(user_of(OTHERS[0]), ADDRESS)
        outbox.add_link(kind, ADDRESS, step=step)
    ask(ADDRESS)
    tokens = [token_in(mail) for mail in development_mails()]
    assert {*recipients()} == {ADDRESS}
    assert len(tokens) >= 2
    assert {status_of(recovery.find_password_reset, token) for token in tokens} == {200}


def test_a_registration_has_a_mail_left_whatever_strangers_ask_for(wait: Wait) -> None:
    for _ in range(4):
        ask(EMAIL, kind="reset")
        ask(EMAIL, kind="change_email")
        recipients()
        wait(AGAIN)
    registration.request_registration(NAME, EMAIL, STRONG)
    assert recipients() == [EMAIL]


@pytest.mark.asvs("6.3.8")
def test_a_mail_for_nobody_counts_as_one_that_was_sent() -> None:
    """Otherwise the mail at the edge of a limit would tell which addresses are known."""
    seen = []
    for address in ("user0@example.org", "nobody@example.org"):
        first = ask(address)
        recipients()
        seen.append((first, ask(address), mail_limits._shares_used()[0] * MOST))
    assert seen == [([True], [False], 1), ([True], [False], 2)]


# One network.


@pytest.mark.asvs("2.4.1")
def test_a_network_that_asks_for_too_many_is_refused_and_logged_and_others_are_not(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    def ask_from(network: str) -> int:
        with request_of(app, network=network):
            return status_of(recovery.request_password_reset, f"{network[-5]}@example.org")

    # Networks of one IPv6 site are one.
    sites = [f"2001:db8:1:{number:x}::1" for number in range(LEAST_OF_NETWORK + 2)]
    assert [ask_from(site) for site in sites] == [200] * LEAST_OF_NETWORK + [429, 429]
    assert ask_from("2001:db8:2::1") == 200
    refused = [line["reason"] for line in logged(caplog, "excess_rate_limit_exceeded")]
    assert refused == ["mailed links"] * 2


def test_the_mails_of_networks_that_asked_for_fewer_go_first(wait: Wait) -> None:
    for turn, name in enumerate(OTHERS[:4], 1):
        ask(f"{name}@example.org", turn=turn)
    wait(1)
    ask(f"{OTHERS[4]}@example.org", turn=1)
    assert recipients() == [f"user{number}@example.org" for number in (0, 4, 1, 2, 3)]


def fill_by_notices(app: Flask) -> None:
    """One user changes something again and again."""
    for _ in range(100):
        notices.code_failed(user_of())
        notices.password_changed(user_of())
        notices.factors_changed(user_of(), "The recovery codes were replaced")


def fill_by_registrations(app: Flask) -> None:
    addresses = [f"stranger{number}@example.org" for number in range(2 * MOST)]
    register_from_everywhere(app, *addresses)


def fill_by_changes(app: Flask) -> None:
    for number in range(2 * MOST):
        address = f"stranger{number}@example.org"
        outbox.add_link("change_email", address, step=waiting_change(user_of(), address))
        notices.email_change_requested(user_of())


def fill_by_names(app: Flask) -> None:
    """One user takes a new name each time."""
    for number in range(2 * MOST):
        notices.name_changed(user_of(), f"ada{number}")


@pytest.mark.slow
@pytest.mark.asvs("2.4.1")
@pytest.mark.parametrize(
    "fill",
    [fill_by_notices, fill_by_registrations, fill_by_changes, fill_by_names],
    ids=lambda fill: fill.__name__,
)
def test_one_user_or_network_suppresses_no_reset_and_no_notice_of_others(
    app: Flask, fill: Callable[[Flask], None]
) -> None:
    fill(app)
    early = len(recipients())
    assert early <= MOST
    addresses = [f"{name}@example.org" for name in OTHERS[:3]]
    ask(*addresses)
    notices.password_changed(user_of(OTHERS[4]))
    assert sorted(recipients()[early:]) == [*addresses, f"{OTHERS[4]}@example.org"]


def test_many_accounts_suppress_no_reset_by_their_notices() -> None:
    """The notices of each are joined, and one person may have many accounts."""
    for name in (f"ada{number}" for number in range(2 * MOST)):
        notices.code_failed(add_user(name, f"{name}@example.org"))
    early = len(recipients())
    ask("user0@example.org")
    assert recipients()[early:] == ["user0@example.org"]


@pytest.mark.slow
@pytest.mark.asvs("6.3.7")
def test_the_notices_of_those_who_had_fewer_go_first(wait: Wait) -> None:
    """Otherwise a thief of one account holds its notices back by those of many others."""
    for name in OTHERS[1:]:
        for number in range(MOST):
            notices.factors_changed(user_of(name), f"Change {number}")
    early = len(recipients())
    wait(HOUR)
    notices.password_changed(user_of(OTHERS[0]))
    assert recipients()[early] == f"{OTHERS[0]}@example.org"


# The site.


def test_mails_beyond_the_limit_of_the_site_go_later_and_are_logged_as_an_error_once_an_hour(
    app: Flask, configure: Configure, wait: Wait, caplog: pytest.LogCaptureFixture
) -> None:
    configure(app, MAILS_PER_HOUR=10)
    ask(*(f"stranger{number}@example.org" for number in range(10)), kind="confirm")
    found, waiting = [], []
    for seconds in (0, 60, HOUR - 120, 120):
        wait(seconds)
        caplog.clear()
        worker.send_due_mails()
        found.append([line["waiting"] for line in logged(caplog, "mail_limit_reached")])
        waiting.append(worker.count_waiting_mails())
        if seconds == HOUR - 120:
            ask(*(f"other{number}@example.org" for number in range(10)), kind="confirm")
    # The links of the first hour are of no use any more.
    assert (found, waiting) == ([[2], [], [], [2]], [2, 2, 2, 2])
    # A reset may still go.
    ask(ADDRESS)
    assert mail_limits.count_kept_mails() == 2


# What the limits cost.


def cost_of_a_round(make_app: MakeApp, size: int, columns: dict[str, object]) -> tuple[int, int]:
    """Statements and rows of a link that is asked for and sent, beside so many other mails."""
    app = make_app(mails_per_hour=100_000)
    fill_mails(app, size, **columns)
    with request_of(app):
        set_address(ADDRESS)
        with counted_statements(db.engine) as found:
            recovery.request_password_reset(ADDRESS)
            mail = worker._take_mail()
            assert mail is not None
            worker._finish_mail(mail.id, due=None)
            worker.count_waiting_mails()
            worker._purge_mails()
            mail_limits.count_kept_mails()
    return found.sizes


@pytest.mark.parametrize("state", ["waiting", "sent", "dropped"])
def test_a_full_outbox_costs_no_more_rows(make_app: MakeApp, state: str) -> None:
    states: dict[str, dict[str, object]] = {
        "waiting": {},
        "sent": {"due": None, "sent": int(clock.now())},
        "dropped": {"due": None},
    }
    counted = [cost_of_a_round(make_app, size, states[state]) for size in SIZES]
    assert counted[0] == counted[1]
