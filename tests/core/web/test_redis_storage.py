"""How Redis is asked: within a timeout and with its login, and an app starts without it."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier
from types import SimpleNamespace
from typing import Any

import pytest
from flask.testing import FlaskClient
from limits.errors import StorageError
from secure_flask.auth.access import public
from secure_flask.web import redis_storage
from secure_flask.web.rate_limits import limited

from core import routes
from core.conftest import LOGIN, OWN_PAGE, MakeApp

RedisClusterException = pytest.importorskip("redis.exceptions").RedisClusterException

URLS = {
    "one server": "redis://{}/0",
    "a Sentinel": "redis+sentinel://{}/main",
    "a Cluster": "redis+cluster://{}",
}
NOBODY_LISTENS = {kind: url.format("127.0.0.1:1") for kind, url in URLS.items()}
NOBODY_LISTENS["a socket"] = "redis+unix:///nowhere/redis.sock"
each_kind = pytest.mark.parametrize("url", NOBODY_LISTENS.values(), ids=NOBODY_LISTENS)
VIEW, CLIENT = "/_test/limited", "192.0.2.1"

# The clock stands still, so that no test meets the edge of two windows.
pytestmark = pytest.mark.usefixtures("wait")


def with_limited_view(make_app: MakeApp, limit: str, redis_url: str | None) -> FlaskClient:
    app = make_app(redis_url=redis_url)
    app.add_url_rule(VIEW, view_func=public(limited(limit)(lambda: "served")))
    return app.test_client()


def statuses(client: FlaskClient, times: int) -> list[int]:
    called = [client.get(VIEW, environ_overrides={"REMOTE_ADDR": CLIENT}) for _ in range(times)]
    return [answer.status_code for answer in called]


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A server that lets everybody in and says nothing, as a frozen one does."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        server.setblocking(False)
        yield server


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


@pytest.mark.parametrize(("kind", "attempts"), [*zip(URLS, (2, 1, 2), strict=True)])
def test_a_login_waits_once_for_a_redis_that_says_nothing(
    make_app: MakeApp,
    monkeypatch: pytest.MonkeyPatch,
    silent: socket.socket,
    kind: str,
    attempts: int,
) -> None:
    """It asks for several counts, of which the first alone may wait; the next login does not."""
    monkeypatch.setattr(redis_storage, "TIMEOUT", 0.05)
    url = URLS[kind].format(f"127.0.0.1:{silent.getsockname()[1]}")
    client = make_app(redis_url=url).test_client()
    assert client.post(routes.LOGIN, json=LOGIN, headers=OWN_PAGE).status_code == 200
    assert 1 <= visitors(silent) <= attempts
    assert client.post(routes.LOGIN, json=LOGIN, headers=OWN_PAGE).status_code == 200
    assert visitors(silent) == 0


def test_threads_wait_side_by_side_for_a_cluster(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    both_wait = Barrier(2)

    def connect(url: str) -> Any:
        both_wait.wait(60)
        raise StorageError(OSError("away"))

    monkeypatch.setattr(redis_storage, "connect", connect)
    client = with_limited_view(make_app, "4 per minute", NOBODY_LISTENS["a Cluster"])
    with ThreadPoolExecutor(2) as threads:
        begun = [threads.submit(statuses, client, 1) for _ in range(2)]
    assert [each.result() for each in begun] == [[200], [200]]


@pytest.mark.parametrize(
    ("query", "login"),
    [
        ("", {"username": "u", "password": "p"}),
        ("?sentinel_username=s&sentinel_password=t", {"username": "s", "password": "t"}),
        ("?sentinel_password=", {"username": None, "password": ""}),
    ],
    ids=["of the servers", "another", "none"],
)
def test_sentinels_are_asked_within_the_timeout_and_with_their_login(
    query: str, login: dict[str, str | None]
) -> None:
    storage: Any = redis_storage.connect(f"redis+sentinel://u:p@h:1,i:2/main{query}")
    there = [each.connection_pool.connection_kwargs for each in storage.sentinel.sentinels]
    waits = dict.fromkeys(("socket_timeout", "socket_connect_timeout"), redis_storage.TIMEOUT)
    assert [each["host"] for each in there] == ["h", "i"]
    assert there[0].items() >= {**waits, **login}.items()
    here = storage.storage.connection_pool.connection_kwargs
    assert here.items() >= {**waits, "username": "u", "password": "p"}.items()
    # A replica lags behind, so it would allow too much.
    assert storage.get_connection(readonly=True) is storage.get_connection()


def test_a_cluster_that_is_lost_later_is_away_too(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What redis-py raises then is none of its other errors."""

    def lost(*arguments: object, **options: object) -> None:
        raise RedisClusterException("no server can be reached")

    cluster = SimpleNamespace(register_script=lambda script: lost, get=lost, ping=lost)
    monkeypatch.setattr("redis.cluster.RedisCluster", lambda **options: cluster)
    client = with_limited_view(make_app, "4 per minute", NOBODY_LISTENS["a Cluster"])
    assert statuses(client, 4) == [200, 200, 429, 429]
