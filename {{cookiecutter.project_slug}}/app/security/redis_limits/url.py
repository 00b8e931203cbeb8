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
_SCHEME = re.compile(r"(?:redis|valkey)(s?)(|\+sentinel|\+cluster)://")
_HOST = r"(?:[\w.-]+|\[[\da-fA-F:.]+\]):\d{1,5}"
_HOSTS = {ONE: "[^,]+", SENTINEL: f"{_HOST}(?:,{_HOST})*", CLUSTER: f"{_HOST}(?:,{_HOST})*"}
_PATHS = {ONE: r"/?\d*", SENTINEL: r"/[\w.-]+/?", CLUSTER: "/?0?"}


@dataclass(frozen=True)
class Address:
    """Where to connect: the kind of servers, the URL and the options of a connection."""

    kind: str
    url: str
    options: dict[str, Any] = field(default_factory=dict)
    sentinel_options: dict[str, Any] = field(default_factory=dict)


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
    except (ValueError, TypeError):
        # Without the cause, which may quote the password.
        raise ValueError(
            f"must be {FORMS[kind].replace('redis', f'redis{secure}', 1)}: special characters"
            " of the password are encoded, / as %2F, and redis-py knows each ?option"
        ) from None


def _read(kind: str, parts: SplitResult) -> Address:
    login, _, hosts = parts.netloc.rpartition("@")
    fits = re.fullmatch(_HOSTS[kind], hosts) and re.fullmatch(_PATHS[kind], parts.path)
    if not fits or parts.fragment:
        raise ValueError
    if kind == ONE:
        _options(parts.geturl())
        return Address(kind, parts.geturl())
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    login_there = _login_at_sentinels(query) if kind == SENTINEL else {}
    # redis-py reads the login and the options from the URL of one server.
    options = _options(f"{parts.scheme}://{login}@host?{urlencode(query)}")
    there = {name: options[name] for name in options if name != "db"} | login_there
    return Address(kind, f"redis{kind}://{hosts}{parts.path.rstrip('/')}", options, there)


def _login_at_sentinels(query: dict[str, str]) -> dict[str, str | None]:
    """Take it from the query, where it differs from that of the servers; empty means none."""
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
