"""Rate limits by client address, against floods and guessing, for one view or all requests.

Source: OWASP ASVS 6.3.1.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial, wraps
from typing import Any

from flask import Flask, Request, current_app, has_request_context, request
from limits import RateLimitItem, parse, parse_many
from secure_flask.clock import seconds_now
from secure_flask.web import audit, flask_hooks
from secure_flask.web.counters import SITE, Count, client_address, counters
from secure_flask.web.errors import ErrorResponse, plain_error
from secure_flask.web.view_options import Decorated, add_options, view_options

WIDE = 10

# How many views of one name are limited so far.
_views: Counter[tuple[str, str]] = Counter()


def limited(limit: str) -> Callable[[Decorated], Decorated]:
    """Limit the calls of a view by each address, as in `@limited("60 per minute")`.

    Several limits apply together: "60 per minute; 500 per day". A call above one gets a 429 with
    `Retry-After` in seconds. An IPv6 site, which has 65,536 networks, may make ten times as many
    calls. The form and the JSON of one view share a count.

    :raises ValueError: at import, for a text that is no limit.
    """
    items = parse_many(limit)

    def decorate(view: Any) -> Any:
        find_key = _key_finder(view)

        @wraps(view)
        def wrapped(*args: object, **kwargs: object) -> object:
            for item in items:
                _count_call(item, find_key())
            return current_app.ensure_sync(view)(*args, **kwargs)

        return add_options(wrapped, limited=limit)

    return decorate


def _key_finder(view: Callable[..., object]) -> Callable[[], tuple[str, ...]]:
    """Finds the key by which calls of a view are counted, the same in each process of the site.

    The views that a factory makes have one name, so all but the first also get a number. Flask-RESTful
    decorates a method at each request: then the endpoint stands in place of a number.
    """
    # A callable object, such as a `partial`, is counted by the name of its class.
    named = view if hasattr(view, "__qualname__") else type(view)
    name = (named.__module__, named.__qualname__)
    if has_request_context():
        return lambda: (*name, request.endpoint or "")
    number = _views[name]
    _views[name] += 1
    return lambda: (*name, str(number)) if number else name


def _count_call(limit: RateLimitItem, key: Sequence[str]) -> None:
    require_within_limit(limit, *key, client_address())
    if ":" in (site := client_address(SITE)):
        wide = type(limit)(limit.amount * WIDE, limit.multiples)
        require_within_limit(wide, *key, "site", site)


def too_many_requests(count: Count) -> ErrorResponse:
    """The 429 error; its Retry-After says when the next window begins."""
    seconds = max(1, count.resets_at - seconds_now())
    return plain_error(429, Retry_After=str(seconds))


def require_within_limit(limit: RateLimitItem, *key: str) -> None:
    """Count one for this key.

    :raises ErrorResponse: 429, there are too many in the present window.
    """
    count = counters().add(limit, *key)
    if not count.allowed:
        audit.record(audit.RATE_LIMIT_EXCEEDED)
        raise too_many_requests(count)


def init_app(app: Flask) -> None:
    if app.config["RATE_LIMIT"]:
        flask_hooks.add_request_check(
            app, partial(_check_rate_limit, parse(app.config["RATE_LIMIT"]))
        )


def _check_rate_limit(limit: RateLimitItem, request: Request) -> None:
    # Probes are exempt: an orchestrator would restart an app whose probe gets a 429.
    if not view_options(request).probe:
        _count_call(limit, ("every route",))
