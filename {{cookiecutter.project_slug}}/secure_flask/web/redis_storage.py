"""Connects rate limits to the servers of `REDIS_URL`: one Redis, a Sentinel or a Cluster.

While a server does not respond, the limiter counts in memory, so no request waits here for long.
Of the URL of a Sentinel or a Cluster, `limits` reads the hosts alone: what it says about TLS and
an encoded password is read here. Source: OWASP ASVS 6.3.1, 12.3.1, 16.5.2.
"""

from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

from limits.errors import StorageError
from limits.storage import RedisClusterStorage, RedisSentinelStorage, RedisStorage, Storage

TIMEOUT = 0.5  # seconds that a request waits for a server
SENTINEL, CLUSTER = "redis+sentinel", "redis+cluster"
_SCHEMES = {"true": "rediss", "false": "redis"}  # by the option `ssl`
# The options of redis-py that a text can give; with others it would fail at each use.
_OPTIONS = {
    *("client_name", "db", "health_check_interval", "max_connections", "protocol"),
    *("socket_connect_timeout", "socket_keepalive", "socket_timeout"),
    *("ssl_ca_certs", "ssl_cert_reqs", "ssl_certfile", "ssl_check_hostname", "ssl_keyfile"),
}
_LOGIN_AT_SENTINELS = ("sentinel_username", "sentinel_password")


def connect(url: str) -> Storage:
    """The storage of a REDIS_URL; only a Cluster is asked at once.

    :raises StorageError: the Cluster does not respond.
    """
    scheme = urlsplit(url).scheme
    if scheme == SENTINEL:
        return _sentinel(url, {**_waits(0), **options(url)})
    # Once more, since the first attempt may find a closed connection, or that a Cluster has moved.
    if scheme == CLUSTER:
        return _cluster(url, {**_waits(1), **options(url)})
    return RedisStorage(url, wrap_exceptions=True, **_waits(1))


def options(url: str) -> dict[str, Any]:
    """What a URL says about each connection, such as its password; this does not connect.

    :raises Exception: the URL cannot be used. The message may quote the password.
    """
    # Imported here, as below: the driver is an extra.
    from redis.connection import ConnectionPool, parse_url

    parts, query = urlsplit(url), _query(url)
    if parts.scheme in (SENTINEL, CLUSTER):
        url = _one_server(parts, query)
    url = url.replace("redis+unix:", "unix:", 1)
    if not _query(url).keys() <= _OPTIONS:
        raise ValueError("there is an unknown option")
    ConnectionPool.from_url(url).make_connection()  # finds options that this connection lacks
    given: dict[str, Any] = parse_url(url)  # type: ignore[no-untyped-call]
    left_out = ("host", "connection_class")
    kept = {name: value for name, value in given.items() if name not in left_out}
    return {**kept, "ssl": url.startswith("rediss:")}


def _query(url: str) -> dict[str, str]:
    pairs = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    if len(dict(pairs)) < len(pairs):
        raise ValueError("of an option that is given twice, readers take different values")
    return dict(pairs)


def _one_server(parts: SplitResult, query: dict[str, str]) -> str:
    """The URL of one server, with the login and the options of several."""
    login, _, hosts = parts.netloc.rpartition("@")
    servers = [urlsplit(f"//{each}") for each in hosts.split(",")]
    if not all(server.hostname and server.port for server in servers):
        raise ValueError("each server has a host and a port")
    if bool(parts.path.strip("/")) != (parts.scheme == SENTINEL):
        raise ValueError("a Sentinel has the name of a service, a Cluster has none")
    if parts.scheme == CLUSTER and "db" in query:
        raise ValueError("a Cluster has one database")
    scheme = _SCHEMES[query.get("ssl", "false")]
    own = ("ssl", *(_LOGIN_AT_SENTINELS if parts.scheme == SENTINEL else ()))
    rest = {name: value for name, value in query.items() if name not in own}
    return f"{scheme}://{login}@host?{urlencode(rest)}"


def _sentinel(url: str, given: dict[str, Any]) -> Storage:
    there = {name: value for name, value in given.items() if name != "db"}
    login = [_query(url).get(name) for name in _LOGIN_AT_SENTINELS]
    if login != [None, None]:
        # An empty password means that the Sentinels have no login.
        there.update(username=login[0], password=login[1])
    # A replica lags behind, so it would allow too much.
    return RedisSentinelStorage(
        url, use_replicas=False, sentinel_kwargs=there, wrap_exceptions=True, **given
    )


class _Cluster(RedisClusterStorage):
    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        return _cluster_errors()


def _cluster(url: str, given: dict[str, Any]) -> Storage:
    try:
        return _Cluster(url, wrap_exceptions=True, **given)
    except _cluster_errors() as error:
        raise StorageError(error) from error


def _cluster_errors() -> tuple[type[Exception], ...]:
    from redis.exceptions import RedisClusterException, RedisError

    return RedisError, RedisClusterException  # the second is no RedisError


def _waits(retries: int) -> dict[str, Any]:
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    retry = Retry(NoBackoff(), retries)
    return {"socket_timeout": TIMEOUT, "socket_connect_timeout": TIMEOUT, "retry": retry}
