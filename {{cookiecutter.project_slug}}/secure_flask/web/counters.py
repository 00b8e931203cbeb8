"""The counters behind rate limits: in Redis if `REDIS_URL` is set, otherwise in memory.

Each limit counts in windows of its length, and the number of the window is part of the key. So
one count can be given back, there or not at all; at the edge of two windows a client may have
twice the limit. It fails closed: while Redis is unavailable, each process counts in memory and
allows half the limit. Source: OWASP ASVS 6.3.1, 16.5.2.
"""

import re
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from ipaddress import IPv6Address, IPv6Network, ip_address
from threading import Lock
from typing import NamedTuple, TypeVar, cast

from flask import Flask, current_app, request
from limits import RateLimitItem
from limits.errors import StorageError
from limits.storage import MemoryStorage, Storage
from secure_flask.web import redis_storage

Result = TypeVar("Result")
Key = tuple[str, ...]

PAUSE = 10.0  # seconds until a server that failed is asked again
SITE = 48  # bits: providers give one IPv6 customer up to a /48, which is 65,536 networks

# Some proxies add the client's port, which differs for each connection.
_WITH_PORT = re.compile(r"([0-9.]+):[0-9]+|\[([0-9A-Fa-f:.]+)\](?::[0-9]+)?", re.ASCII)


class Count(NamedTuple):
    """One that was counted: where, so that it can be given back there."""

    storage: Storage
    key: str
    lifetime: int  # seconds
    number: int  # in this window, this one included
    limit: int
    resets_at: float  # seconds since 1970

    @property
    def allowed(self) -> bool:
        return self.number <= self.limit


class Counters:
    """Counts by key, in the shared storage or, while that is unavailable, in this process."""

    def __init__(self, redis_url: str | None) -> None:
        self.local = MemoryStorage()
        self.shared: Storage = redis_storage.connect(redis_url) if redis_url else self.local
        self.retry_at = 0.0  # by time.monotonic()
        # MemoryStorage loses a count when two threads create the same counter.
        self._lock = Lock()

    def add(self, limit: RateLimitItem, *key: str) -> Count:
        """Count one in the present window."""
        return self._try(lambda storage, most: self._add(storage, limit, most, key), limit.amount)

    def add_locally(self, limit: RateLimitItem, *key: str) -> Count:
        """The same in this process alone, for what needs no exact limit."""
        return self._add(self.local, limit, limit.amount, key)

    def read(self, limit: RateLimitItem, *key: str) -> int:
        """The number in the present window, without counting one."""
        name = _name(limit, key)
        return self._try(lambda storage, most: storage.get(name), limit.amount)

    def give_back(self, count: Count) -> None:
        """Take back one that was counted, there or not at all; never below zero."""
        if count.storage is not self.local and self._is_away():
            return
        try:
            if self._increment(count.storage, count.key, count.lifetime, -1) < 0:
                self._increment(count.storage, count.key, count.lifetime)
        except StorageError:
            self._pause()

    def is_shared(self) -> bool:
        """Whether Redis responds; also true where REDIS_URL is not set."""
        with suppress(StorageError):
            return bool(self.shared.check())
        return False

    def _add(self, storage: Storage, limit: RateLimitItem, most: int, key: Key) -> Count:
        window, name = limit.get_expiry(), _name(limit, key)
        resets_at = (time.time() // window + 1) * window
        number = self._increment(storage, name, 2 * window)
        return Count(storage, name, 2 * window, number, most, resets_at)

    def _increment(self, storage: Storage, name: str, lifetime: int, by: int = 1) -> int:
        # Without the lock for Redis: threads would wait for a server that is away one by one.
        with self._lock if storage is self.local else nullcontext():
            return storage.incr(name, lifetime, by)

    def _try(self, operation: Callable[[Storage, int], Result], most: int) -> Result:
        if self.shared is self.local:
            return operation(self.local, most)
        if not self._is_away():
            try:
                return operation(self.shared, most)
            except StorageError:
                self._pause()
        return operation(self.local, max(1, most // 2))

    def _is_away(self) -> bool:
        return time.monotonic() < self.retry_at

    def _pause(self) -> None:
        # Otherwise each request would wait for it, until no thread is left.
        self.retry_at = time.monotonic() + PAUSE
        current_app.logger.warning("Redis is unavailable: limits are counted in memory")


def counters() -> Counters:
    """The counters of this app."""
    return cast(Counters, current_app.extensions["counters"])


def client_address(prefix: int = 64) -> str:
    """The key of a client in a count: its IPv4 address, or the first bits of its IPv6 address.

    One IPv6 customer has at least 2**64 addresses, so they count as one client. All invalid
    addresses count as one client too. Source: RFC 6177.
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


def init_app(app: Flask) -> None:
    app.extensions["counters"] = Counters(app.config["REDIS_URL"])


def _name(limit: RateLimitItem, key: Key) -> str:
    return limit.key_for(*key, str(int(time.time() // limit.get_expiry())))
