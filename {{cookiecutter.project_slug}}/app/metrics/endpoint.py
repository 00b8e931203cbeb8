"""`/metrics`, only for connections that arrived at the port of METRICS_ADDRESS.

The connection decides, since a client can write any port into its Host header. Where the server
does not tell the connection, as `flask run`, nothing is served.
Source: OWASP ASVS 13.4.5.
"""

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Flask
from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.multiprocess import MultiProcessCollector

from app.metrics.collected import REGISTRY
from app.metrics.port import DIRECTORY, port_of

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PATH = "/metrics"


def init_app(app: Flask) -> None:
    port = port_of(app.config["METRICS_ADDRESS"])
    app.wsgi_app = MetricsPort(app.wsgi_app, port)  # type: ignore[method-assign]


class MetricsPort:
    """WSGI middleware that answers at one port, and leaves all others to the app."""

    def __init__(self, wsgi_app: "WSGIApplication", port: int) -> None:
        self.wsgi_app, self.port = wsgi_app, port
        self.metrics: WSGIApplication = make_wsgi_app(_registry())

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        if not _arrived_at(self.port, environ):
            return self.wsgi_app(environ, start_response)
        if environ["PATH_INFO"] != PATH:
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"The metrics are at /metrics.\n"]
        return self.metrics(environ, start_response)


def _arrived_at(port: int, environ: "WSGIEnvironment") -> bool:
    connection = environ.get("gunicorn.socket")
    # A path, where it is a Unix socket.
    address = connection.getsockname() if connection else None
    return isinstance(address, tuple) and address[1] == port


def _registry() -> CollectorRegistry:
    """What all processes counted under gunicorn; elsewhere what this one did."""
    if DIRECTORY not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry
