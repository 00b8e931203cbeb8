"""How often a client may call, and that nothing opens while Redis is away."""

import os
import secrets
from ipaddress import IPv6Address

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask.auth.access import public
from secure_flask.web.hosts import probe
from secure_flask.web.rate_limiter import shared_storage_is_available
from secure_flask.web.rate_limits import client_address, limited
from werkzeug.test import TestResponse

from core.conftest import MakeApp, Wait

NOBODY_LISTENS = "redis://127.0.0.1:1/0"
LIMITED, PLAIN, PROBE = "/_test/limited", "/_test/plain", "/_test/probe"


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """One that each test here may add views to."""
    return make_app()


def with_limited_view(app: Flask, limit: str = "2 per minute") -> FlaskClient:
    app.add_url_rule(LIMITED, view_func=public(limited(limit)(lambda: "served")))
    return app.test_client()


def statuses(client: FlaskClient, *addresses: str) -> list[int]:
    """What a call from each address gets, in turn."""
    return [
        client.get(LIMITED, environ_overrides={"REMOTE_ADDR": address}).status_code
        for address in addresses
    ]


def retry_after(answer: TestResponse) -> int:
    """When the client may come back, in seconds."""
    assert answer.status_code == 429
    return int(answer.headers["Retry-After"])


def test_retry_after_says_when_a_client_is_served_again(make_app: MakeApp, wait: Wait) -> None:
    for period, seconds in (("second", 1), ("minute", 60), ("hour", 3600)):
        client = with_limited_view(make_app(), f"1 per {period}")
        client.get(LIMITED)
        wait(0.6)
        left = retry_after(client.get(LIMITED))
        assert max(1, seconds - 1) <= left <= seconds
        wait(left)
        assert client.get(LIMITED).status_code == 200


def test_one_clients_calls_do_not_count_for_another(app: Flask) -> None:
    client = with_limited_view(app, "1 per minute")
    assert statuses(client, "192.0.2.1", "192.0.2.2", "192.0.2.1") == [200, 200, 429]


def test_one_views_calls_do_not_count_for_another_of_its_name(app: Flask) -> None:
    def view() -> str:
        return "served"

    def another() -> str:
        return "served"

    another.__name__ = view.__name__
    for name, function in {"one": view, "two": another}.items():
        app.add_url_rule(f"/_test/{name}", name, public(limited("1 per minute")(function)))
    client = app.test_client()
    assert [client.get(f"/_test/{name}").status_code for name in ("one", "two")] == [200, 200]


def test_a_limit_to_all_requests_counts_every_route_but_probes(make_app: MakeApp) -> None:
    app = make_app(rate_limit="2 per minute")
    app.add_url_rule(PLAIN, "plain", public(lambda: ""))
    app.add_url_rule(PROBE, "probe", public(probe(lambda: "")))
    client = app.test_client()
    answers = [client.get(path) for path in (PROBE, PLAIN, "/_test/nowhere", PLAIN, PROBE)]
    assert [answer.status_code for answer in answers] == [200, 200, 404, 429, 200]
    assert 59 <= retry_after(answers[3]) <= 60


ONE_CLIENT = {
    "a /64 of IPv6": ("2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff"),
    "IPv4 in IPv6": ("192.0.2.1", "::ffff:192.0.2.1"),
    "scopes": ("fe80::1%eth0", "fe80::1%eth1"),
    "a port": ("192.0.2.1:5678", "192.0.2.1"),
    "brackets and a port": ("[2001:db8::1]:5678", "2001:db8::1"),
    "unreadable": ("192.0.2.1:x", "unknown"),
}
TWO_CLIENTS = {
    "two /64 of IPv6": ("2001:db8:0:1::1", "2001:db8:0:2::1"),
    "two IPv4 in IPv6": ("::ffff:192.0.2.1", "::ffff:192.0.2.2"),
    "two with a port": ("192.0.2.1:5678", "192.0.2.2:5678"),
    "two in brackets": ("[2001:db8:0:1::1]", "[2001:db8:0:2::1]"),
}


def test_which_addresses_are_one_client(app: Flask, subtests: pytest.Subtests) -> None:
    for case, (first, second) in (ONE_CLIENT | TWO_CLIENTS).items():
        with subtests.test(case):
            assert (_seen_as(app, first) == _seen_as(app, second)) is (case in ONE_CLIENT)


def _seen_as(app: Flask, address: str) -> str:
    with app.test_request_context(environ_base={"REMOTE_ADDR": address}):
        return client_address()


def test_an_address_that_cannot_be_read_is_limited_too(app: Flask) -> None:
    unreadable = ["", "unknown", "192.0.2.1:x", "192.0.2.1:80x", "\u00e9"]
    assert statuses(with_limited_view(app), *unreadable) == [200, 200, 429, 429, 429]


def test_while_redis_is_away_half_the_limit_holds_and_at_least_one(make_app: MakeApp) -> None:
    pytest.importorskip("redis")
    for limit, expected in (("4 per minute", [200, 200, 429]), ("1 per minute", [200, 429, 429])):
        client = with_limited_view(make_app(redis_url=NOBODY_LISTENS), limit)
        assert statuses(client, *["192.0.2.1"] * 3) == expected


def test_the_app_knows_whether_the_counts_are_shared(make_app: MakeApp) -> None:
    pytest.importorskip("redis")
    for url in (None, NOBODY_LISTENS):
        with make_app(redis_url=url).app_context():
            assert shared_storage_is_available() is (url is None)


@pytest.mark.skipif("TEST_REDIS_URL" not in os.environ, reason="needs TEST_REDIS_URL")
def test_workers_share_their_counts_in_redis(make_app: MakeApp) -> None:
    newcomer = str(IPv6Address(secrets.randbits(128) | 1 << 127))
    first, second = (
        with_limited_view(make_app(redis_url=os.environ["TEST_REDIS_URL"])) for _ in range(2)
    )
    assert statuses(first, newcomer) == [200]
    assert statuses(second, newcomer, newcomer) == [200, 429]
    for client in (first, second):
        client.application.extensions["rate_limiter"].shared.storage.storage.close()
