"""The access log: one line per request if `ACCESS_LOG` is set, for investigation and statistics.

A line holds the route instead of the path, and no query string, address or user, so it holds
no personal data. The other lines of the same request have the same request id.
Source: OWASP ASVS 16.2.1, 16.2.5.
"""

import logging

import structlog
from flask import Flask
from secure_flask.web import finished_requests
from secure_flask.web.finished_requests import FinishedRequest

_LOGGER = "secure_flask.access"
_logger = structlog.get_logger(_LOGGER)


def init_app(app: Flask) -> None:
    if app.config["ACCESS_LOG"]:
        # Asked for, so a LOG_LEVEL of WARNING leaves it in.
        logging.getLogger(_LOGGER).setLevel(logging.INFO)
        finished_requests.register(app, _write)


def _write(request: FinishedRequest) -> None:
    _logger.info(
        "request",
        request_id=request.request_id,
        request_method=request.method,
        route=request.route,
        status=request.status,
        milliseconds=round(request.seconds * 1000, 1),
        bytes=request.bytes_sent,
    )
