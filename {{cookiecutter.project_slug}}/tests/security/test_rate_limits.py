"""How often a client may call, and that nothing opens while Redis is away."""

import os
import secrets
from ipaddress import IPv6Address

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.security.rate_limiter import shared_storage_is_available
from app.security.rate_limits import client_address, limited
from tests.conftest import MakeApp, Wait

NOBODY_LISTENS = "redis://127.0.0.1:1/0"


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """One that each test here may add views to."""
    return make_app()


def with_limited_view(app: Flask, limit: str = "2 per minute") -> FlaskClient:
    app.add_url_rule("/limited", view_func=limited(limit)(lambda: "served"))
    return app.test_client()


def statuses(client: FlaskClient, *addresses: str) -> list[int]:
    """What a call from each address gets, in turn."""
    return [
        client.get("/limited", environ_overrides={"REMOTE_ADDR": address}).status_code
        for address in addresses
    ]


def test_calls_beyond_the_limit_are_refused(app: Flask) -> None:
    assert statuses(with_limited_view(app), *["192.0.2.1"] * 4) == [200, 200, 429, 429]


@pytest.mark.parametrize(
    ("limit", "seconds"), [("1 per second", 1), ("1 per minute", 60), ("1 per hour", 3600)]
)
def test_the_client_is_told_when_to_come_back(app: Flask, limit: str, seconds: int) -> None:
    client = with_limited_view(app, limit)
    client.get("/limited")
    answer = client.get("/limited")
    assert answer.json == {"error": "Too many requests"}
    assert seconds - 1 <= int(answer.headers["Retry-After"]) <= seconds
    assert int(answer.headers["Retry-After"]) >= 1


def test_one_clients_calls_do_not_count_for_another(app: Flask) -> None:
    client = with_limited_view(app, "1 per minute")
    assert statuses(client, "192.0.2.1", "192.0.2.2", "192.0.2.1") == [200, 200, 429]


def test_a_limit_to_all_requests_counts_those_of_every_route(make_app: MakeApp) -> None:
    client = make_app(rate_limit="2 per minute").test_client()
    answers = [client.get(path) for path in ("/", "/nowhere", "/", "/me")]
    assert [answer.status_code for answer in answers] == [200, 404, 429, 429]
    assert 59 <= int(answers[-1].headers["Retry-After"]) <= 60


def test_it_leaves_probes_alone(make_app: MakeApp) -> None:
    client = make_app(rate_limit="1 per minute").test_client()
    assert [client.get("/healthz").status_code for _ in range(3)] == [200] * 3
    assert client.get("/").status_code == 200


def test_one_views_calls_do_not_count_for_another(app: Flask) -> None:
    client = with_limited_view(app, "1 per minute")

    @app.get("/other")
    @limited("1 per minute")
    def other() -> str:
        return "served"

    assert [client.get(path).status_code for path in ("/limited", "/other")] == [200, 200]


def test_views_of_one_name_are_counted_apart(app: Flask) -> None:
    def view() -> str:
        return "served"

    def another() -> str:
        return "served"

    another.__name__ = view.__name__
    for path, function in {"/one": view, "/two": another}.items():
        app.add_url_rule(path, endpoint=path, view_func=limited("1 per minute")(function))
    client = app.test_client()
    assert [client.get(path).status_code for path in ("/one", "/two")] == [200, 200]


def test_a_client_that_waits_as_told_is_served(app: Flask, wait: Wait) -> None:
    client = with_limited_view(app, "1 per minute")
    client.get("/limited")
    wait(0.6)
    wait(int(client.get("/limited").headers["Retry-After"]))
    assert client.get("/limited").status_code == 200


@pytest.mark.parametrize(
    ("first", "second", "one_client"),
    [
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("fe80::1%eth0", "fe80::1%eth1", True),
        ("192.0.2.1:5678", "192.0.2.1", True),
        ("192.0.2.1:5678", "192.0.2.2:5678", False),
        ("[2001:db8::1]:5678", "2001:db8::1", True),
        ("[2001:db8:0:1::1]", "[2001:db8:0:2::1]", False),
    ],
    ids=[
        *("one /64", "two /64", "v4 in v6", "two v4 in v6", "scopes"),
        *("with a port", "two with a port", "v6 with a port", "two in brackets"),
    ],
)
def test_which_addresses_are_one_client(
    app: Flask, first: str, second: str, one_client: bool
) -> None:
    assert (_seen_as(app, first) == _seen_as(app, second)) is one_client


def _seen_as(app: Flask, address: str) -> str:
    with app.test_request_context(environ_base={"REMOTE_ADDR": address}):
        return client_address()


@pytest.mark.parametrize("address", ["", "unknown", "192.0.2.1:x", "192.0.2.1:80x", "\u00e9"])
def test_an_address_that_cannot_be_read_is_limited_too(app: Flask, address: str) -> None:
    assert statuses(with_limited_view(app), *[address] * 3) == [200, 200, 429]


@pytest.mark.asvs("16.5.2")
def test_while_redis_is_away_half_the_limit_holds(make_app: MakeApp) -> None:
    pytest.importorskip("redis")
    client = with_limited_view(make_app(redis_url=NOBODY_LISTENS), "4 per minute")
    assert statuses(client, *["192.0.2.1"] * 4) == [200, 200, 429, 429]


def test_a_limit_of_one_stays_one_then(make_app: MakeApp) -> None:
    pytest.importorskip("redis")
    client = with_limited_view(make_app(redis_url=NOBODY_LISTENS), "1 per minute")
    assert statuses(client, "192.0.2.1", "192.0.2.1") == [200, 429]


@pytest.mark.parametrize("url", [None, NOBODY_LISTENS])
def test_whether_the_counts_are_shared_is_told(make_app: MakeApp, url: str | None) -> None:
    pytest.importorskip("redis")
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
        client.application.extensions["limits"].shared.storage.storage.close()
