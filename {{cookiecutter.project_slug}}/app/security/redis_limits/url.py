"""Reads `REDIS_URL`, which names one Redis or Valkey, a Sentinel or a Cluster.

Valkey has the protocol of Redis, so `valkey://` means `redis://`. An `s` after the name means TLS,
as in `rediss://` and `rediss+sentinel://`. Source: OWASP ASVS 12.3.1, 13.1.1.
"""

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

ONE, SENTINEL, CLUSTER = "", "+sentinel", "+cluster"
FORMS = {
    ONE: "redis://user:password@host:6379/0",
    SENTINEL: "redis+sentinel://user:password@host:26379,host:26379/service",
    CLUSTER: "redis+cluster://user:password@host:6379,host:6379",
}
# The options of redis-py whose value a text can be.
OPTIONS = {
    *("client_name", "db", "health_check_interval", "max_connections", "protocol"),
    *("socket_connect_timeout", "socket_keepalive", "socket_timeout"),
    *("ssl_ca_certs", "ssl_cert_reqs", "ssl_certfile", "ssl_check_hostname", "ssl_keyfile"),
}
_LOGIN_AT_SENTINELS = {"sentinel_username", "sentinel_password"}
_SCHEME = re.compile(r"(?:redis|valkey)(s?)(|\+sentinel|\+cluster)://")
_NAME, _IPV6, _PORT = r"[A-Za-z0-9_.-]+", r"\[[0-9a-fA-F:.]+\]", r":\d{1,5}"
# limits reads no IPv6 address among several hosts: newer versions of Python refuse it.
_SEVERAL = rf"{_IPV6}{_PORT}|{_NAME}{_PORT}(?:,{_NAME}{_PORT})*"
_HOSTS = {ONE: rf"(?:{_IPV6}|{_NAME})(?:{_PORT})?", SENTINEL: _SEVERAL, CLUSTER: _SEVERAL}
_PATHS = {ONE: r"/?\d*", SENTINEL: r"/[\w.-]+/?", CLUSTER: "/?0?"}


@dataclass(frozen=True)
class Address:
    """Where to connect: the kind of servers, the URL and the options of a connection."""

    kind: str
    url: str
    options: dict[str, Any] = field(default_factory=dict)
    sentinel_options: dict[str, Any] = field(default_factory=dict)
    # Whether connections use TLS, and verify the certificate and its name.
    is_verified: bool = False


def read(text: str) -> Address:
    """Read a URL, without connecting.

    :raises ValueError: it is unusable. The message says what to write, and no part of the URL.
    """
    scheme = _SCHEME.match(text)
    if scheme is None:
        raise ValueError(f"must be {' or '.join(FORMS.values())}, with rediss for TLS")
    secure, kind = scheme.groups()
    try:
        return _read(kind, urlsplit(f"redis{secure}://{text[scheme.end() :]}"))
    except Exception:
        # redis-py raises many kinds. Without the cause, which may quote the password.
        raise ValueError(
            f"must be {FORMS[kind].replace('redis', f'redis{secure}', 1)}: special characters"
            " of the password are encoded, / as %2F, and each ?option stands once and is among"
            f" {', '.join(sorted(OPTIONS))}"
        ) from None


def _read(kind: str, parts: SplitResult) -> Address:
    login, _, hosts = parts.netloc.rpartition("@")
    fits = re.fullmatch(_HOSTS[kind], hosts) and re.fullmatch(_PATHS[kind], parts.path)
    ports = [urlsplit(f"//{each}").port for each in hosts.split(",")]  # finds impossible ones
    if not fits or parts.fragment or 0 in ports:
        raise ValueError
    query = _query(kind, parts.query)
    if kind == ONE:
        options = _options(parts.geturl())
        return Address(kind, parts.geturl(), is_verified=_is_verified(options))
    login_there = _login_at_sentinels(query) if kind == SENTINEL else {}
    # redis-py reads the login and the options from the URL of one server.
    options = _options(f"{parts.scheme}://{login}@host?{urlencode(query)}")
    there = {name: options[name] for name in options if name != "db"} | login_there
    url = f"redis{kind}://{hosts}{parts.path.rstrip('/')}"
    return Address(kind, url, options, there, _is_verified(options))


def _query(kind: str, text: str) -> dict[str, str]:
    pairs = parse_qsl(text, keep_blank_values=True)
    known = OPTIONS | (_LOGIN_AT_SENTINELS if kind == SENTINEL else set())
    if kind == CLUSTER:
        known = known - {"db"}  # a Cluster has one database
    query = dict(pairs)
    if len(query) < len(pairs) or not query.keys() <= known:
        raise ValueError
    return query


def _is_verified(options: dict[str, Any]) -> bool:
    certificate = options.get("ssl_cert_reqs", "required") in ("required", "optional")
    return bool(options["ssl"] and certificate and options.get("ssl_check_hostname", True))


def _login_at_sentinels(query: dict[str, str]) -> dict[str, str | None]:
    """Take the Sentinels' own login out of the query; without one they get that of the servers.

    An empty password means that they have no login.
    """
    login = {name: query.pop(f"sentinel_{name}", None) for name in ("username", "password")}
    return login if any(value is not None for value in login.values()) else {}


def _options(url: str) -> dict[str, Any]:
    """The options in the URL of one server, all of which a connection takes."""
    # Imported here: the driver is an extra.
    from redis.connection import ConnectionPool, parse_url

    ConnectionPool.from_url(url).make_connection()  # finds unknown options; it does not connect
    options: dict[str, Any] = parse_url(url)  # type: ignore[no-untyped-call]
    secure = options.pop("connection_class", None) is not None
    return {name: options[name] for name in options if name != "host"} | {"ssl": secure}
