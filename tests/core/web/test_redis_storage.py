"""How Redis is asked: within a timeout and once more, and an app starts without it."""

import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest
from flask.testing import FlaskClient
from secure_flask.auth.access import public
from secure_flask.web import redis_storage
from secure_flask.web.rate_limits import limited

from core import routes
from core.conftest import LOGIN, OWN_PAGE, MakeApp

pytest.importorskip("redis")

NOBODY_LISTENS = ["redis://127.0.0.1:1/0", "redis+unix:///nowhere/redis.sock"]
each_kind = pytest.mark.parametrize("url", NOBODY_LISTENS, ids=["a port", "a socket"])
VIEW, CLIENT = "/_test/limited", "192.0.2.1"


def with_limited_view(make_app: MakeApp, limit: str, redis_url: str | None) -> FlaskClient:
    app = make_app(redis_url=redis_url)
    app.add_url_rule(VIEW, view_func=public(limited(limit)(lambda: "served")))
    return app.test_client()


def statuses(client: FlaskClient, times: int) -> list[int]:
    called = [client.get(VIEW, environ_overrides={"REMOTE_ADDR": CLIENT}) for _ in range(times)]
    return [answer.status_code for answer in called]


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A server that lets everybody in and says nothing, as a frozen one does."""
    monkeypatch.setattr(redis_storage, "TIMEOUT", 0.05)
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        server.setblocking(False)
        yield server


def url_of(server: socket.socket) -> str:
    return f"redis://127.0.0.1:{server.getsockname()[1]}/0"


def visitors(server: socket.socket) -> int:
    """How many have come since the last look."""
    count = 0
    with suppress(BlockingIOError):
        while True:
            server.accept()[0].close()
            count += 1
    return count


@each_kind
def test_an_app_without_its_redis_starts_and_allows_half_the_limit(
    make_app: MakeApp, url: str
) -> None:
    client = with_limited_view(make_app, "4 per minute", url)
    assert statuses(client, 4) == [200, 200, 429, 429]
    assert client.get(routes.READYZ).get_json() == {"status": "degraded"}


@each_kind
def test_no_request_sleeps_before_it_asks_again(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("redis.retry.sleep", waits.append)
    assert statuses(with_limited_view(make_app, "2 per minute", url), 1) == [200]
    assert waits == []


def test_a_login_waits_once_for_a_redis_that_says_nothing(
    make_app: MakeApp, silent: socket.socket
) -> None:
    """It asks for several counts, of which the first alone may wait; the next login does not."""
    client = make_app(redis_url=url_of(silent)).test_client()
    assert client.post(routes.LOGIN, json=LOGIN, headers=OWN_PAGE).status_code == 200
    assert visitors(silent) == 2  # one attempt, and one repetition
    assert client.post(routes.LOGIN, json=LOGIN, headers=OWN_PAGE).status_code == 200
    assert visitors(silent) == 0


def test_one_health_check_alone_waits_for_a_redis_that_says_nothing(
    make_app: MakeApp, silent: socket.socket
) -> None:
    """Each one holds a thread and a connection to the database, and strangers can send many."""
    client = make_app(redis_url=url_of(silent)).test_client()
    checked = [(client.get(routes.READYZ).get_json(), visitors(silent)) for _ in range(3)]
    assert checked == [({"status": "degraded"}, visits) for visits in (2, 0, 0)]
