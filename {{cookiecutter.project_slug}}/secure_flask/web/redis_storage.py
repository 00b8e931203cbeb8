"""Connects rate limits to the server of `REDIS_URL`.

While it does not respond, the limiter counts in memory, so no request waits here for long.
Source: OWASP ASVS 6.3.1, 12.3.1, 16.5.2.
"""

from ssl import SSLCertVerificationError
from typing import Any
from urllib.parse import parse_qs, urlsplit

from limits.errors import StorageError
from limits.storage import RedisStorage, Storage

TIMEOUT = 0.5  # seconds that a request waits for the server
# redis-py accepts more options, but some of them make each use fail.
_OPTIONS = {"db", "ssl_ca_certs", "ssl_cert_reqs", "ssl_certfile", "ssl_keyfile"}


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
