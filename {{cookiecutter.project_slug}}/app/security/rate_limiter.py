"""Counts by key, for limits that processes share.

They are in Redis where `REDIS_URL` names one, otherwise in memory. While Redis is away, half
the limit holds in each process: never none. Source: OWASP ASVS 6.3.1, 16.5.2.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import partial
from threading import Lock
from typing import Any, TypeVar, cast

from flask import Flask, current_app, g
from limits import RateLimitItem, strategies
from limits.errors import StorageError
from limits.storage import MemoryStorage, Storage, storage_from_string

Result = TypeVar("Result")
Key = tuple[str, ...]

REDIS_TIMEOUT = 0.5  # seconds: no request waits longer for a Redis that is away
LONGEST_ATTEMPT = 30  # seconds: every wait in the app is shorter


class RateLimiter:
    """Counts by key, in the storage that workers share or, while it is away, in this process."""

    def __init__(self, redis_url: str | None) -> None:
        self.local: strategies.RateLimiter = strategies.MovingWindowRateLimiter(MemoryStorage())
        self.shared = _redis(redis_url) if redis_url else None
        # MemoryStorage loses a count when two threads make the same counter.
        self._lock = Lock()

    def test(self, limit: RateLimitItem, key: Key) -> bool:
        """Whether one more would be allowed."""
        allowed = self._ask(lambda limiter, limit: limiter.test(limit, *key), limit)
        return allowed and not self._is_used_up_here(limit, key)

    def hit(self, limit: RateLimitItem, key: Key) -> bool:
        """Count one, and say whether it was allowed."""
        return self._ask(lambda limiter, limit: limiter.hit(limit, *key), limit)

    @contextmanager
    def in_flight(self, limit: RateLimitItem, key: Key) -> Iterator[bool]:
        """Whether one more may start. Until the block ends, it counts as one that was hit."""
        storage, counter, allowed = self._ask(partial(self._start, key), limit)
        try:
            yield allowed and not self._is_used_up_here(limit, key)
        finally:
            # If Redis has gone meanwhile, the counter expires by itself.
            with suppress(StorageError), self._locked(storage):
                storage.incr(counter, 3 * LONGEST_ATTEMPT, -1)

    def resets_at(self, limit: RateLimitItem, key: Key) -> float:
        """When the limit allows the next one, in seconds since 1970."""
        if self.test(limit, key):
            return time.time()  # only those in flight are in the way
        if self._is_used_up_here(limit, key):
            return self.local.get_window_stats(_halved(limit), *key)[0]
        return self._ask(lambda limiter, limit: limiter.get_window_stats(limit, *key), limit)[0]

    def _start(
        self, key: Key, limiter: strategies.RateLimiter, limit: RateLimitItem
    ) -> tuple[Storage, str, bool]:
        """Count an attempt in flight: where, by which counter, and whether the limit allows it.

        It is counted before the limit is tested, so that attempts that start together see each
        other. A counter belongs to a period and outlives it, so that what a killed process left
        in it does not count for long.
        """
        period = int(time.time() // LONGEST_ATTEMPT)
        now, before = (limit.key_for("in flight", *key, each) for each in (period, period - 1))
        with self._locked(limiter.storage):
            flying = limiter.storage.incr(now, 3 * LONGEST_ATTEMPT) + limiter.storage.get(before)
        return limiter.storage, now, limiter.test(limit, *key, cost=flying)

    def _locked(self, storage: Storage) -> AbstractContextManager[object]:
        return self._lock if storage is self.local.storage else nullcontext()

    def _is_used_up_here(self, limit: RateLimitItem, key: Key) -> bool:
        # A Redis that is full, or a replica, answers and counts nothing: this process did.
        return self.shared is not None and not self.local.test(_halved(limit), *key)

    def _ask(
        self,
        question: Callable[[strategies.RateLimiter, RateLimitItem], Result],
        limit: RateLimitItem,
    ) -> Result:
        if self.shared is None:
            return question(self.local, limit)
        # A request that found Redis away waits for it no second time.
        if "redis_is_away" not in g:
            try:
                return question(self.shared, limit)
            except StorageError:
                g.redis_is_away = True
        return question(self.local, _halved(limit))


def rate_limiter() -> RateLimiter:
    """The counts of this app."""
    return cast(RateLimiter, current_app.extensions["rate_limiter"])


def shared_storage_answers() -> bool:
    """Whether Redis is there, or none is asked for."""
    shared = rate_limiter().shared
    return shared is None or shared.storage.check()


def init_app(app: Flask) -> None:
    app.extensions["rate_limiter"] = RateLimiter(app.config["REDIS_URL"])


def _halved(limit: RateLimitItem) -> RateLimitItem:
    return type(limit)(max(1, limit.amount // 2), limit.multiples)


def _redis(url: str) -> strategies.RateLimiter:
    options: Any = {"socket_timeout": REDIS_TIMEOUT, "socket_connect_timeout": REDIS_TIMEOUT}
    storage = storage_from_string(url, wrap_exceptions=True, **options)
    return strategies.MovingWindowRateLimiter(cast(Any, storage))
