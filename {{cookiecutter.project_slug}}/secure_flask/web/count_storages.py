"""Where rate limits count: in the memory of this process, or in the server of `REDIS_URL`.

The memory storage of `limits` has no cap, and looks at all keys again and again. `MemoryStorage`
looks at two keys of each lifetime when it counts, and keeps no key whose count is zero. While Redis
does not respond, the limiter counts in memory, so no request waits here for long.
Source: CWE-770; OWASP ASVS 6.3.1, 12.3.1, 16.5.2.
"""

from collections.abc import Callable, Iterable, MutableMapping
from ssl import SSLCertVerificationError
from threading import Lock
from typing import Any
from urllib.parse import parse_qs, urlsplit

from limits.errors import StorageError
from limits.storage import RedisStorage, Storage

# A key, its lifetime in seconds, and what its count changes by.
Change = tuple[str, int, int]

TIMEOUT = 0.5  # seconds that a request waits for the server
# redis-py accepts more options, but some of them make each use fail.
_OPTIONS = {"db", "ssl_ca_certs", "ssl_cert_reqs", "ssl_certfile", "ssl_keyfile"}


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


def connect_redis(url: str) -> Storage:
    """The storage of a REDIS_URL, which connects at its first use."""
    # These imports are here, since the driver is an extra.
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    options: dict[str, Any] = {
        "socket_timeout": TIMEOUT,
        "socket_connect_timeout": TIMEOUT,
        # redis-py tries once more, since the first attempt may find a closed connection.
        "retry": Retry(NoBackoff(), 1),
    }
    return RedisStorage(url, wrap_exceptions=True, **options)


def check_redis_url(url: str) -> None:
    """Refuse a URL that no request could use; this does not connect.

    :raises Exception: the URL cannot be used. The message may quote the password.
    """
    if not _query(url).keys() <= _OPTIONS:
        raise ValueError("there is an unknown option")
    storage: Any = connect_redis(url)
    storage.storage.connection_pool.make_connection()  # finds a wrong option


def error_class(error: StorageError) -> str:
    """The class of an error, such as AuthenticationError; no message, which may name the user.

    What is wrong with a certificate names no user, so it follows the class. redis-py puts an error
    of the network, such as SSLCertVerificationError, into another error.
    """
    said = error.storage_error
    cause = said.__context__ if isinstance(said.__context__, OSError) else said
    name = type(cause).__name__
    return (
        f"{name}: {cause.verify_message}" if isinstance(cause, SSLCertVerificationError) else name
    )


def is_redis_verified(url: str) -> bool:
    """Whether connections are encrypted, to a server that proves who it is."""
    return url.startswith("rediss:") and _query(url).get("ssl_cert_reqs") != "none"


def _query(url: str) -> dict[str, str]:
    pairs = parse_qs(urlsplit(url).query, keep_blank_values=True)
    return {name: texts[0] for name, texts in pairs.items()}  # as redis-py reads it
