"""How limits count: by window, given back where counted, and half of them while Redis is away."""

import json
import os
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from flask import Flask
from limits import parse
from limits.errors import StorageError
from limits.storage import MemoryStorage
from secure_flask.web import audit, count_storages, counters
from secure_flask.web.counters import PAUSE, SITE, Count, Counters, client_address

from core.conftest import Wait
from core.standing_clock import clock

MINUTE, HOUR = parse("5 per minute"), parse("5 per hour")
NOBODY_LISTENS = "redis://127.0.0.1:1/0"

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture
def local() -> Counters:
    return Counters(None, clock.now)


class Shared(MemoryStorage):
    """In place of Redis: counts how often it is asked, and may be away."""

    def __init__(self, before: Callable[[], object] = lambda: None) -> None:
        super().__init__()
        self.before, self.away, self.asked = before, False, 0

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        self.asked += 1
        self.before()
        if self.away:
            raise StorageError(OSError("away"))
        return super().incr(key, int(expiry), amount)


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> Shared:
    storage = Shared()
    monkeypatch.setattr(count_storages, "connect_redis", lambda url: storage)
    return storage


@pytest.fixture
def both(shared: Shared) -> Counters:
    """Counters that have this Redis, and their memory while it is away."""
    return Counters("redis://", clock.now, audit.record_redis_error)


@pytest.fixture
def few_keys(monkeypatch: pytest.MonkeyPatch) -> int:
    """How many keys there may be, and with them a few that are shared."""
    monkeypatch.setattr(counters, "SHARED_KEYS", 4)
    monkeypatch.setattr(counters, "MAX_COUNTED_KEYS", 50)
    return 50


@pytest.fixture
def full(local: Counters, few_keys: int) -> Counters:
    for number in range(few_keys):
        local.add(MINUTE, str(number))
    return local


def number_of(by: Counters, key: str) -> int:
    """How many are counted in the present window."""
    return by.count([], [(MINUTE, (key,))])[0].number


def numbers(counted: list[Count]) -> list[int]:
    return [count.number for count in counted]


def test_each_window_key_and_limit_counts_by_itself(local: Counters, wait: Wait) -> None:
    counted = [local.add(MINUTE, "a") for _ in range(6)]
    assert [count.allowed for count in counted] == [True] * 5 + [False]
    others = [local.add(MINUTE, "b"), local.add(MINUTE, "a", "b"), local.add(HOUR, "a")]
    assert numbers(others) == [1, 1, 1]
    assert number_of(local, "a") == 6
    wait(60)
    assert number_of(local, "a") == 0
    assert local.add(MINUTE, "a").number == 1


def test_giving_back_waits_once_for_a_server_that_is_away(shared: Shared, both: Counters) -> None:
    counted = [both.add(MINUTE, "a") for _ in range(4)]
    shared.away = True
    for count in counted:
        both.give_back(count)
    assert shared.asked == 5


def test_no_count_in_redis_falls_below_zero(both: Counters) -> None:
    # Redis subtracts whatever is there. Below zero, as many more guesses would pass.
    count = both.add(MINUTE, "a")
    for _ in range(3):
        both.give_back(count)
    assert both.add(MINUTE, "a").number == 1


def test_one_is_given_back_in_the_window_where_it_counted(local: Counters, wait: Wait) -> None:
    before = local.add(MINUTE, "a")
    wait(60)
    local.add(MINUTE, "a")
    local.give_back(before)
    assert number_of(local, "a") == 1


def test_a_later_request_of_the_window_gives_back_what_an_earlier_one_stored(
    local: Counters, wait: Wait
) -> None:
    one, other = (json.loads(json.dumps(local.to_json(local.add(MINUTE, "a")))) for _ in "ab")
    wait(59)
    local.give_back_json(one)
    assert number_of(local, "a") == 1
    wait(1)
    local.give_back_json(other)
    wait(-60)
    assert number_of(local, "a") == 1


