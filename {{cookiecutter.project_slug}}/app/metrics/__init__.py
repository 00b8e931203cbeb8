"""Metrics for Prometheus: requests, logins, CSP violations and database connections.

`METRICS_ADDRESS` asks for them. Without it there is no route, no port and no counting.
Source: OWASP ASVS 13.4.5.
"""

from flask import Flask


def init_app(app: Flask) -> None:
    if app.config["METRICS_ADDRESS"]:
        # Imported here: prometheus-client is an extra.
        from app.metrics import collected, endpoint, pool

        collected.init_app(app)
        pool.init_app(app)
        endpoint.init_app(app)
