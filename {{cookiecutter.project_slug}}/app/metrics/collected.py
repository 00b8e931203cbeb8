"""What is counted. Labels hold only values that this project chose, so their number is bounded.

A client that could add a value, such as a path, would fill the memory of Prometheus.
Source: Prometheus, best practices for instrumentation; OWASP ASVS 15.2.2.
"""

from flask import Flask
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from app.security import audit, csp, finished_requests
from app.security.audit import Event
from app.security.finished_requests import FinishedRequest

# Seconds: from a health check to the longest wait for the database.
BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

# How a login or another check of a secret ends: good, failed, throttled, without a place.
LOGINS = (audit.LOGIN_SUCCESS, audit.LOGIN_FAIL, audit.RATE_LIMIT_EXCEEDED, audit.TOO_BUSY)

REGISTRY = CollectorRegistry()
REQUESTS = Counter(
    "http_requests",
    "Requests that were answered.",
    ["method", "route", "status"],
    registry=REGISTRY,
)
DURATION = Histogram(
    "http_request_duration_seconds",
    "From the request's headers to the end of the response.",
    ["method", "route"],
    buckets=BUCKETS,
    registry=REGISTRY,
)
EVENTS = Counter(
    "audit_events",
    "Events of the audit log, also those whose line was left out.",
    ["event"],
    registry=REGISTRY,
)
VIOLATIONS = Counter(
    "csp_violations",
    "Violations of the Content-Security-Policy that browsers reported. Anybody can forge one.",
    ["directive", "disposition"],
    registry=REGISTRY,
)
CONNECTIONS = Gauge(
    "database_connections_in_use",
    "Connections that requests hold.",
    registry=REGISTRY,
    multiprocess_mode="livesum",
)
MAX_CONNECTIONS = Gauge(
    "database_connections_max",
    "Connections that the pools of all processes can open.",
    registry=REGISTRY,
    multiprocess_mode="livesum",
)


def init_app(app: Flask) -> None:
    finished_requests.register(app, _count_request)
    audit.recorded.connect(_count_event)
    csp.violation_reported.connect(_count_violation)
    for event in LOGINS:
        # Prometheus sees an increase only where it saw a value before.
        EVENTS.labels(event.name)


def _count_request(request: FinishedRequest) -> None:
    REQUESTS.labels(request.method, request.route, request.status).inc()
    DURATION.labels(request.method, request.route).observe(request.seconds)


def _count_event(event: Event) -> None:
    EVENTS.labels(event.name).inc()


def _count_violation(directive: str, *, disposition: str, times: int) -> None:
    VIOLATIONS.labels(directive, disposition).inc(times)
