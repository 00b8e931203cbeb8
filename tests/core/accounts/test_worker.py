"""The worker: what waits is sent once, whatever fails, and another process goes on."""

from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from unittest.mock import Mock

import pytest
from flask import Flask
from secure_flask import db
from secure_flask.accounts import outbox, recovery, smtp, worker
from secure_flask.accounts.outbox import OutgoingMail
from secure_flask.accounts.steps import Step
from secure_flask.accounts.worker import MAIL_SENDER
from secure_flask.state import app_state
from sqlalchemy import Update, delete, func, select, update
from sqlalchemy.exc import OperationalError

from core.accounts.people import ADDRESS, add_user, logged, request_of, set_address, user_of
from core.accounts.site import User
from core.conftest import USERNAME, Configure, MakeApp, Wait
from services.mail_servers import MailServer

BOB, HOUR = "bob@example.org", outbox.HOUR


@pytest.fixture
def app(app: Flask, server: MailServer, configure: Configure) -> Iterator[Flask]:
    """An app with two users and a mail server; the test runs in its context."""
    configure(app, MAIL_URL=server.url)
    with app.app_context():
        _add_users()
        yield app


def _add_users() -> None:
    set_address(ADDRESS)
    add_user("bob", BOB)


def ask(*addresses: str) -> None:
    """Let a link to set a new password wait for each address."""
    for address in addresses:
        outbox.add_link("reset", address)
    db.session.commit()


def notify(name: str = USERNAME) -> None:
    outbox.notify_user(user_of(name), "password_changed")
    db.session.commit()


def recipients(server: MailServer) -> list[str]:
    return [mail["To"] for mail in server.all()]


def rows(table: type[OutgoingMail | Step]) -> int:
    return db.session.scalar(select(func.count()).select_from(table)) or 0


def test_what_waits_is_sent_once_and_by_no_request(app: Flask, server: MailServer) -> None:
    with request_of(app):
        recovery.request_password_reset(ADDRESS)
    assert (server.connections, worker.count_waiting_mails()) == (0, 1)
    ask(BOB)
    assert (worker.send_due_mails(), worker.send_due_mails()) == (2, 0)
    assert sorted(recipients(server)) == sorted([ADDRESS, BOB])
    assert worker.count_waiting_mails() == 0


