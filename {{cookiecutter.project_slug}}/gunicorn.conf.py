"""The configuration of gunicorn: run `gunicorn` in this folder.

It protects against slow clients, and against details of the server in logs and errors.
WEB_CONCURRENCY sets the number of processes: one or two for each processor. gunicorn reads it
before this file and prints a traceback if it is not a number.
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

from app import policy
from app.db import database
from app.security import csp, logs
from app.settings import Settings, SettingsError

# Seconds for a client to send a whole request. Raise it for large uploads by slow clients.
REQUEST_TIMEOUT = 20
# In seconds, for a client to read the last response before its connection is closed.
LINGER_TIMEOUT = 1


class Worker(ThreadWorker):  # type: ignore[misc]
    """Stops reading from clients that do not complete their request or close their connection.

    gunicorn itself has no timeout for the first, and each such client occupies a thread. Sixteen
    phones that lost their network would block a process permanently. For the second its main
    loop waits two seconds each, and serves nobody in the meantime.
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
        """Enforce the deadlines; gunicorn calls this at least once a second."""
        super().notify()
        now = time.monotonic()
        for connection, deadline in self.deadlines.copy().items():
            if deadline < now:
                # Only reading is shut down, so that a response can still be sent.
                # The method of the plain socket, since the TLS socket's would end encryption.
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
    """The address for gunicorn to bind; an invalid one exits with a message, not a traceback."""
    if not re.fullmatch(r"[\w.:\[\]-]+", host):
        sys.exit("HOST must be a name or an address of this computer, as in HOST=0.0.0.0")
    if not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 65535:
        sys.exit("PORT must be a number up to 65535, as in PORT=8000")
    return f"[{host}]:{port}" if ":" in host and "[" not in host else f"{host}:{port}"


wsgi_app = "wsgi:app"
# An empty HOST counts as unset, since gunicorn would listen on all interfaces.
bind = address(os.environ.get("HOST") or "127.0.0.1", os.environ.get("PORT") or "8000")
worker_class = Worker
threads = database.THREADS
# Longer than the keep-alive of a proxy (60 seconds in nginx), which would otherwise send a
# request into a connection that was just closed. An idle connection occupies no thread.
keepalive = 75
# Time for running requests to finish at shutdown; every timeout in the app is shorter.
graceful_timeout = 30
# For a process whose main loop is blocked. A slow request does not block it.
timeout = 30
# Browsers send about twenty headers, and proxies add a few.
limit_request_fields = 64
# gunicorn itself trusts no forwarded header; hosts.py trusts those of PROXY_HOPS proxies.
forwarded_allow_ips = ""
# The control socket is not used, so it is disabled.
control_socket_disable = True


class Logger(glogging.Logger):  # type: ignore[misc]
    """Writes gunicorn's own log lines in JSON, like those of the app."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(logs.formatter(production=True))

    def warning(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Do not log the quote of an invalid request, which may contain part of a password."""
        refused, quoted, _ = msg.partition(": ")
        if refused.startswith("Invalid request") and quoted:
            msg = f"{refused}: {type(sys.exception()).__name__}"
        super().warning(msg, *args, **kwargs)


logger_class = Logger


class Response(wsgi.Response):  # type: ignore[misc]
    """Omits the `Server` header, which tells attackers the server software."""

    def default_headers(self) -> list[str]:
        return [line for line in super().default_headers() if not line.startswith("Server:")]


wsgi.Response = Response


# In production, `on_starting` adds Strict-Transport-Security.
error_headers = {
    **policy.HEADERS,
    **policy.OTHER_HEADERS,
    "Content-Security-Policy": csp.INERT,
    "X-Frame-Options": "DENY",
}


def write_error(client: socket, status: int, reason: str, message: str) -> None:
    """Send gunicorn's own errors like those of the app: JSON, security headers, no echo."""
    # gunicorn's own reason does not always match the status.
    phrase = HTTPStatus(status).phrase
    body = json.dumps({"error": phrase})
    headers = {
        **error_headers,
        "Connection": "close",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
    }
    lines = [f"HTTP/1.1 {status} {phrase}", *(": ".join(header) for header in headers.items())]
    util.write_nonblock(client, "\r\n".join([*lines, "", body]).encode())


util.write_error = write_error


def on_starting(server: Any) -> None:
    """Check the settings once, before any worker starts."""
    try:
        settings = Settings.load()
        settings.check_workers(server.cfg.workers)
    except SettingsError as error:
        sys.exit(str(error))
    if not issubclass(server.cfg.worker_class, Worker):
        sys.exit("Leave out --worker-class: gunicorn's own workers wait for slow clients forever.")
    if not 1 <= server.cfg.threads <= database.THREADS:
        sys.exit(f"Leave out --threads: there are only {database.THREADS} database connections.")
    if settings.app_env == "production":
        error_headers["Strict-Transport-Security"] = policy.STRICT_TRANSPORT_SECURITY
