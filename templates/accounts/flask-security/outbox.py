"""Sends mail after the response, from a thread of its own.

To deliver a mail takes much longer than anything else in a request. A client that waited for
it would see which addresses have an account. A mail of a request that fails is dropped, since
it would speak of a change that was not made. Source: OWASP ASVS 6.3.8.
"""

import atexit
import os
from collections.abc import Callable, Iterable
from email.message import EmailMessage
from functools import partial
from logging import ERROR
from queue import Full, Queue
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

from flask import Flask, request
from werkzeug.wsgi import ClosingIterator

from app.accounts.mail.mail_server import reason
from app.security import audit

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

MAIL_FAILED = audit.Event("mail_failed", ERROR)

CAPACITY = 100  # mails that wait in one process
# At the end of a process; shorter than graceful_timeout in gunicorn.conf.py.
LAST_CHANCE = 20  # seconds

Deliver = Callable[[EmailMessage], None]

_WAITING = "app.mail"


class Outbox:
    """A queue and a thread in each process that sends mail.

    A failed delivery is not repeated here: people ask for another link, the mail server itself
    repeats what it accepted, and a queue in memory would not survive the process anyway.
    """

    def __init__(self, deliver: Deliver) -> None:
        self._deliver = deliver
        self._lock = Lock()
        self._process = 0

    def put(self, message: EmailMessage) -> None:
        """Let the thread deliver a message. Never raises, since the response is out."""
        with self._lock:
            # A fork has no thread, and what waited at that time is sent by its parent.
            if self._process != os.getpid():
                self._start()
        try:
            self._queue.put_nowait(message)
        except Full:
            audit.record(MAIL_FAILED, reason="too many mails wait")

    def finish(self) -> None:
        """Deliver what waits, within LAST_CHANCE."""
        if self._process != os.getpid():
            return
        try:
            self._queue.put(None, timeout=LAST_CHANCE)
            self._thread.join(LAST_CHANCE)
        except Full:
            pass
        if self._thread.is_alive():
            audit.record(MAIL_FAILED, reason="the process ended", mails=self._queue.qsize())

    def _start(self) -> None:
        self._process = os.getpid()
        self._queue: Queue[EmailMessage | None] = Queue(CAPACITY)
        # A daemon, so that `finish` decides how long the process waits for it.
        self._thread = Thread(target=self._run, name="mail", daemon=True)
        self._thread.start()
        atexit.register(self.finish)

    def _run(self) -> None:
        for message in iter(self._queue.get, None):
            try:
                self._deliver(message)
            except Exception as error:
                # Any exception, which would end the thread. Its text may hold the address.
                audit.record(MAIL_FAILED, reason=reason(error))


def after_response(message: EmailMessage, *, if_refused: bool = False) -> None:
    """Deliver a message once the response to this request is sent.

    With a status of 400 or more only a message that is `if_refused` is delivered.
    """
    request.environ.setdefault(_WAITING, []).append((message, if_refused))


def is_waiting() -> bool:
    """Whether this request has made a mail."""
    return _WAITING in request.environ


def init_app(app: Flask, put: Deliver) -> None:
    app.wsgi_app = partial(_serve, app.wsgi_app, put)  # type: ignore[method-assign]


def _serve(
    wsgi_app: Any, put: Deliver, environ: "WSGIEnvironment", start_response: "StartResponse"
) -> Iterable[bytes]:
    """Call the app, and `put` its mails when the server closes the response.

    A hook of Flask would run before the response is sent, and would not see an error in another
    hook.
    """
    status = [""]

    def start(line: str, *arguments: Any) -> Any:
        status[0] = line
        return start_response(line, *arguments)

    body: Iterable[bytes] = wsgi_app(environ, start)
    waiting = environ.pop(_WAITING, [])
    good = status[0] < "400"
    due = [partial(put, message) for message, if_refused in waiting if good or if_refused]
    return ClosingIterator(body, due) if due else body
