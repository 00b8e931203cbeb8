"""Mail servers whose replies do not end."""

import smtplib
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from threading import Thread

import pytest

from app.accounts.mail import mail_replies
from app.accounts.mail.mail_replies import MAX_REPLIES, Connection

LINE = b"220-" + b"a" * 60 + b"\r\n"
PAUSE = 0.01  # seconds


@contextmanager
def greeting(parts: Iterable[bytes]) -> Iterator[int]:
    """A server that greets with these parts; its port."""

    def greet() -> None:
        client, _ = listener.accept()
        with client, suppress(OSError):
            for part in parts:
                client.sendall(part)
            # Until the client leaves.
            client.recv(1)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=greet)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def connect(port: int) -> None:
    Connection("127.0.0.1", port, timeout=10).close()


def dripping(line: bytes) -> Iterator[bytes]:
    for number in line:
        time.sleep(PAUSE)
        yield bytes([number])


def test_a_greeting_in_lines_is_read() -> None:
    with greeting([LINE * 3, b"220 mail.test\r\n"]) as port:
        connect(port)


def test_replies_without_an_end_fill_no_memory() -> None:
    lines = MAX_REPLIES // len(LINE) + 1
    with (
        greeting([LINE * lines, b"220 mail.test\r\n"]) as port,
        pytest.raises(smtplib.SMTPServerDisconnected),
    ):
        connect(port)


def test_a_reply_byte_by_byte_keeps_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail_replies, "DEADLINE", 0.1)
    with (
        greeting(dripping(b"220 " + b"a" * 200 + b"\r\n")) as port,
        pytest.raises(smtplib.SMTPServerDisconnected),
    ):
        connect(port)
