"""Rate limits by client address, for one view or for all requests.

Source: OWASP ASVS 6.3.1.
"""

import re
import time
from collections.abc import Callable
from functools import partial, wraps
from ipaddress import IPv6Address, IPv6Network, ip_address
from math import ceil
from typing import Any

from flask import Flask, Request, current_app, request
from limits import RateLimitItem, parse
from secure_flask.web import request_checks
from secure_flask.web.errors import ErrorResponse, error_response
from secure_flask.web.rate_limiter import Key, rate_limiter
from secure_flask.web.view_options import Decorated, add_options, view_options

# Some proxies add the client's port, which differs for each connection.
_WITH_PORT = re.compile(r"([0-9.]+):[0-9]+|\[([0-9A-Fa-f:.]+)\](?::[0-9]+)?", re.ASCII)

SITE = 48  # bits: providers give one IPv6 customer up to a /48, which is 65,536 networks


def limited(limit: str) -> Callable[[Decorated], Decorated]:
    """Limit the calls of a view by each address, as in `@limited("60 per minute")`."""
    item = parse(limit)

    def decorate(view: Any) -> Any:
        @wraps(view)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            key = (view.__module__, view.__qualname__, client_address())
            if not rate_limiter().hit(item, key):
                raise too_many_requests(item, key)
            return current_app.ensure_sync(view)(*args, **kwargs)

        return add_options(wrapped, limited=limit)

    return decorate


def too_many_requests(limit: RateLimitItem, key: Key) -> ErrorResponse:
    """The 429 error; its Retry-After says when the limit allows the next request."""
    seconds = max(1, ceil(rate_limiter().resets_at(limit, key) - time.time()))
    return error_response(429, "Too many requests", Retry_After=str(seconds))


def client_address(prefix: int = 64) -> str:
    """The key that identifies a client: its IPv4 address, or the first bits of its IPv6 address.

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
    if app.config["RATE_LIMIT"]:
        request_checks.register(app, partial(_refuse_too_many, parse(app.config["RATE_LIMIT"])))


def _refuse_too_many(limit: RateLimitItem, request: Request) -> None:
    key = ("every route", client_address())
    # Probes are exempt: an orchestrator would restart an app whose probe gets a 429.
    if not (view_options(request).probe or rate_limiter().hit(limit, key)):
        raise too_many_requests(limit, key)
