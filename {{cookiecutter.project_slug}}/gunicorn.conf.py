"""How gunicorn serves this app: `gunicorn` alone, in this folder.

WEB_CONCURRENCY sets the number of processes: one or two for each processor. Processes
are not replaced after a number of requests: none was seen to grow. gunicorn reads it
before this file: to what is no number it answers with a traceback of its own, while each
`flask` command says so in a sentence.
Source: OWASP ASVS 13.1.3, 13.4.6.
"""

import json
import os
import re
import sys
import time
from contextlib import suppress
from http import HTTPStatus
from socket import SHUT_RD, SHUT_WR, socket
from typing import Any

from gunicorn import glogging, util
from gunicorn.http import wsgi
from gunicorn.workers.gthread import ThreadWorker

from app import db, policy
from app.security import csp, logs
from app.settings import Settings, SettingsError

# In seconds, for a client to send a whole request: more where slow ones upload much.
REQUEST_TIMEOUT = 20
# In seconds, for a client to read the last response before its connection is closed.
LINGER_TIMEOUT = 1


class Worker(ThreadWorker):  # type: ignore[misc]
    """Gives up on clients that do not end their request, or do not close their connection.

    gunicorn waits for the first without an end, and each holds a thread: sixteen phones that
    lost their network would stop a process for good. For the others its main loop waits, two
    seconds each, and nobody is served meanwhile.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.deadlines: dict[Any, float] = {}

    def handle(self, connection: Any) -> Any:
        self.deadlines[connection] = time.monotonic() + REQUEST_TIMEOUT
        try:
            goes_on = super().handle(connection)
            if not goes_on:
                linger(connection.sock)
            return goes_on
        finally:
            del self.deadlines[connection]

    def notify(self) -> None:
        """Called once a second or more often, while threads handle requests."""
        super().notify()
        now = time.monotonic()
        for connection, deadline in self.deadlines.copy().items():
            if deadline < now:
                # Reading alone ends: the answer to a request that arrived still goes out.
                # The plain socket's method, since that of TLS would also end encryption.
                with suppress(OSError):
                    socket.shutdown(connection.sock, SHUT_RD)


def linger(client: socket) -> None:
    """Wait in a thread until the client has closed its side, so that the main loop need not.

    To close at once would take the response from a client that still sends. Source: RFC 9112,
    section 9.6.
    """
    deadline = time.monotonic() + LINGER_TIMEOUT
    # The plain socket's methods: those of TLS would wait for more.
    with suppress(OSError):
        socket.shutdown(client, SHUT_WR)
        while (left := deadline - time.monotonic()) > 0:
            client.settimeout(left)
            if not socket.recv(client, 4096):
                break
    with suppress(OSError):
        socket.shutdown(client, SHUT_RD)


def address(host: str, port: str) -> str:
    """What gunicorn is to bind; it answers others than these with a traceback."""
    if not re.fullmatch(r"[\w.:\[\]-]+", host):
        sys.exit("HOST must be a name or an address of this computer, as in HOST=0.0.0.0")
    if not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 65535:
        sys.exit("PORT must be a number up to 65535, as in PORT=8000")
    return f"[{host}]:{port}" if ":" in host and "[" not in host else f"{host}:{port}"


wsgi_app = "wsgi:app"
# Empty counts as unset: gunicorn would serve every network.
bind = address(os.environ.get("HOST") or "127.0.0.1", os.environ.get("PORT") or "8000")
worker_class = Worker
threads = db.THREADS
# Longer than a proxy keeps a connection that it may use again, 60 seconds in nginx: else
# it sends a request into one that was just closed. An idle connection holds no thread.
keepalive = 75
# A request may end by itself when its process is asked to: no wait in the app is longer.
graceful_timeout = 30
# Of a process whose main loop stands still; a request that takes long is none.
timeout = 30
# Browsers send some twenty, proxies add a few.
limit_request_fields = 64
# hosts.py believes as many hops as PROXY_HOPS says; gunicorn itself believes nobody.
forwarded_allow_ips = ""
# Nothing here manages a running server by a socket: one way in less.
control_socket_disable = True


class Logger(glogging.Logger):  # type: ignore[misc]
    """gunicorn's own lines are JSON too, as production's are."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(logs.formatter(production=True))

    def warning(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Of a request that it cannot read gunicorn quotes what may be part of a password."""
        refused, quoted, _ = msg.partition(": ")
        if refused.startswith("Invalid request") and quoted:
            msg = f"{refused}: {type(sys.exception()).__name__}"
        super().warning(msg, *args, **kwargs)


logger_class = Logger


class Response(wsgi.Response):  # type: ignore[misc]
    """Without `Server`, which tells attackers what to try."""

    def default_headers(self) -> list[str]:
        return [line for line in super().default_headers() if not line.startswith("Server:")]


wsgi.Response = Response


# In production `Strict-Transport-Security` joins them, as in hosts.py.
headers_of_refusals = {
    **policy.HEADERS,
    **policy.OTHER_HEADERS,
    "Content-Security-Policy": csp.INERT,
    "X-Frame-Options": "DENY",
}


def write_error(client: socket, status: int, reason: str, message: str) -> None:
    """What gunicorn itself refuses is JSON too, has the app's headers and echoes nothing."""
    # gunicorn's own words do not always belong to the status.
    phrase = HTTPStatus(status).phrase
    body = json.dumps({"error": phrase})
    headers = {
        **headers_of_refusals,
        "Connection": "close",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
    }
    lines = [f"HTTP/1.1 {status} {phrase}", *(": ".join(header) for header in headers.items())]
    util.write_nonblock(client, "\r\n".join([*lines, "", body]).encode())


util.write_error = write_error


def on_starting(server: Any) -> None:
    """Say what is missing or was set elsewhere once, before any worker starts."""
    try:
        settings = Settings.load()
        settings.check_workers(server.cfg.workers)
    except SettingsError as error:
        sys.exit(str(error))
    if not issubclass(server.cfg.worker_class, Worker):
        sys.exit("Leave out --worker-class: gunicorn's own workers wait for slow clients for ever.")
    if not 1 <= server.cfg.threads <= db.THREADS:
        sys.exit(f"Leave out --threads: {db.THREADS} connections to the database set the number.")
    if settings.app_env == "production":
        headers_of_refusals["Strict-Transport-Security"] = policy.STRICT_TRANSPORT_SECURITY
