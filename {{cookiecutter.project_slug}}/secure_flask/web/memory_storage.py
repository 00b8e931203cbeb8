"""Counts rate limits in the memory of this process, where there is no Redis or while it is away.

The memory storage of `limits` has no cap, and looks at all keys again and again. This storage looks
at two keys of each lifetime when it counts, and keeps no key whose count is zero.
Source: CWE-770.
"""

from collections.abc import Callable, Iterable, MutableMapping
from threading import Lock

from limits.storage import Storage

# A key, its lifetime in seconds, and what its count changes by.
Change = tuple[str, int, int]


class MemoryStorage(Storage):
    """Counts in memory. `clock` returns the seconds since 1970."""

    STORAGE_SCHEME = None

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock
        # The number and the time when it expires, by lifetime and key. The first key of a lifetime
        # expires first.
        self._counts: dict[int, MutableMapping[str, tuple[int, float]]] = {}
        self._lock = Lock()

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        return ()

    def __len__(self) -> int:
        """The number of keys."""
        with self._lock:
            return sum(map(len, self._counts.values()))

    def __contains__(self, key: str) -> bool:
        with self._lock:
            return any(key in counts for counts in self._counts.values())

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        return self.incr_all([(key, expiry, amount)], self._clock())[0]

    def incr_all(self, changes: Iterable[Change], now: float = 0) -> list[int]:
        """Return the new counts. What has expired `now`, in seconds since 1970, is forgotten."""
        with self._lock:
            return [self._incr(*change, now) for change in changes]

    def _incr(self, key: str, expiry: int, amount: int, now: float) -> int:
        self._forget_expired(now)
        counts = self._counts.setdefault(expiry, {})
        number, expires = counts.get(key, (0, now + expiry))
        number = max(0, number + amount)
        if number:
            counts[key] = number, expires
        else:
            counts.pop(key, None)
        return number

    def get(self, key: str) -> int:
        return self._find(key)[0]

    def get_expiry(self, key: str) -> float:
        return self._find(key)[1]

    def check(self) -> bool:
        return True

    def reset(self) -> int | None:
        with self._lock:
            self._counts.clear()
        return None

    def clear(self, key: str) -> None:
        with self._lock:
            for counts in self._counts.values():
                counts.pop(key, None)

    def _find(self, key: str) -> tuple[int, float]:
        with self._lock:
            found = (counts[key] for counts in self._counts.values() if key in counts)
            return next(found, (0, self._clock()))

    def _forget_expired(self, now: float) -> None:
        """Forget up to two expired keys of each lifetime: keys go faster than new ones come."""
        for counts in self._counts.values():
            for _ in range(2):
                oldest = next(iter(counts), None)
                if oldest is None or counts[oldest][1] > now:
                    break
                del counts[oldest]
