"""The worker: what waits is sent once, whatever fails, and another process goes on."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from pathlib import Path
from unittest.mock import Mock

import pytest
from flask import Flask
from secure_flask import db, testing
from secure_flask.accounts import messages, outbox, smtp, worker
from secure_flask.accounts.outbox import OutgoingMail
from secure_flask.accounts.steps import Step
from secure_flask.accounts.worker import MAIL_SENDER
from secure_flask.state import app_state
from sqlalchemy import Update, delete, func, select, update
from sqlalchemy.exc import OperationalError

import mail_servers
from app import create_app
from app.models import User
from app.settings import Settings
from mail_servers import MailServer
from views.accounts.people import ADDRESS, IN_PRODUCTION, RESET, give_address, send
from views.conftest import SETTINGS, USERNAME, Lines, MakeApp, Wait, add_user

BOB, HOUR = "bob@example.org", outbox.HOUR


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_servers.running() as server:
        yield server


@pytest.fixture
def app(make_app: MakeApp, server: MailServer) -> Flask:
    """An app in production with two users and a mail server."""
    app = make_app(**{**IN_PRODUCTION, "mail_url": server.url})
    _fill(app)
    return app


@pytest.fixture
def file_app(make_app: MakeApp, server: MailServer, tmp_path: Path) -> Flask:
    """An app whose database serves several threads."""
    app = make_app(mail_url=server.url, database_url=f"sqlite:///{tmp_path}/app.db")
    _fill(app)
    return app


def _fill(app: Flask) -> None:
    give_address(app)
    add_user(app, "bob")
    give_address(app, BOB, "bob")


def ask(app: Flask, *addresses: str) -> None:
    """Let a link to set a new password wait for each address."""
    with app.app_context():
        for address in addresses:
            outbox.add_link("reset", address)
        db.session.commit()


def send_due(app: Flask) -> int:
    with app.app_context():
        return worker.send_due_mails()


def waiting(app: Flask) -> int:
    with app.app_context():
        return worker.count_waiting_mails()


def recipients(server: MailServer) -> list[str]:
    return [mail["To"] for mail in server.all()]


def test_what_waits_is_sent_once(app: Flask, server: MailServer) -> None:
    ask(app, ADDRESS, BOB)
    assert (send_due(app), send_due(app)) == (2, 0)
    assert sorted(recipients(server)) == sorted([ADDRESS, BOB])
    assert waiting(app) == 0


def test_a_request_reaches_no_mail_server(app: Flask, server: MailServer) -> None:
    assert send(app.test_client(), RESET, {"email": ADDRESS}).status_code == 200
    assert (server.connections, waiting(app)) == (0, 1)


def test_processes_share_the_work_and_send_nothing_twice(
    file_app: Flask, server: MailServer
) -> None:
    users = [f"user{number}" for number in range(20)]
    with file_app.app_context():
        for name in users:
            db.session.add(User(name=name, email=f"{name}@example.org", password_hash="x"))
        db.session.commit()
    ask(file_app, *(f"{name}@example.org" for name in users))
    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(send_due, [file_app] * 4)) == len(users)
    assert sorted(recipients(server)) == sorted(f"{name}@example.org" for name in users)


def test_a_mail_that_another_process_took_is_left_to_it(
    app: Flask, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(app, ADDRESS)

    def update_late(table: type[OutgoingMail]) -> Update:
        db.session.execute(update(table).values(due=OutgoingMail.due + worker.LEASE))
        return update(table)

    monkeypatch.setattr(worker, "update", update_late)
    assert send_due(app) == 0
    assert recipients(server) == []


@pytest.mark.parametrize("place", [(messages, "build_message"), (smtp, "send_mail")])
def test_what_a_killed_process_had_taken_another_one_sends(
    app: Flask,
    server: MailServer,
    wait: Wait,
    monkeypatch: pytest.MonkeyPatch,
    place: tuple[object, str],
) -> None:
    ask(app, ADDRESS)
    with monkeypatch.context() as killed:
        killed.setattr(*place, _die)
        with pytest.raises(SystemExit):
            send_due(app)
    assert send_due(app) == 0
    wait(worker.LEASE)
    assert send_due(app) == 1
    assert recipients(server) == [ADDRESS]


def _die(*arguments: object) -> None:
    raise SystemExit


def test_what_waits_survives_a_restart(server: MailServer, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/app.db"
    settings = testing.settings(
        Settings, **{**SETTINGS, "database_url": url, "mail_url": server.url}
    )
    before = create_app(settings, TESTING=True)
    testing.create_tables(before)
    add_user(before, USERNAME)
    give_address(before)
    ask(before, ADDRESS)
    assert send_due(create_app(settings, TESTING=True)) == 1
    assert recipients(server) == [ADDRESS]


def test_a_mail_server_that_is_away_for_a_while_loses_nothing(
    app: Flask, server: MailServer, wait: Wait, lines: Lines
) -> None:
    ask(app, ADDRESS)
    server.answers["CONNECT"] = "421 Come back"
    for seconds in worker.RETRIES:
        assert send_due(app) == 0
        wait(seconds)
    server.answers.clear()
    assert send_due(app) == 1
    failed = [line for line in lines() if line["event"] == "mail_failed"]
    assert [line["tries"] for line in failed] == [1, 2, 3, 4]
    assert {line["reason"] for line in failed} == {"SMTPConnectError 421"}


def test_a_link_is_dropped_after_an_hour_and_a_notice_after_a_day(
    app: Flask, server: MailServer, wait: Wait, lines: Lines
) -> None:
    server.answers["CONNECT"] = "421 Come back"
    ask(app, ADDRESS)
    notify(app)
    left = []
    for seconds in (0, HOUR, worker.RETRIES[1], 23 * HOUR):
        wait(seconds)
        send_due(app)
        left.append(waiting(app))
    assert left == [2, 2, 1, 0]
    dropped = [line["kind"] for line in lines() if line["event"] == "mail_dropped"]
    assert dropped == ["reset", "password_changed"]


def notify(app: Flask, name: str = USERNAME) -> None:
    with app.app_context():
        outbox.notify_user(User.find(name), "password_changed")  # type: ignore[arg-type]
        db.session.commit()


@pytest.mark.parametrize("reply", ["550 Unknown", "451 Later"])
def test_a_recipient_that_the_server_refuses_keeps_nobody_waiting(
    app: Flask, server: MailServer, wait: Wait, lines: Lines, reply: str
) -> None:
    server.refused[ADDRESS] = reply
    ask(app, ADDRESS, BOB)
    assert send_due(app) == 1
    assert recipients(server) == [BOB]
    # A final refusal is the last try.
    assert waiting(app) == (0 if reply[0] == "5" else 1)
    assert ADDRESS not in str(lines())


def test_an_error_in_the_words_of_one_mail_stops_no_other(
    app: Flask, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(mail: OutgoingMail) -> EmailMessage | None:
        if mail.email == ADDRESS:
            raise LookupError
        return real(mail)

    real = messages.build_message
    monkeypatch.setattr(messages, "build_message", build)
    ask(app, ADDRESS, BOB)
    assert send_due(app) == 1
    assert (recipients(server), waiting(app)) == ([BOB], 1)


@pytest.mark.asvs("16.3.4")
def test_a_silent_server_keeps_the_mails_for_later(
    app: Flask, server: MailServer, wait: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers["EHLO"] = None
    ask(app, ADDRESS, BOB)
    with monkeypatch.context() as impatient:
        impatient.setattr(smtp, "TIMEOUT", 0.05)
        assert (send_due(app), waiting(app)) == (0, 2)
    server.answers.clear()
    wait(worker.RETRIES[0])
    assert send_due(app) == 2


def test_a_user_who_leaves_while_the_mail_is_made_stops_no_other(
    app: Flask, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(mail: OutgoingMail) -> EmailMessage | None:
        made = real(mail)
        db.session.execute(delete(User).where(User.name == USERNAME))
        return made

    real = messages.build_message
    notify(app)
    notify(app, "bob")
    monkeypatch.setattr(messages, "build_message", build)
    assert send_due(app) == 2
    assert waiting(app) == 0


def test_rows_are_deleted_after_an_hour_and_expired_steps_with_them(app: Flask, wait: Wait) -> None:
    ask(app, ADDRESS, "nobody@example.org")
    send_due(app)
    assert (count(app, OutgoingMail), count(app, Step)) == (2, 1)
    wait(HOUR)
    send_due(app)
    assert (count(app, OutgoingMail), count(app, Step)) == (0, 0)


def count(app: Flask, table: type[OutgoingMail | Step]) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(table)) or 0


def test_the_thread_goes_on_when_the_database_is_back(
    file_app: Flask, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures, real = iter([away, away]), worker._take_mail
    monkeypatch.setattr(worker, "POLL", 0)
    monkeypatch.setattr(worker, "_take_mail", lambda: next(failures, real)())
    ask(file_app, ADDRESS)
    sender = worker.Sender(file_app)
    sender.start()
    assert server.next()["To"] == ADDRESS
    sender.stop.set()


def away() -> OutgoingMail | None:
    raise OperationalError("SELECT", {}, OSError("no route to host"))


def test_each_process_has_one_thread(file_app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    threads = Mock()
    monkeypatch.setattr(worker, "Thread", threads)
    sender = worker.Sender(file_app)
    for _ in range(2):
        sender.start()
    assert threads.call_count == 1
    # As in a fork, where the thread of the parent does not run.
    monkeypatch.setattr("os.getpid", lambda: -1)
    sender.start()
    assert threads.call_count == 2


def test_an_app_that_serves_sends_its_mails(
    server: MailServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "POLL", 0.01)
    url = f"sqlite:///{tmp_path}/app.db"
    app = create_app(
        testing.settings(Settings, **{**SETTINGS, "database_url": url, "mail_url": server.url})
    )
    testing.create_tables(app)
    add_user(app, USERNAME)
    give_address(app)
    assert send(app.test_client(), RESET, {"email": ADDRESS}).status_code == 200
    assert server.next()["To"] == ADDRESS
    app_state(app)[MAIL_SENDER].stop.set()
