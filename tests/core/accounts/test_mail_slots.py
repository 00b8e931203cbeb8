"""Mails with a link leave in slots, so their times tell nobody whether an address is known."""

import pytest
from flask import Flask
from secure_flask import db
from secure_flask.accounts import notices, outbox, smtp, worker
from secure_flask.accounts.worker import SLOT, MailSlots
from sqlalchemy import delete

from core.accounts.people import ADDRESS, add_user, user_of
from core.accounts.site import User

OWN, OTHER, NOBODY = "eve@example.org", "bob@example.org", "nobody@example.org"


class Clock:
    """Time that passes only where somebody waits, or hands a mail over."""

    def __init__(self, patch: pytest.MonkeyPatch, takes: float) -> None:
        self.now = 100.0
        self.left: list[tuple[str, float]] = []
        self.takes = takes
        patch.setattr(smtp, "send_mail", self.deliver)

    def __call__(self) -> float:
        return self.now

    def deliver(self, message: dict[str, str]) -> None:
        self.left.append((message["To"], round(self.now - 100, 3)))
        self.now += self.takes

    def fail(self, message: dict[str, str]) -> None:
        self.deliver(message)
        raise TimeoutError

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def of(self, address: str) -> list[float]:
        return [when for to, when in self.left if to == address]


@pytest.fixture(autouse=True)
def _others(user: User) -> None:
    add_user("eve", OWN)
    add_user("bob", OTHER)


def ask(*addresses: str) -> None:
    for turn, address in enumerate(addresses):
        outbox.add_link("reset", address, turn=turn)
    db.session.commit()


def send(clock: Clock) -> None:
    worker.send_due_mails(MailSlots(clock.wait, clock))


@pytest.mark.asvs("6.3.8")
@pytest.mark.parametrize(
    ("takes", "is_away"),
    [(0.001, False), (0.1, False), (SLOT + 0.1, False), (4.7, False), (10, True)],
)
def test_the_times_of_ones_own_mails_tell_nothing_of_the_address_between_them(
    monkeypatch: pytest.MonkeyPatch, takes: float, is_away: bool
) -> None:
    """Also while the server is away: a try ends by a timeout, and the next one follows later."""
    times = []
    for between in (OTHER, NOBODY):
        clock = Clock(monkeypatch, takes)
        if is_away:
            monkeypatch.setattr(smtp, "send_mail", clock.fail)
        ask(OWN, between, OWN)
        send(clock)
        db.session.execute(delete(outbox.OutgoingMail))
        db.session.commit()
        times.append(clock.of(OWN))
    known, unknown = times
    assert known == unknown
    assert len(known) == 2


def test_each_mail_with_a_link_has_a_slot_of_its_own_and_a_notice_waits_for_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(monkeypatch, 0)
    notices.code_failed(user_of())
    notices.password_changed(user_of())
    send(clock)
    assert [when for _, when in clock.left] == [0, 0]
    clock = Clock(monkeypatch, 0.1)
    ask(ADDRESS, OWN, OTHER)
    send(clock)
    assert [when for _, when in clock.left] == [0, SLOT, 2 * SLOT]


def test_the_thread_of_a_process_sends_in_slots(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[object] = []
    sender = worker.Sender(app)

    def note(*slots: object) -> None:
        sender.stop.set()
        given.extend(slots)

    monkeypatch.setattr(worker, "POLL", 0)
    monkeypatch.setattr(worker, "send_due_mails", note)
    sender._run()
    assert [type(each) for each in given] == [MailSlots]
