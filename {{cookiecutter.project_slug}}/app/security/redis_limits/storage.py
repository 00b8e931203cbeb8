"""Connects rate limits with the servers of `REDIS_URL`.

While a server does not respond, the limiter counts in memory. So nothing here waits for long, and
nothing is repeated with growing waits. Source: OWASP ASVS 6.3.1, 16.5.2.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from limits.errors import StorageError
from limits.storage import RedisClusterStorage, RedisSentinelStorage, RedisStorage, Storage
from limits.strategies import MovingWindowRateLimiter

from app.security.redis_limits import url
from app.security.redis_limits.url import Address

TIMEOUT = 0.5  # seconds that a request waits for a server
_WAITS: dict[str, Any] = {"socket_timeout": TIMEOUT, "socket_connect_timeout": TIMEOUT}


class Limiter(MovingWindowRateLimiter):
    """Connects when it is first used: an app whose Cluster is unavailable starts nevertheless."""

    # Without super().__init__(), which takes a storage that is connected.
    def __init__(self, connect: Callable[[], Storage]) -> None:
        self._connect = connect
        self._connected: Storage | None = None

    @property
    def storage(self) -> Storage:  # type: ignore[override]
        # Two threads may both connect, which is harmless. With a lock they would wait for each
        # other while the servers are unavailable.
        if self._connected is None:
            self._connected = self._connect()
        return self._connected


def limiter(redis_url: str) -> Limiter:
    """A limiter that counts in the servers of a REDIS_URL."""
    address = url.read(redis_url)
    connect = {url.ONE: _one, url.SENTINEL: _sentinel, url.CLUSTER: _cluster}[address.kind]
    return Limiter(partial(connect, address))


def _one(address: Address) -> Storage:
    return RedisStorage(address.url, wrap_exceptions=True, **_WAITS)


def _sentinel(address: Address) -> Storage:
    waits = {**_WAITS, "retry": _retries(0)}
    return RedisSentinelStorage(
        address.url,
        # A replica lags behind, so it would allow too much.
        use_replicas=False,
        sentinel_kwargs={**waits, **address.sentinel_options},
        wrap_exceptions=True,
        **{**waits, **address.options},
    )


class _Cluster(RedisClusterStorage):
    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        return _cluster_errors()


def _cluster(address: Address) -> Storage:
    # Once more, since the first attempt may find that a slot has moved to another server.
    options = {**_WAITS, "retry": _retries(1), **address.options}
    try:
        return _Cluster(address.url, wrap_exceptions=True, **options)
    except _cluster_errors() as error:
        raise StorageError(error) from error


def _cluster_errors() -> tuple[type[Exception], ...]:
    # Imported here, as below: the driver is an extra.
    from redis.exceptions import RedisClusterException, RedisError

    return RedisError, RedisClusterException  # the second is no RedisError


def _retries(times: int) -> Any:
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return Retry(NoBackoff(), times)
