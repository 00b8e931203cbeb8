"""Requests by a key, which only views marked `@keys_allowed` accept.

A key is recognised by its prefix before the token type reads a token, so it works with each
TOKEN_TYPE. A page in a browser must not hold a key, so a request from CORS_ORIGINS is refused.
"""

from flask import Request, current_app
from limits import parse
from secure_flask.auth import stored_keys
from secure_flask.auth.key_table import ApiKey
from secure_flask.state import app_state
from secure_flask.web import rate_limits
from secure_flask.web.bearer import bearer_token
from secure_flask.web.cors import CORS_ORIGINS
from secure_flask.web.errors import ErrorResponse, error_response
from secure_flask.web.view_options import ViewOptions, view_options

READS = frozenset({"GET", "HEAD"})


def brings_key(request: Request) -> bool:
    """Whether the bearer token of a request can only be a key, valid or not."""
    return stored_keys.is_key(bearer_token(request) or "")


def find_key_of_request(request: Request) -> ApiKey | None:
    return stored_keys.find_key(bearer_token(request) or "")


def find_refusal_of_key(request: Request) -> ErrorResponse | None:
    """The exception that refuses a request's key for a closed view; None if the view accepts it."""
    options = view_options(request)
    if not options.keys or options.access == "public" or options.recent_login:
        return not_here()
    if request.headers.get("Origin") in app_state(current_app)[CORS_ORIGINS]:
        return error_response(403, "Keys are not allowed in pages of other sites")
    if not takes_key(request.method, options):
        return error_response(403, "Keys may only read here")
    return None


def not_here() -> ErrorResponse:
    """The exception for a view that accepts no key."""
    return error_response(403, "Keys are not allowed here")


def takes_key(method: str, options: ViewOptions) -> bool:
    """Whether the marks of a view let a key send this method. A key is never a recent login."""
    marked = options.keys == "all" or (options.keys == "read" and method in READS)
    return marked and not options.recent_login


def count_request_of_key(key: ApiKey) -> None:
    """
    :raises ErrorResponse: 429, too many requests by this key.
    """
    limit = parse(current_app.config["API_KEY_RATE_LIMIT"])
    rate_limits.require_within_limit(limit, "key", key.id)
