"""The counters behind rate limits: in Redis if `REDIS_URL` is set, otherwise in memory.

Each limit counts in windows of its length, and the number of the window is part of the key. So a
count can be undone only where it was counted; at the edge of two windows a client may have twice
the limit. Limits fail closed: while Redis is unavailable, each process counts in memory and allows
half the limit. Beyond MAX_COUNTED_KEYS keys in memory, new keys share counts. A shared count is
never lower than the count of one key would be. The log has the class of the error at most once a
minute. Source: OWASP ASVS 6.3.1, 16.5.2; CWE-770.
"""

import logging
import os
import re
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from hashlib import blake2b
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from secrets import token_hex
from typing import Any, NamedTuple

from flask import Flask, current_app, request
from limits import RateLimitItem
from limits.errors import StorageError
from limits.storage import Storage
from secure_flask.clock import seconds_now
from secure_flask.state import StateKey, app_state
from secure_flask.web import count_storages
from secure_flask.web.count_storages import MemoryStorage

CountKey = tuple[str, ...]
Limit = tuple[RateLimitItem, CountKey]
Change = tuple[RateLimitItem, CountKey, int]
Report = Callable[[str], None]

IN_REDIS = "redis"
PAUSE = 10.0  # seconds until a server that failed is asked again
REPORT_EVERY = 60  # seconds between two lines of the log
# Each question whether Redis responds counts here, since a full or read-only server still answers.
_PROBE = "probe"
MAX_COUNTED_KEYS = 100_000  # in memory, about 30 MB
# Each limit and window has this many. One process cannot answer enough requests to fill them.
SHARED_KEYS = 2**14
SITE = 48  # bits: providers give one IPv6 customer up to a /48, which is 65,536 networks

# NAT64 and SIIT show the IPv4 address of a client in the last 32 bits. Source: RFC 6052, 2.1.
_TRANSLATED = IPv6Network("64:ff9b::/96")
# Some proxies add the client's port, which differs for each connection.
_WITH_PORT = re.compile(r"([0-9.]+):[0-9]+|\[([0-9A-Fa-f:.]+)\](?::[0-9]+)?", re.ASCII)

_log = logging.getLogger(__name__)


class Count(NamedTuple):
    """The result of counting one, with the place where it was counted, so that it can be undone."""

    storage: Storage
    key: str
    lifetime: int  # seconds
    number: int  # in this window, this one included
    limit: int
    resets_at: int  # seconds since 1970

    @property
    def allowed(self) -> bool:
        return self.number <= self.limit