def test_what_was_counted_in_redis_every_process_gives_back(
    shared: Shared, both: Counters, local: Counters
) -> None:
    other = Counters("redis://", clock.now, audit.record_redis_error)
    stored = both.to_json(both.add(MINUTE, "a"))
    other.give_back_json(stored)
    assert number_of(other, "a") == 0
    shared.away = True
    other.give_back_json(stored)
    # What one process counted in memory, no other gives back.
    in_memory, another = local.to_json(local.add(MINUTE, "a")), Counters(None, clock.now)
    another.add(MINUTE, "a")
    for each in (stored, in_memory):
        another.give_back_json(each)
    assert (number_of(another, "a"), number_of(local, "a")) == (1, 1)


def test_threads_lose_no_count(local: Counters) -> None:
    with ThreadPoolExecutor(8) as threads:
        counted = [*threads.map(lambda _: local.add(MINUTE, "a"), range(400))]
    assert sorted(numbers(counted)) == [*range(1, 401)]


@pytest.mark.asvs("16.5.2")
@pytest.mark.parametrize(
    ("limit", "expected"), [("4 per minute", 2), ("5 per minute", 2), ("1 per minute", 1)]
)
def test_while_redis_is_away_half_the_limit_holds_and_at_least_one(
    local: Counters, limit: str, expected: int
) -> None:
    pytest.importorskip("redis")
    away = Counters(NOBODY_LISTENS, clock.now)
    allowed = [away.add(parse(limit), "a").allowed for _ in range(6)]
    assert allowed == [True] * expected + [False] * (6 - expected)
    assert (away.redis_error(), local.redis_error()) == ("ConnectionRefusedError", None)


def test_it_is_shared_again_when_counts_are(shared: Shared, both: Counters) -> None:
    shared.away = True
    assert [both.redis_error() for _ in range(3)] == ["OSError"] * 3
    assert shared.asked == 1
    shared.away = False
    assert (both.redis_error(), both.add(MINUTE, "a").storage) == ("OSError", both.local)
    both.retry_at -= PAUSE
    assert (both.redis_error(), both.add(MINUTE, "a").storage) == (None, shared)


def test_a_lost_redis_is_an_error_at_once_and_again_after_a_minute(
    shared: Shared, both: Counters, wait: Wait, caplog: pytest.LogCaptureFixture
) -> None:
    def lines_of(ask: Callable[[], object]) -> list[tuple[str, object]]:
        caplog.clear()
        both.retry_at = 0
        ask()
        return [(line.levelname, line.msg) for line in caplog.records]

    shared.away = True
    line = ("ERROR", {"event": "redis_unavailable", "error": "OSError"})
    assert lines_of(lambda: both.add(MINUTE, "a")) == [line]
    wait(59)
    assert lines_of(both.redis_error) == []
    wait(1)
    assert lines_of(both.redis_error) == [line]


def test_one_is_given_back_to_the_storage_that_counted_it(shared: Shared, both: Counters) -> None:
    in_redis = both.add(MINUTE, "a")
    shared.away = True
    in_memory = both.add(MINUTE, "a")
    both.give_back(in_memory)
    both.give_back(in_redis)
    assert (in_redis.number, in_memory.number, number_of(both, "a")) == (1, 1, 0)
    # Only the first of these met the server that is away.
    assert shared.asked == 2
    shared.away = False
    assert shared.get(in_redis.key) == 1


def test_threads_wait_side_by_side_for_the_server(shared: Shared, both: Counters) -> None:
    all_wait = Barrier(4)
    shared.before = lambda: all_wait.wait(60)
    with ThreadPoolExecutor(4) as threads:
        counted = [*threads.map(lambda key: both.add(MINUTE, str(key)), range(4))]
    assert numbers(counted) == [1, 1, 1, 1]


@pytest.mark.skipif("TEST_REDIS_URL" not in os.environ, reason="needs TEST_REDIS_URL")
def test_processes_share_their_counts_in_redis() -> None:
    first, second = (Counters(os.environ["TEST_REDIS_URL"], clock.now) for _ in range(2))
    key = secrets.token_hex()
    count = first.add(MINUTE, key)
    assert (count.number, second.add(MINUTE, key).number) == (1, 2)
    second.give_back(count)
    assert number_of(first, key) == 1
    for each in (first, second):
        each.shared.storage.close()  # type: ignore[attr-defined]


