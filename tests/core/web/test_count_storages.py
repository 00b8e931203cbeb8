"""Which keys memory keeps and looks at; how Redis is asked, and an app starts without it."""

import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest
from secure_flask.auth.access import public
from secure_flask.web import count_storages
from secure_flask.web.count_storages import MemoryStorage
from secure_flask.web.rate_limits import limited

from core import routes
from core.conftest import LOGIN, OWN_PAGE, MakeApp, Wait
from core.standing_clock import clock

LIFETIME = 120


class Watched(dict[str, tuple[int, float]]):
    """Counts the keys that somebody looks at, one by one or all in turn."""

    looked_at = 0

    def __getitem__(self, key: str) -> tuple[int, float]:
        self.looked_at += 1
        return super().__getitem__(key)

    def get(self, key: str, default: object = None) -> object:  # type: ignore[override]
        self.looked_at += 1
        return super().get(key, default)

    def __contains__(self, key: object) -> bool:
        self.looked_at += 1
        return super().__contains__(key)

    def __iter__(self) -> Iterator[str]:
        for key in super().__iter__():
            self.looked_at += 1
            yield key

    keys = values = items = None  # type: ignore[assignment]


def filled(number: int) -> tuple[MemoryStorage, Watched]:
    storage, watched = MemoryStorage(clock.now), Watched()
    storage._counts[LIFETIME] = watched
    for each in range(number):
        storage.incr(str(each), LIFETIME)
    watched.looked_at = 0
    return storage, watched


@pytest.mark.parametrize("expired", [False, True])
def test_a_count_looks_at_as_few_keys_among_ten_thousand_as_among_a_hundred(
    wait: Wait, expired: bool
) -> None:
    counts = []
    for number in (100, 10_000):
        storage, watched = filled(number)
        wait(LIFETIME if expired else 0)
        storage.incr("one more", LIFETIME)
        counts.append((storage.get("one more"), watched.looked_at))
    few, many = counts
    assert few == many
    assert few[0] == 1
    assert few[1] <= 8


def test_half_as_many_new_keys_are_enough_for_all_expired_ones_to_go(wait: Wait) -> None:
    storage, _ = filled(100)
    wait(LIFETIME)
    for each in range(50):
        storage.incr(f"other {each}", LIFETIME)
    assert len(storage) == 50


def test_a_key_counts_until_it_expires_or_is_given_back(wait: Wait) -> None:
    storage = MemoryStorage(clock.now)
    storage.incr("short", LIFETIME)
    storage.incr("long", 10 * LIFETIME)
    wait(LIFETIME - 1)
    assert (storage.incr("short", LIFETIME), len(storage)) == (2, 2)
    wait(1)
    assert (storage.incr("long", 10 * LIFETIME), len(storage)) == (2, 1)
    # Below zero, as many more guesses would pass.
    assert [storage.incr("a", LIFETIME, by) for by in (1, 1, -1, -1, -1)] == [1, 2, 1, 0, 0]
    assert (len(storage), storage.incr("a", LIFETIME)) == (1, 1)


NOBODY_LISTENS = ["redis://127.0.0.1:1/0", "redis+unix:///nowhere/redis.sock"]


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A server that lets everybody in and says nothing, as a frozen one does."""
    pytest.importorskip("redis")
    monkeypatch.setattr(count_storages, "TIMEOUT", 0.05)
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


@pytest.mark.parametrize("url", NOBODY_LISTENS, ids=["a port", "a socket"])
def test_an_app_without_its_redis_starts_and_allows_half_the_limit_and_never_sleeps(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    pytest.importorskip("redis")
    waits: list[float] = []
    monkeypatch.setattr("redis.retry.sleep", waits.append)
    app = make_app(redis_url=url)
    app.add_url_rule("/limited", view_func=public(limited("4 per minute")(lambda: "served")))
    client = app.test_client()
    assert [client.get("/limited").status_code for _ in range(4)] == [200, 200, 429, 429]
    assert client.get(routes.READYZ).get_json() == {"status": "degraded"}
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