class Counters:
    """Counts by key, in the shared storage or, while that is unavailable, in this process.

    `clock` returns the seconds since 1970. `report` writes the class of an error of Redis to a log.
    """

    def __init__(
        self, redis_url: str | None, clock: Callable[[], float], report: Report = _log.error
    ) -> None:
        self._clock = clock
        self._report = report
        self.local = MemoryStorage(clock)
        self.shared: Storage = count_storages.connect_redis(redis_url) if redis_url else self.local
        self.retry_at = 0.0  # by time.monotonic()
        self._report_at = 0.0  # by the clock
        self._error = ""
        self._id = token_hex()
        # The time until which new keys share counts, by the length of the window in seconds.
        self._shared_until: dict[int, int] = {}

    def add(self, limit: RateLimitItem, *key: str) -> Count:
        """Count one in the present window."""
        return self.count([(limit, key)])[0]

    def count(self, added: Sequence[Limit], seen: Sequence[Limit] = ()) -> list[Count]:
        """Count one under each key of `added`, then look at those of `seen`; return all counts.

        All are in one storage, and in the present window.
        """
        changes = [*((*each, 1) for each in added), *((*each, 0) for each in seen)]
        if self.shared is self.local:
            return self._change(self.local, 1, changes)
        if not self._is_away():
            try:
                return self._change(self.shared, 1, changes)
            except StorageError as error:
                self._pause(error)
        return self._change(self.local, 2, changes)

    def add_locally(self, limit: RateLimitItem, *key: str) -> Count:
        """Count one in this process alone, where no exact limit is needed."""
        return self._change(self.local, 1, [(limit, key, 1)])[0]

    def read_locally(self, limit: RateLimitItem, *key: str) -> int:
        """The number that this process counted in the present window."""
        return self._change(self.local, 1, [(limit, key, 0)])[0].number

    def give_back(self, *counts: Count) -> None:
        """Undo counts where they were counted, unless that storage is away; never below zero."""
        self.local.incr_all([(c.key, c.lifetime, -1) for c in counts if c.storage is self.local])
        for count in counts:
            if count.storage is not self.local and not self._is_away():
                self._give_back_shared(count)

    def _give_back_shared(self, count: Count) -> None:
        try:
            if count.storage.incr(count.key, count.lifetime, -1) < 0:
                count.storage.incr(count.key, count.lifetime)
        except StorageError as error:
            self._pause(error)

    def to_json(self, count: Count) -> list[Any]:
        """A count as a list for JSON, by which a later request can undo it."""
        place = self._own_memory() if count.storage is self.local else IN_REDIS
        return [place, count.key, count.lifetime, count.resets_at]

    def give_back_json(self, stored: list[Any]) -> None:
        """Undo a count of `to_json`, only in its storage and within its window."""
        place, key, lifetime, resets_at = stored
        with suppress(StorageError):
            storage = self._storage_at(place)
            if storage is not None and self._clock() < resets_at:
                self.give_back(Count(storage, key, lifetime, 0, 0, resets_at))

    def _storage_at(self, place: str) -> Storage | None:
        if place == IN_REDIS:
            is_there = self.shared is not self.local and not self._is_away()
            return self.shared if is_there else None
        return self.local if place == self._own_memory() else None

    def _own_memory(self) -> str:
        # A forked process has the same id, but another process number.
        return f"{self._id}-{os.getpid()}"

    def redis_error(self) -> str | None:
        """The class of the error while Redis is unavailable; None also without REDIS_URL."""
        if self.shared is not self.local and not self._is_away():
            try:
                self.shared.incr(_PROBE, REPORT_EVERY)
            except StorageError as error:
                self._pause(error)
        return self._error if self._is_away() else None

    def _change(self, storage: Storage, share: int, changes: Sequence[Change]) -> list[Count]:
        """Change counts; this process has one of `share` equal parts of the limits."""
        now = self._clock()
        is_full = len(self.local) >= MAX_COUNTED_KEYS
        named = [
            (self._name(storage, limit, key, now, is_full=is_full), 2 * limit.get_expiry(), amount)
            for limit, key, amount in changes
        ]
        if storage is self.local:
            numbers = self.local.incr_all(named, now)
        else:
            # Looking at a key must not make one.
            numbers = [storage.incr(*each) if each[-1] else storage.get(each[0]) for each in named]
        return [
            Count(storage, name, lifetime, number, _most(limit, share), _window_end(limit, now))
            for (limit, *_), (name, lifetime, _), number in zip(
                changes, named, numbers, strict=True
            )
        ]

    def _name(
        self, storage: Storage, limit: RateLimitItem, key: CountKey, now: float, *, is_full: bool
    ) -> str:
        name = _name_of_count(limit, key, now)
        if (
            storage is not self.local
            or self._has_room(limit, now, is_full=is_full)
            or name in self.local
        ):
            return name
        # The digest is keyed, so nobody can find keys that share the count of a victim.
        digest = blake2b(name.encode(), key=self._id.encode()).digest()
        shared = ("shared", str(int.from_bytes(digest) % SHARED_KEYS))
        return _name_of_count(limit, shared, now)

    def _has_room(self, limit: RateLimitItem, now: float, *, is_full: bool) -> bool:
        """Whether a new key counts alone. It does not in a window in which keys share counts."""
        window = limit.get_expiry()
        if is_full:
            self._shared_until[window] = _window_end(limit, now)
        return now >= self._shared_until.get(window, 0)

    def _is_away(self) -> bool:
        return time.monotonic() < self.retry_at

    def _pause(self, error: StorageError) -> None:
        self._error = count_storages.error_class(error)
        # Without a pause each request would wait for Redis, until no thread is left.
        self.retry_at = time.monotonic() + PAUSE
        now = self._clock()
        if now >= self._report_at:
            self._report_at = now + REPORT_EVERY
            self._report(self._error)


def _most(limit: RateLimitItem, share: int) -> int:
    return limit.amount if share == 1 else max(1, limit.amount // share)


def _name_of_count(limit: RateLimitItem, key: CountKey, now: float) -> str:
    return limit.key_for(*key, str(_window_number(limit, now)))


def _window_end(limit: RateLimitItem, now: float) -> int:
    return (_window_number(limit, now) + 1) * limit.get_expiry()


def _window_number(limit: RateLimitItem, now: float) -> int:
    """The number of the present window since 1970."""
    return int(now // limit.get_expiry())


COUNTERS = StateKey[Counters]("counters")


def counters() -> Counters:
    """The counters of this app."""
    return app_state(current_app)[COUNTERS]


def client_address(prefix: int = 64) -> str:
    """The key of a client in a count: its IPv4 address, or the first bits of its IPv6 address.

    One IPv6 customer has at least 2**64 addresses, so they count as one client. All invalid
    addresses count as one client too. An IPv6 address that holds one of IPv4 counts as that one.
    Source: RFC 6177; RFC 4291, 2.5.5.2; RFC 6052, 2.1.
    """
    text = request.remote_addr or ""
    if found := _WITH_PORT.fullmatch(text):
        text = found[1] or found[2]
    try:
        address = ip_address(text)
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address):
        return str(_held_ipv4(address) or IPv6Network((address, prefix), strict=False)[0])
    return str(address)


def _held_ipv4(address: IPv6Address) -> IPv4Address | None:
    if address in _TRANSLATED:
        return IPv4Address(address.packed[-4:])
    return address.ipv4_mapped


def init_app(app: Flask, report: Report) -> None:
    app_state(app)[COUNTERS] = Counters(app.config.get("REDIS_URL"), seconds_now, report)