def test_a_stranger_with_ever_new_addresses_fills_so_many_keys_and_no_more(
    local: Counters, few_keys: int
) -> None:
    for number in range(3 * few_keys):
        local.add(MINUTE, str(number))
    assert few_keys < len(local.local) <= few_keys + counters.SHARED_KEYS
    # What is given back of a shared count is given back there.
    count = local.add(MINUTE, "new")
    before = number_of(local, "new")
    local.give_back(count)
    assert number_of(local, "new") == before - 1


@pytest.mark.usefixtures("few_keys")
def test_no_limit_opens_while_keys_are_shared_or_when_there_is_room_again(
    full: Counters, wait: Wait
) -> None:
    assert full.add(MINUTE, "0").number == 2, "a key that counted before"
    tried = [full.add(MINUTE, "guessed").allowed for _ in range(20)]
    assert sum(tried) <= 5
    full.local.reset()
    assert full.add(MINUTE, "guessed").number == 1
    assert len(full.local) == 1
    assert "guessed" not in str(full.local._counts)
    wait(60)
    full.add(MINUTE, "guessed")
    assert "guessed" in str(full.local._counts)


def test_strangers_who_share_counts_lock_no_victim_out(
    local: Counters, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each second 40 passwords are hashed at most, so these are all that fail in a minute."""
    monkeypatch.setattr(counters, "MAX_COUNTED_KEYS", 1)
    for number in range(2400):
        local.add(MINUTE, f"stranger {number}")
    assert local.add(MINUTE, "victim").allowed


# Addresses that are one client, and one site of IPv6; nobody gets a new limit by changing them.
ONE_CLIENT = [
    ("2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff"),
    ("192.0.2.1", "::ffff:192.0.2.1"),
    # RFC 6052: what a translator of IPv4 shows.
    ("192.0.2.1", "64:ff9b::192.0.2.1"),
    ("192.0.2.1", "[64:ff9b::c000:201]:5678"),
    ("fe80::1%eth0", "fe80::1%eth1"),
    ("192.0.2.1:5678", "192.0.2.1"),
    ("[2001:db8::1]:5678", "2001:db8::1"),
    ("192.0.2.1:x", "unknown"),
    ("", "\u00e9"),
]
TWO_CLIENTS = [
    ("2001:db8:0:1::1", "2001:db8:0:2::1"),
    ("::ffff:192.0.2.1", "::ffff:192.0.2.2"),
    ("64:ff9b::192.0.2.1", "64:ff9b::192.0.2.2"),
    # It only begins alike.
    ("192.0.2.1", "64:ff9b::1:c000:201"),
    ("192.0.2.1:5678", "192.0.2.2:5678"),
    ("[2001:db8:0:1::1]", "[2001:db8:0:2::1]"),
]
ONE_SITE = [
    ("2001:db8:0:1::1", "2001:db8:0:ffff::1"),
    ("192.0.2.1", "192.0.2.1"),
    ("192.0.2.1", "64:ff9b::192.0.2.1"),
]
TWO_SITES = [
    ("2001:db8:0::1", "2001:db8:1::1"),
    ("192.0.2.1", "192.0.2.2"),
    ("64:ff9b::192.0.2.1", "64:ff9b::192.0.2.2"),
]


@pytest.mark.parametrize(
    ("prefix", "one", "two"), [(64, ONE_CLIENT, TWO_CLIENTS), (SITE, ONE_SITE, TWO_SITES)]
)
def test_which_addresses_are_one_client(
    app: Flask, prefix: int, one: list[tuple[str, str]], two: list[tuple[str, str]]
) -> None:
    def seen_as(address: str) -> str:
        with app.test_request_context(environ_base={"REMOTE_ADDR": address}):
            return client_address(prefix)

    found = [(first, second) for first, second in one + two if seen_as(first) == seen_as(second)]
    assert found == one
