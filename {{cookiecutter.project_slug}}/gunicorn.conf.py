"""How gunicorn serves this app: `gunicorn` alone, in this folder.

WEB_CONCURRENCY sets the number of processes. Source: OWASP ASVS 13.4.6.
"""

import os
import sys
from typing import Any

from gunicorn.http import wsgi

from app.settings import Settings, SettingsError

wsgi_app = "wsgi:app"
bind = f"{os.environ.get('HOST', '127.0.0.1')}:{os.environ.get('PORT', '8000')}"
worker_class = "gthread"
threads = 8
# hosts.py believes as many hops as PROXY_HOPS says; gunicorn itself believes nobody.
forwarded_allow_ips = ""
# Nothing here manages a running server by a socket: one way in less.
control_socket_disable = True


class Response(wsgi.Response):  # type: ignore[misc]
    """Without `Server`, which tells attackers what to try."""

    def default_headers(self) -> list[str]:
        return [line for line in super().default_headers() if not line.startswith("Server:")]


wsgi.Response = Response


def on_starting(server: Any) -> None:
    """Say what is missing once, before any worker starts."""
    try:
        Settings.load().check_workers(server.cfg.workers)
    except SettingsError as error:
        sys.exit(str(error))
