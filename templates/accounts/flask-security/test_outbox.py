"""When mails go: after a good response, from a thread, and what waits before the process ends."""

from email.message import EmailMessage
from threading import Event

import pytest
from flask.testing import FlaskClient
from flask.typing import ResponseReturnValue

from app.accounts.mail import mailbox, outbox
from app.accounts.mail.outbox import Outbox
from app.auth.access import public
from app.security.errors import error_response
from tests.accounts.mail.mail_servers import TIMEOUT
from tests.conftest import Lines, MakeApp

SENT = "/probe-of-mail"


@pytest.fixture
def put() -> list[EmailMessage]:
    return []


@pytest.fixture
def client(
    make_app: MakeApp, put: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> FlaskClient:
    """Of an app whose view at SENT sends a mail, and answers as its path says."""
    monkeypatch.setattr(mailbox, "add", lambda app, message: put.append(message))
    app = make_app()
    app.testing = False
    app.add_url_rule(f"{SENT}/<int:status>", view_func=public(_send))
    app.add_url_rule(f"{SENT}/warning", view_func=public(_warn))
    return app.test_client()


def _send(status: int) -> ResponseReturnValue:
    outbox.after_response(EmailMessage())
    if status == 409:
        raise error_response(409, "Refused")
    if status == 500:
        raise RuntimeError
    return "", status


def _warn() -> ResponseReturnValue:
    outbox.after_response(EmailMessage(), if_refused=True)
    raise error_response(401, "Wrong code")


def test_a_mail_goes_once_the_response_is_closed(
    client: FlaskClient, put: list[EmailMessage]
) -> None:
    response = client.get(f"{SENT}/200", buffered=False)
    assert put == []
    response.close()
    assert len(put) == 1


def test_only_a_response_below_400_has_a_mail(
    client: FlaskClient, put: list[EmailMessage], subtests: pytest.Subtests
) -> None:
    for status, mails in ((200, 1), (204, 1), (303, 1), (400, 0), (409, 0), (422, 0), (500, 0)):
        with subtests.test(status=status):
            put.clear()
            assert client.get(f"{SENT}/{status}").status_code == status
            assert len(put) == mails


def test_a_warning_of_a_refusal_goes_too(client: FlaskClient, put: list[EmailMessage]) -> None:
    assert client.get(f"{SENT}/warning").status_code == 401
    assert len(put) == 1


def test_a_hook_that_fails_sends_no_mail(client: FlaskClient, put: list[EmailMessage]) -> None:
    app = client.application
    app.after_request_funcs.setdefault(None, []).insert(0, lambda response: 1 / 0)
    assert client.get(f"{SENT}/200").status_code == 500
    assert put == []


def test_a_slow_server_delays_nobody() -> None:
    go_on, sent = Event(), Event()

    def deliver(message: EmailMessage) -> None:
        go_on.wait(TIMEOUT)
        sent.set()

    Outbox(deliver).put(EmailMessage())
    assert not sent.is_set()
    go_on.set()
    assert sent.wait(TIMEOUT)


def test_what_waits_is_sent_before_the_process_ends() -> None:
    sent: list[EmailMessage] = []
    box = Outbox(sent.append)
    for _ in range(3):
        box.put(EmailMessage())
    box.finish()
    assert len(sent) == 3


def test_the_end_of_a_process_waits_for_no_hanging_server(
    monkeypatch: pytest.MonkeyPatch, lines: Lines, production: FlaskClient
) -> None:
    monkeypatch.setattr(outbox, "LAST_CHANCE", 0.01)
    go_on = Event()

    def deliver(message: EmailMessage) -> None:
        go_on.wait(TIMEOUT)

    box = Outbox(deliver)
    box.put(EmailMessage())
    box.finish()
    go_on.set()
    [line] = lines()
    assert (line["event"], line["reason"]) == ("mail_failed", "the process ended")


@pytest.mark.asvs("16.3.4")
def test_a_failure_is_logged_without_the_address_and_the_next_mail_goes(
    lines: Lines, production: FlaskClient
) -> None:
    sent = []

    def deliver(message: EmailMessage) -> None:
        sent.append(message)
        if len(sent) == 1:
            raise OSError("ada@example.org")

    box = Outbox(deliver)
    box.put(EmailMessage())
    box.put(EmailMessage())
    box.finish()
    assert len(sent) == 2
    [line] = lines()
    assert (line["event"], line["level"], line["reason"]) == ("mail_failed", "error", "OSError")
    assert "ada@" not in str(line)


def test_mails_beyond_the_capacity_are_dropped_and_logged(
    monkeypatch: pytest.MonkeyPatch, lines: Lines, production: FlaskClient
) -> None:
    monkeypatch.setattr(outbox, "CAPACITY", 1)
    begun, go_on = Event(), Event()

    def deliver(message: EmailMessage) -> None:
        begun.set()
        go_on.wait(TIMEOUT)

    box = Outbox(deliver)
    box.put(EmailMessage())
    assert begun.wait(TIMEOUT)
    for _ in range(2):
        box.put(EmailMessage())
    go_on.set()
    box.finish()
    [line] = lines()
    assert (line["event"], line["reason"]) == ("mail_failed", "too many mails wait")


def test_a_forked_process_has_a_thread_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[EmailMessage] = []
    box = Outbox(sent.append)
    box.put(EmailMessage())
    box.finish()
    # As in a fork, where the thread of the parent does not run.
    monkeypatch.setattr("os.getpid", lambda: -1)
    box.put(EmailMessage())
    box.finish()
    assert len(sent) == 2
