"""The configuration of gunicorn: run `gunicorn` in this folder. app/server/ has what it uses.

WEB_CONCURRENCY sets the number of processes: one or two for each processor. gunicorn reads it
before this file and prints a traceback if it is not a number.
"""

import os

from app.db import database
from app.metrics import port as metrics_port
from app.server import starting
from app.server.logger import Logger
from app.server.stopping import Worker

wsgi_app = "wsgi:app"
bind = [
    # An empty HOST counts as unset, since gunicorn would listen on all interfaces.
    starting.address(os.environ.get("HOST") or "127.0.0.1", os.environ.get("PORT") or "8000"),
    *metrics_port.addresses(),
]
worker_class = Worker
logger_class = Logger
on_starting = starting.on_starting
child_exit = metrics_port.child_exit
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
