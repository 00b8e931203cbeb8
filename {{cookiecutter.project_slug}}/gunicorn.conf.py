"""How gunicorn serves this app: `gunicorn` alone, in this folder.

WEB_CONCURRENCY sets the number of processes. Source: OWASP ASVS 13.4.6.
"""

import json
import os
import sys
from http import HTTPStatus
from socket import socket
from typing import Any

from gunicorn import glogging, util
from gunicorn.http import wsgi

from app import policy
from app.security import csp, logs
from app.settings import Settings, SettingsError

wsgi_app = "wsgi:app"
bind = f"{os.environ.get('HOST', '127.0.0.1')}:{os.environ.get('PORT', '8000')}"
worker_class = "gthread"
threads = 16
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


logger_class = Logger


class Response(wsgi.Response):  # type: ignore[misc]
    """Without `Server`, which tells attackers what to try."""

    def default_headers(self) -> list[str]:
        return [line for line in super().default_headers() if not line.startswith("Server:")]


wsgi.Response = Response


def write_error(client: socket, status: int, reason: str, message: str) -> None:
    """What gunicorn itself refuses is JSON too, has the app's headers and echoes nothing."""
    # gunicorn's own words do not always belong to the status.
    phrase = HTTPStatus(status).phrase
    body = json.dumps({"error": phrase})
    headers = {
        **policy.HEADERS,
        **policy.OTHER_HEADERS,
        "Content-Security-Policy": csp.INERT,
        "Connection": "close",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
    }
    lines = [f"HTTP/1.1 {status} {phrase}", *(": ".join(header) for header in headers.items())]
    util.write_nonblock(client, "\r\n".join([*lines, "", body]).encode())


util.write_error = write_error


def on_starting(server: Any) -> None:
    """Say what is missing once, before any worker starts."""
    try:
        Settings.load().check_workers(server.cfg.workers)
    except SettingsError as error:
        sys.exit(str(error))
