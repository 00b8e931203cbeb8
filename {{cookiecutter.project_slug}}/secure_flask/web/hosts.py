"""Accepts only trusted host names, trusted proxies, https, and unambiguous paths.

A forged Host header poisons links, caches and redirects. A forged X-Forwarded-For evades
rate limits. Only exact host names are accepted, and only the forwarded headers of
PROXY_HOPS proxies are trusted. The proxy normalises request targets.
Source: RFC 9110, section 7.4; OWASP ASVS 4.1.2, 4.1.3, 12.2.1.
"""

import re
from collections.abc import Iterable
from functools import partial
from wsgiref.types import StartResponse, WSGIEnvironment

from flask import Flask, Request, abort, current_app, redirect
from secure_flask.clock import seconds_now
from secure_flask.state import StateKey, app_state
from secure_flask.web import flask_hooks
from secure_flask.web.csrf import SAFE_METHODS
from secure_flask.web.errors import add_hint, error_response
from secure_flask.web.serving import serves_requests
from secure_flask.web.view_options import Decorated, add_options, view_options
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.sansio.utils import get_current_url
from werkzeug.wrappers import Response

# The host names that a request may name.
TRUSTED_HOSTS = StateKey[frozenset[str]]("trusted hosts")
# When the log may warn again of proxies that do not fit PROXY_HOPS, in seconds since 1970.
_WARN_AGAIN_AT = StateKey[int]("time of the next warning of proxies")
HOUR = 60 * 60  # seconds

# A path begins with exactly one slash, or is empty at the root of a mounted app.
_PATH = re.compile(r"(?:/(?!/).*)?", re.DOTALL)
_PORT = re.compile(r":([1-9][0-9]{,4})\Z", re.ASCII)
# The hint does not repeat the name that the client sent.
_ANOTHER_NAME = (
    "TRUSTED_HOSTS lacks the host of this address: add it in .env beside the others, as in "
    "TRUSTED_HOSTS=localhost,192.168.1.5."
)


def probe(view: Decorated) -> Decorated:
    """Mark a view that load balancers call by IP address and over plain http."""
    return add_options(view, probe=True)


class LastHops(ProxyFix):
    """Reads only the entries of X-Forwarded-For that trusted proxies wrote.

    A client can write the entries before them. One open quote there would hide all later entries.
    """

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if sent := environ.get("HTTP_X_FORWARDED_FOR"):
            environ["HTTP_X_FORWARDED_FOR"] = ",".join(sent.split(",")[-self.x_for :])
        return super().__call__(environ, start_response)


def init_app(app: Flask) -> None:
    # Flask's own check is disabled: it runs before routing and would refuse the probes.
    trusted = frozenset(app.config["TRUSTED_HOSTS"])
    app.config["TRUSTED_HOSTS"] = None
    app_state(app)[TRUSTED_HOSTS] = trusted
    hops = app.config["PROXY_HOPS"]
    # A command such as `flask check` sends its requests past the proxies.
    if serves_requests():
        flask_hooks.add_request_check(app, partial(_warn_of_other_hops, hops))
    # The host comes first: the page of any other error has links, which lead to that host.
    flask_hooks.add_request_check(app, partial(_refuse_untrusted_host, trusted))
    flask_hooks.add_request_check(app, _refuse_ambiguous_path)
    if app.config["PRODUCTION"]:
        flask_hooks.add_request_check(app, _require_https)
    if hops:
        # Each proxy appends to X-Forwarded-For; the last one sets X-Forwarded-Proto.
        app.wsgi_app = LastHops(app.wsgi_app, x_for=hops, x_proto=1)  # type: ignore[method-assign]


def _refuse_ambiguous_path(request: Request) -> None:
    # Werkzeug routes `//me` and `me` to `/me`, so a proxy's rule for /me would be bypassed. A path
    # such as `@evil.example` would become a part of the host in a redirect.
    path, root = (request.environ.get(name, "") for name in ("PATH_INFO", "SCRIPT_NAME"))
    # No proxy stands before a test, which may write `client.get("me")` as in Flask.
    path = request.path if current_app.testing and path[:1] != "/" else path
    if not (_PATH.fullmatch(path) and _PATH.fullmatch(root)):
        abort(404)


def _refuse_untrusted_host(trusted: frozenset[str], request: Request) -> None:
    # The raw header counts: if it is missing, `request.host` is the name of the server.
    name = _name(request.environ.get("HTTP_HOST", ""))
    if not (view_options(request).probe or name in trusted):
        error = error_response(400, "Unknown host")
        error.links = False
        raise add_hint(error, _ANOTHER_NAME)


def _name(host: str) -> str:
    """The host name in a Host header, without its port. A port that no URL has stays there."""
    port = _PORT.search(host)
    return (host[: port.start()] if port and int(port[1]) <= 65535 else host).lower()


def _require_https(request: Request) -> Response | None:
    if request.is_secure or view_options(request).probe:
        return None
    if request.method not in SAFE_METHODS:
        # A redirect would come too late: the body was already sent unencrypted.
        raise error_response(403, "Use https")
    name = _name(request.environ["HTTP_HOST"])
    # request.url is not used, since it contains whatever scheme a proxy wrote.
    where = (request.root_path, request.path, request.query_string)
    return redirect(get_current_url("https", name, *where), 308)


def _warn_of_other_hops(hops: int, request: Request) -> None:
    sent = request.environ.get("HTTP_X_FORWARDED_FOR")
    found = len(sent.split(",")) if sent else 0
    # An orchestrator sends its probes past the proxies.
    if hops and found < hops and not view_options(request).probe:
        _warn_once_an_hour(
            "X-Forwarded-For has fewer addresses than PROXY_HOPS"
            f" ({found} of {hops}): a request came past a proxy, a proxy adds none, or PROXY_HOPS is too "
            "high"
        )
    # A ProxyFix that the owner has put around the app has read the header.
    elif found and not hops and "werkzeug.proxy_fix.orig" not in request.environ:
        _warn_once_an_hour(
            "X-Forwarded-For is ignored: set PROXY_HOPS to the number of your own proxies"
        )


def _warn_once_an_hour(text: str) -> None:
    state = app_state(current_app)
    if state.setdefault(_WARN_AGAIN_AT, 0) <= seconds_now():
        state[_WARN_AGAIN_AT] = seconds_now() + HOUR
        current_app.logger.warning(text)
