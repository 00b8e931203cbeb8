"""What the metrics count, and that no client makes a new series."""

import threading
from collections.abc import Callable
from threading import BoundedSemaphore

import pytest
from flask.testing import FlaskClient

from app.auth import passwords
from app.security import audit, csp
from tests import routes
from tests.conftest import LOGIN
from tests.metrics.conftest import Values


def increase(values: Values, name: str, do: Callable[[], object]) -> dict[str, float]:
    """What grew while something was done, and by how much."""
    before = values(name)
    do()
    grown = {labels: value - before.get(labels, 0) for labels, value in values(name).items()}
    return {labels: by for labels, by in grown.items() if by}


def test_requests_count_by_method_route_and_status(client: FlaskClient, values: Values) -> None:
    def ask() -> None:
        for path in ("/_test/page", "/_test/page?name=ada", "/_test/nowhere", "/_test/else"):
            client.get(path)
        client.open("/_test/page", method="MADEUP1")
        client.open("/_test/page", method="MADEUP2")

    assert increase(values, "http_requests_total", ask) == {
        "GET /_test/page 200": 2,
        "GET (no route) 404": 2,
        "(other) (no route) 405": 2,
    }


def test_the_time_of_a_request_is_in_one_bucket_and_all_above(
    client: FlaskClient, values: Values
) -> None:
    def ask() -> None:
        client.get("/_test/page")

    assert increase(values, "http_request_duration_seconds_count", ask) == {"GET /_test/page": 1}
    grown = increase(values, "http_request_duration_seconds_bucket", ask)
    assert grown["+Inf GET /_test/page"] == 1
    assert set(grown.values()) == {1}


def test_logins_count_by_how_they_end(
    client: FlaskClient, values: Values, monkeypatch: pytest.MonkeyPatch
) -> None:
    def log_in(password: str = LOGIN["password"]) -> None:
        client.post(routes.LOGIN, json={**LOGIN, "password": password})

    def fail() -> None:
        log_in("a wrong password")

    def log_in_without_a_place() -> None:
        with monkeypatch.context() as patch:
            full = BoundedSemaphore(1)
            full.acquire()
            patch.setattr(passwords, "_in_line", full)
            log_in()

    name = "audit_events_total"
    assert increase(values, name, log_in) == {"authn_login_success": 1}
    assert increase(values, name, log_in_without_a_place) == {"sys_too_busy": 1}
    assert increase(values, name, fail) == {"authn_login_fail": 1}
    for _ in range(4):
        fail()
    assert increase(values, name, fail) == {"excess_rate_limit_exceeded": 1}


def test_how_logins_end_is_there_before_the_first_one(values: Values) -> None:
    assert set(values("audit_events_total")) >= {
        "authn_login_success",
        "authn_login_fail",
        "excess_rate_limit_exceeded",
        "sys_too_busy",
    }


def test_an_event_counts_whose_line_is_left_out(
    client: FlaskClient, values: Values, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "_is_within_rate_limit", lambda event: False)

    def fail() -> None:
        client.post(routes.LOGIN, json={**LOGIN, "password": "a wrong password"})

    assert increase(values, "audit_events_total", fail) == {"authn_login_fail": 1}


def test_violations_count_by_directive(values: Values) -> None:
    def report() -> None:
        csp.violation_reported.send("script-src-elem", disposition="enforce", times=2)

    assert increase(values, "csp_violations_total", report) == {"script-src-elem enforce": 2}


def test_requests_at_once_are_all_counted(client: FlaskClient, values: Values) -> None:
    def ask() -> None:
        threads = [
            threading.Thread(target=lambda: client.application.test_client().get("/_test/page"))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert increase(values, "http_requests_total", ask) == {"GET /_test/page 200": 8}
