"""Rate limits: a password cannot be guessed by trying, nor a log filled by posting.

Counts live in Redis where `REDIS_URL` names one, so that workers share them, else in
memory. While Redis is away half the limit holds in each process: never none.
Source: OWASP ASVS 6.3.1.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import partial, wraps
from ipaddress import IPv6Address, IPv6Network, ip_address
from math import ceil
from threading import Lock
from typing import Any, TypeVar, cast

from flask import Flask, Response, current_app, g, request
from limits import RateLimitItem, parse
from limits.errors import StorageError
from limits.storage import MemoryStorage, Storage, storage_from_string
from limits.strategies import MovingWindowRateLimiter, RateLimiter

from app.security.errors import refusal
from app.security.marks import view_has

View = TypeVar("View", bound=Callable[..., Any])
Told = TypeVar("Told")
Key = tuple[str, ...]

# Some proxies tell a client's port too, and each new connection has another.
_WITH_PORT = re.compile(r"([0-9.]+):[0-9]+|\[([0-9A-Fa-f:.]+)\](?::[0-9]+)?", re.ASCII)

REDIS_TIMEOUT = 0.5  # seconds: no request waits longer for a Redis that is away
SITE = 48  # bits: one customer may hold that much of IPv6, which is 65,536 networks
LONGEST_ATTEMPT = 30  # seconds: every wait in the app is shorter


class Limits:
    """Counts by key, in the storage that workers share or, while it is away, in this process."""

    def __init__(self, redis_url: str | None) -> None:
        self.local: RateLimiter = MovingWindowRateLimiter(MemoryStorage())
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

    def frees_at(self, limit: RateLimitItem, key: Key) -> float:
        """When the limit allows the next one, in seconds since 1970."""
        if self.test(limit, key):
            return time.time()  # only those in flight are in the way
        if self._is_used_up_here(limit, key):
            return self.local.get_window_stats(_halved(limit), *key)[0]
        return self._ask(lambda limiter, limit: limiter.get_window_stats(limit, *key), limit)[0]

    def _start(
        self, key: Key, limiter: RateLimiter, limit: RateLimitItem
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
        self, question: Callable[[RateLimiter, RateLimitItem], Told], limit: RateLimitItem
    ) -> Told:
        if self.shared is None:
            return question(self.local, limit)
        # A request that found Redis away waits for it no second time.
        if "redis_is_away" not in g:
            try:
                return question(self.shared, limit)
            except StorageError:
                g.redis_is_away = True
        return question(self.local, _halved(limit))


def counts() -> Limits:
    """The counts of this app."""
    return cast(Limits, current_app.extensions["limits"])


def limited(limit: str) -> Callable[[View], View]:
    """Allow the view so many calls for each address, as in `"60 per minute"`."""
    item = parse(limit)

    def decorate(view: Any) -> Any:
        @wraps(view)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            key = (view.__module__, view.__qualname__, client_address())
            if not counts().hit(item, key):
                return too_many(item, key)
            return current_app.ensure_sync(view)(*args, **kwargs)

        wrapped.limited = True  # type: ignore[attr-defined]
        return wrapped

    return decorate


def too_many(limit: RateLimitItem, key: Key) -> Response:
    """The answer with 429, which says when the limit allows the next one."""
    seconds = max(1, ceil(counts().frees_at(limit, key) - time.time()))
    return refusal(429, "Too many requests", Retry_After=str(seconds))


def client_address(prefix: int = 64) -> str:
    """The client, as far as it can be told: IPv6 addresses that begin with the same bits are one.

    A customer has 2**64 of them or more; those that cannot be read count as one client.
    Source: RFC 6177.
    """
    text = request.remote_addr or ""
    if found := _WITH_PORT.fullmatch(text):
        text = found[1] or found[2]
    try:
        address = ip_address(text)
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or IPv6Network((address, prefix), strict=False)[0])
    return str(address)


def shared_storage_answers() -> bool:
    """Whether Redis is there, or none is asked for."""
    shared = counts().shared
    return shared is None or shared.storage.check()


def init_app(app: Flask) -> None:
    app.extensions["limits"] = Limits(app.config["REDIS_URL"])
    if app.config["RATE_LIMIT"]:
        app.before_request(partial(_refuse_too_many, parse(app.config["RATE_LIMIT"])))


def _refuse_too_many(limit: RateLimitItem) -> Response | None:
    key = ("every route", client_address())
    # A probe that is refused would have the app stopped.
    allowed = view_has("is_probe") or counts().hit(limit, key)
    return None if allowed else too_many(limit, key)


def _halved(limit: RateLimitItem) -> RateLimitItem:
    return type(limit)(max(1, limit.amount // 2), limit.multiples)


def _redis(url: str) -> RateLimiter:
    options: Any = {"socket_timeout": REDIS_TIMEOUT, "socket_connect_timeout": REDIS_TIMEOUT}
    storage = storage_from_string(url, wrap_exceptions=True, **options)
    return MovingWindowRateLimiter(cast(Any, storage))
