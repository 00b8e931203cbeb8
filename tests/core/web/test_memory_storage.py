"""Counts in memory: which keys are kept, and how many of them one more count looks at."""

from collections.abc import Iterator

import pytest
from secure_flask.web.memory_storage import MemoryStorage

from core.conftest import Wait
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


def test_a_key_counts_until_it_expires_and_those_of_other_lifetimes_too(wait: Wait) -> None:
    storage = MemoryStorage(clock.now)
    storage.incr("short", LIFETIME)
    storage.incr("long", 10 * LIFETIME)
    wait(LIFETIME - 1)
    assert (storage.incr("short", LIFETIME), len(storage)) == (2, 2)
    wait(1)
    assert (storage.incr("long", 10 * LIFETIME), len(storage)) == (2, 1)


def test_what_is_given_back_leaves_no_key_and_nothing_below_zero() -> None:
    # Below zero, as many more guesses would pass.
    storage = MemoryStorage(clock.now)
    assert [storage.incr("a", LIFETIME, by) for by in (1, 1, -1, -1, -1)] == [1, 2, 1, 0, 0]
    assert len(storage) == 0
    assert storage.incr("a", LIFETIME) == 1
