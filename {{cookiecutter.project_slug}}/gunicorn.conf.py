"""The configuration of gunicorn: run `gunicorn` in this folder, behind a proxy.

A thread of gunicorn waits for each client, so a few slow clients would stop the service. The proxy
must wait for them instead, as with deploy/Caddyfile: it passes a request on when it has the whole
body, and takes an answer at once. WEB_CONCURRENCY sets the number of processes, one or two for
each processor.
"""

import os
import sys
from typing import Any

import secure_flask

from app import policy
from app.settings import Settings

wsgi_app = "wsgi:app"
# An empty BIND_HOST counts as unset, since gunicorn would listen on all interfaces.
bind = f"{os.environ.get('BIND_HOST') or '127.0.0.1'}:{os.environ.get('PORT') or '8000'}"
worker_class = "gthread"
threads = secure_flask.THREADS
# Longer than the keep-alive of a proxy (60 seconds in nginx), which would otherwise send a
# request into a connection that was just closed. An idle connection occupies no thread.
keepalive = 75
# Time for running requests to finish at shutdown; every timeout in the app is shorter.
graceful_timeout = 30
# For a process whose main loop is blocked. A slow request does not block it.
timeout = 30
# Browsers send about twenty headers, and proxies add a few.
limit_request_fields = 64
# gunicorn itself trusts no forwarded header; secure_flask trusts those of PROXY_HOPS proxies.
forwarded_allow_ips = ""
# The control socket is not used, so it is disabled.
control_socket_disable = True
# The app's own log format for gunicorn's lines.
logconfig_dict = secure_flask.GUNICORN_LOGGING


def on_starting(server: Any) -> None:
    secure_flask.on_starting(server, Settings, policy.TOKEN_TYPE)


def post_fork(server: Any, worker: Any) -> None:
    """Let a worker import the project itself: after a HUP the modules of this process are old."""
    if not server.cfg.preload_app:
        for name in [*sys.modules]:
            if name.partition(".")[0] in ("app", "secure_flask"):
                del sys.modules[name]