@pytest.mark.usefixtures("app")
def test_a_mail_that_another_process_took_is_left_to_it(
    server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(ADDRESS)

    def update_late(table: type[OutgoingMail]) -> Update:
        db.session.execute(update(table).values(due=OutgoingMail.due + worker.LEASE))
        return update(table)

    monkeypatch.setattr(worker, "update", update_late)
    assert worker.send_due_mails() == 0
    assert recipients(server) == []


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize("place", [(outbox, "build_message"), (smtp, "send_mail")])
def test_what_a_killed_process_had_taken_another_one_sends(
    server: MailServer, wait: Wait, monkeypatch: pytest.MonkeyPatch, place: tuple[object, str]
) -> None:
    def die(*arguments: object) -> None:
        raise SystemExit

    ask(ADDRESS)
    with monkeypatch.context() as killed:
        killed.setattr(*place, die)
        with pytest.raises(SystemExit):
            worker.send_due_mails()
    db.session.rollback()
    assert worker.send_due_mails() == 0
    wait(worker.LEASE)
    assert worker.send_due_mails() == 1
    assert recipients(server) == [ADDRESS]


@pytest.mark.usefixtures("app")
def test_a_mail_server_that_is_away_for_a_while_loses_nothing(
    server: MailServer, wait: Wait, caplog: pytest.LogCaptureFixture
) -> None:
    ask(ADDRESS)
    server.answers["CONNECT"] = "421 Come back"
    sent = []
    for seconds in worker.RETRIES:
        sent.append(worker.send_due_mails())
        wait(seconds)
    server.answers.clear()
    assert [*sent, worker.send_due_mails()] == [0, 0, 0, 0, 1]
    failed = [(line["tries"], line["reason"]) for line in logged(caplog, "mail_failed")]
    assert failed == [(tries, "SMTPConnectError 421") for tries in (1, 2, 3, 4)]


@pytest.mark.usefixtures("app")
def test_a_link_is_dropped_after_an_hour_and_a_notice_after_a_day(
    server: MailServer, wait: Wait, caplog: pytest.LogCaptureFixture
) -> None:
    server.answers["CONNECT"] = "421 Come back"
    ask(ADDRESS)
    notify()
    left = []
    for seconds in (0, HOUR, worker.RETRIES[1], 23 * HOUR):
        wait(seconds)
        worker.send_due_mails()
        left.append(worker.count_waiting_mails())
    assert left == [2, 2, 1, 0]
    dropped = [line["kind"] for line in logged(caplog, "mail_dropped")]
    assert dropped == ["reset", "password_changed"]


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize(("reply", "left"), [("550 Unknown", 0), ("451 Later", 1)])
def test_a_recipient_that_the_server_refuses_keeps_nobody_waiting(
    server: MailServer, caplog: pytest.LogCaptureFixture, reply: str, left: int
) -> None:
    server.refused[ADDRESS] = reply
    ask(ADDRESS, BOB)
    assert (worker.send_due_mails(), recipients(server)) == (1, [BOB])
    # A final refusal is the last try.
    assert (worker.count_waiting_mails(), ADDRESS in caplog.text) == (left, False)


def fail(user: str) -> None:
    raise LookupError(user)


def leave(user: str) -> None:
    db.session.execute(delete(User).where(User.name == user))


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize(("meanwhile", "sent", "left"), [(fail, 1, 1), (leave, 2, 0)])
def test_an_error_in_the_words_of_one_mail_and_a_user_who_leaves_meanwhile_stop_no_other(
    wait: Wait,
    monkeypatch: pytest.MonkeyPatch,
    meanwhile: Callable[[str], None],
    sent: int,
    left: int,
) -> None:
    def build(mail: OutgoingMail) -> EmailMessage | None:
        made = real(mail)
        if mail.email == ADDRESS:
            meanwhile(USERNAME)
        return made

    real = outbox.build_message
    monkeypatch.setattr(outbox, "build_message", build)
    notify()
    # The mail of this user goes first.
    wait(1)
    notify("bob")
    assert (worker.send_due_mails(), worker.count_waiting_mails()) == (sent, left)


@pytest.mark.asvs("16.3.4")
@pytest.mark.usefixtures("app")
def test_a_silent_server_keeps_the_mails_for_later(
    server: MailServer, wait: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers["EHLO"] = None
    ask(ADDRESS, BOB)
    with monkeypatch.context() as impatient:
        impatient.setattr(smtp, "TIMEOUT", 0.05)
        assert (worker.send_due_mails(), worker.count_waiting_mails()) == (0, 2)
    server.answers.clear()
    wait(worker.RETRIES[0])
    assert worker.send_due_mails() == 2


@pytest.mark.usefixtures("app")
def test_rows_are_deleted_after_an_hour_and_expired_steps_with_them(wait: Wait) -> None:
    ask(ADDRESS, "nobody@example.org")
    worker.send_due_mails()
    assert (rows(OutgoingMail), rows(Step)) == (2, 1)
    wait(HOUR)
    worker.send_due_mails()
    assert (rows(OutgoingMail), rows(Step)) == (0, 0)


# The thread.


def test_the_thread_goes_on_when_the_database_is_back(
    make_app: MakeApp, server: MailServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> OutgoingMail | None:
        raise OperationalError("SELECT", {}, OSError("no route to host"))

    failures, real = iter([away, away]), worker._take_mail
    monkeypatch.setattr(worker, "POLL", 0)
    monkeypatch.setattr(worker, "_take_mail", lambda: next(failures, real)())
    app = make_app(mail_url=server.url, database_url=f"sqlite:///{tmp_path}/app.db")
    with app.app_context():
        _add_users()
        ask(ADDRESS)
    sender = worker.Sender(app)
    sender.start()
    assert server.next()["To"] == ADDRESS
    sender.stop.set()


def test_each_process_has_one_thread(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    threads = Mock()
    monkeypatch.setattr(worker, "Thread", threads)
    sender = worker.Sender(app)
    sender.start()
    sender.start()
    assert threads.call_count == 1
    # As in a fork, where the thread of the parent does not run.
    monkeypatch.setattr("os.getpid", lambda: -1)
    sender.start()
    assert threads.call_count == 2


def test_an_app_that_serves_sends_its_mails(
    make_app: MakeApp, server: MailServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "POLL", 0.01)
    url = f"sqlite:///{tmp_path}/app.db"
    app = make_app(TESTING=False, database_url=url, mail_url=server.url)
    with app.app_context():
        _add_users()
        ask(ADDRESS)
    assert app.test_client().get("/").status_code == 200
    assert server.next()["To"] == ADDRESS
    app_state(app)[MAIL_SENDER].stop.set()
