"""The counters behind rate limits: in Redis if `REDIS_URL` is set, otherwise in memory.

The limiter fails closed: while Redis is unavailable, each process counts in memory and
allows half the limit. Source: OWASP ASVS 6.3.1, 16.5.2.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import partial
from threading import Lock
from typing import TypeVar, cast

from flask import Flask, current_app, g
from limits import RateLimitItem, strategies
from limits.errors import StorageError
from limits.storage import MemoryStorage, Storage
from secure_flask.web import redis_storage

Result = TypeVar("Result")
Key = tuple[str, ...]

LONGEST_ATTEMPT = 30  # seconds: every timeout in the app is shorter


class RateLimiter:
    """Counts by key, in the shared storage or, while that is unavailable, in this process."""

    def __init__(self, redis_url: str | None) -> None:
        self.local: strategies.RateLimiter = strategies.MovingWindowRateLimiter(MemoryStorage())
        self.redis_url = redis_url
        self._shared: strategies.RateLimiter | None = None
        # MemoryStorage loses a count when two threads create the same counter.
        self._lock = Lock()

    @property
    def shared(self) -> strategies.RateLimiter | None:
        """The counters in Redis, connected at their first use: an app starts without its Redis."""
        # Without a lock: threads would wait for each other while Redis is unavailable. That two
        # of them connect is harmless.
        if self._shared is None and self.redis_url is not None:
            storage = redis_storage.connect(self.redis_url)
            self._shared = strategies.MovingWindowRateLimiter(storage)
        return self._shared

    def test(self, limit: RateLimitItem, key: Key) -> bool:
        """Whether the limit allows one more, without counting it."""
        allowed = self._with_fallback(lambda limiter, limit: limiter.test(limit, *key), limit)
        return allowed and not self._is_local_limit_reached(limit, key)

    def hit(self, limit: RateLimitItem, key: Key) -> bool:
        """Count one, and return whether the limit allowed it."""
        return self._with_fallback(lambda limiter, limit: limiter.hit(limit, *key), limit)

    @contextmanager
    def in_flight(self, limit: RateLimitItem, key: Key) -> Iterator[bool]:
        """Whether one more attempt may start; it counts against the limit until the block ends."""
        storage, counter, allowed = self._with_fallback(partial(self._start, key), limit)
        try:
            yield allowed and not self._is_local_limit_reached(limit, key)
        finally:
            # If Redis became unavailable, the counter expires by itself.
            with suppress(StorageError), self._locked(storage):
                storage.incr(counter, 3 * LONGEST_ATTEMPT, -1)

    def resets_at(self, limit: RateLimitItem, key: Key) -> float:
        """When the limit allows the next one, in seconds since 1970."""
        if self.test(limit, key):
            return time.time()  # only attempts in flight used the limit up
        if self._is_local_limit_reached(limit, key):
            return self.local.get_window_stats(_halved(limit), *key)[0]
        return self._with_fallback(
            lambda limiter, limit: limiter.get_window_stats(limit, *key), limit
        )[0]

    def _start(
        self, key: Key, limiter: strategies.RateLimiter, limit: RateLimitItem
    ) -> tuple[Storage, str, bool]:
        """Count an attempt in flight; return its storage, its counter, and whether it is allowed.

        The attempt is counted before the test, so that concurrent attempts see each other. Each
        period has its own counter, so that attempts of a killed process soon stop counting.
        """
        period = int(time.time() // LONGEST_ATTEMPT)
        now, before = (limit.key_for("in flight", *key, each) for each in (period, period - 1))
        with self._locked(limiter.storage):
            running = limiter.storage.incr(now, 3 * LONGEST_ATTEMPT) + limiter.storage.get(before)
        return limiter.storage, now, limiter.test(limit, *key, cost=running)

    def _locked(self, storage: Storage) -> AbstractContextManager[object]:
        return self._lock if storage is self.local.storage else nullcontext()

    def _is_local_limit_reached(self, limit: RateLimitItem, key: Key) -> bool:
        # A full Redis or a read-only replica responds but stores no count; this process did.
        return self.redis_url is not None and not self.local.test(_halved(limit), *key)

    def _with_fallback(
        self,
        operation: Callable[[strategies.RateLimiter, RateLimitItem], Result],
        limit: RateLimitItem,
    ) -> Result:
        if self.redis_url is None:
            return operation(self.local, limit)
        # A request waits at most once for an unavailable Redis.
        if "redis_unavailable" not in g:
            try:
                return operation(cast(strategies.RateLimiter, self.shared), limit)
            except StorageError:
                g.redis_unavailable = True
        return operation(self.local, _halved(limit))


def rate_limiter() -> RateLimiter:
    """The rate limiter of this app."""
    return cast(RateLimiter, current_app.extensions["rate_limiter"])


def shared_storage_is_available() -> bool:
    """Whether Redis responds; also true when REDIS_URL is not set."""
    with suppress(StorageError):
        shared = rate_limiter().shared
        return shared is None or shared.storage.check()
    return False


def init_app(app: Flask) -> None:
    app.extensions["rate_limiter"] = RateLimiter(app.config["REDIS_URL"])


def _halved(limit: RateLimitItem) -> RateLimitItem:
    return type(limit)(max(1, limit.amount // 2), limit.multiples)
