"""Connects rate limits to the servers of `REDIS_URL`: one Redis, a Sentinel or a Cluster.

While a server does not respond, the limiter counts in memory, so no request waits here for long.
Source: OWASP ASVS 6.3.1, 12.3.1, 16.5.2.
"""

from typing import Any
from urllib.parse import parse_qs, urlsplit

from limits.errors import StorageError
from limits.storage import RedisClusterStorage, RedisSentinelStorage, RedisStorage, Storage

TIMEOUT = 0.5  # seconds that a request waits for a server
SENTINEL, CLUSTER = SEVERAL = ("redis+sentinel", "redis+cluster")
# redis-py knows more options, and fails at each use of some that it accepts.
_OPTIONS = {"db", "ssl_ca_certs", "ssl_cert_reqs", "ssl_certfile", "ssl_keyfile"}
_OPTIONS_OF_SEVERAL = {SENTINEL: {"sentinel_username", "sentinel_password"}, CLUSTER: set[str]()}


class _Cluster(RedisClusterStorage):
    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        return _cluster_errors()


def connect(url: str) -> Storage:
    """The storage of a REDIS_URL; only a Cluster is asked at once.

    :raises StorageError: the Cluster does not respond.
    """
    scheme = urlsplit(url).scheme
    if scheme == SENTINEL:
        there, query = _waits(0), _query(url)
        if query:
            # An empty password means that the Sentinels have no login.
            there["username"] = query.get("sentinel_username")
            there["password"] = query.get("sentinel_password")
        # A replica lags behind, so it would allow too much.
        return RedisSentinelStorage(
            url, use_replicas=False, sentinel_kwargs=there, wrap_exceptions=True, **_waits(0)
        )
    # Once more, since the first attempt may find a closed connection, or that a Cluster has moved.
    if scheme == CLUSTER:
        try:
            return _Cluster(url, wrap_exceptions=True, **_waits(1))
        except _cluster_errors() as error:
            raise StorageError(error) from error
    return RedisStorage(url, wrap_exceptions=True, **_waits(1))


def check(url: str) -> None:
    """Refuse a URL that no request could use; this does not connect.

    :raises Exception: the URL cannot be used. The message may quote the password.
    """
    parts = urlsplit(url)
    if not _query(url).keys() <= _OPTIONS_OF_SEVERAL.get(parts.scheme, _OPTIONS):
        raise ValueError("there is an unknown option")
    if parts.scheme in SEVERAL:
        # limits sends the login as it is written.
        if "%" in parts.netloc:
            raise ValueError("the login is encoded")
        servers = [urlsplit(f"//{each}") for each in parts.netloc.rpartition("@")[2].split(",")]
        if not all(server.hostname and server.port for server in servers):
            raise ValueError("each server has a host and a port")
    if parts.scheme != CLUSTER:
        storage: Any = connect(url)
        storage.storage.connection_pool.make_connection()  # finds a wrong option


def is_verified(url: str) -> bool:
    """Whether connections are encrypted, to a server that proves who it is."""
    return url.startswith("rediss:") and _query(url).get("ssl_cert_reqs") != "none"


def _query(url: str) -> dict[str, str]:
    pairs = parse_qs(urlsplit(url).query, keep_blank_values=True)
    return {name: texts[0] for name, texts in pairs.items()}  # as redis-py reads it


def _cluster_errors() -> tuple[type[Exception], ...]:
    # Imported here, as below: the driver is an extra.
    from redis.exceptions import RedisClusterException, RedisError

    return RedisError, RedisClusterException  # the second is no RedisError


def _waits(retries: int) -> dict[str, Any]:
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    retry = Retry(NoBackoff(), retries)
    return {"socket_timeout": TIMEOUT, "socket_connect_timeout": TIMEOUT, "retry": retry}
