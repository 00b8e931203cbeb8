"""Answers that never end, which a hostile or broken server sends."""

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

import pytest

from app.checks.outside import transport
from tests.checks.outside.conftest import Ask, answering

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

# Long after the deadline of these tests, so that a check without one ends too, but wrongly.
PARTS, PAUSE = 500, 0.01  # seconds


def drip(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
    start("200 OK", [("Content-Length", str(PARTS))])
    for _ in range(PARTS):
        time.sleep(PAUSE)
        yield b"a"


def go_on(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
    for _ in range(PARTS):
        time.sleep(PAUSE)
        environ["werkzeug.socket"].sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    start("200 OK", [])
    return []


def test_an_answer_that_does_not_end_is_given_up(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    monkeypatch.setattr(transport, "DEADLINE", 0.2)
    for endless in (drip, go_on):
        with subtests.test(endless.__name__):
            [message] = ask("outside.unreachable", answering(endless, "/"))
            assert message.endswith(": there is no whole answer in time.")
