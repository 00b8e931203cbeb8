"""Which names this app answers to, behind which proxies, and only over https.

A forged Host header poisons links, caches and redirects; a forged X-Forwarded-For
dodges limits. Only exact names count, and forwarded headers only as many hops deep
as the operator says. A request for a whole URL names its site twice, and both count.
Source: RFC 9110, section 7.4; OWASP ASVS 4.1.2, 4.1.3, 12.2.1.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from flask import Flask, Response, current_app, redirect, request
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.sansio.utils import get_current_url
from werkzeug.wrappers import Response as BaseResponse

from app.security import headers, targets
from app.security.csrf import SAFE_METHODS
from app.security.errors import refusal
from app.security.headers import Header, Kind
from app.security.marks import view_has

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

# As Werkzeug reads it; it takes any other Host for none.
_PORT = re.compile(r":[1-9][0-9]{,4}\Z", re.ASCII)

View = TypeVar("View", bound=Callable[..., Any])


def probe(view: View) -> View:
    """Mark a view that load balancers call by address and over plain http."""
    view.is_probe = True  # type: ignore[attr-defined]
    return view


class LastHops(ProxyFix):
    """Reads no more than the trusted proxies wrote.

    What stands before that a client may have written: one open quote would hide the rest.
    """

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        if sent := environ.get("HTTP_X_FORWARDED_FOR"):
            environ["HTTP_X_FORWARDED_FOR"] = ",".join(sent.split(",")[-self.x_for :])
        return super().__call__(environ, start_response)


def init_app(app: Flask) -> None:
    # Flask's own check runs before routing and would refuse the probes.
    trusted = frozenset(app.config["TRUSTED_HOSTS"])
    app.config["TRUSTED_HOSTS"] = None
    app.extensions["trusted_hosts"] = trusted
    app.before_request(partial(_refuse_untrusted_host, trusted))
    if app.config["PRODUCTION"]:
        app.before_request(_require_https)
    headers.register_fixed(app, contribution(app.config))
    hops = app.config["PROXY_HOPS"]
    if hops:
        # Each proxy adds an address to the list of them; the scheme is the last one's word.
        app.wsgi_app = LastHops(app.wsgi_app, x_for=hops, x_proto=1)  # type: ignore[method-assign]
    else:
        app.before_request(_warn_of_ignored_proxy)


def _refuse_untrusted_host(trusted: frozenset[str]) -> Response | None:
    # Read as it was sent: without a Host header Flask would take the server's own name.
    name = _name(request.environ.get("HTTP_HOST", ""))
    if view_has("is_probe") or (name in trusted and _target_agrees(name)):
        return None
    return refusal(400, "Unknown host")


def _target_agrees(name: str) -> bool:
    """Whether a target that is a whole URL means the site that Host names."""
    site = targets.site(request.environ)
    return site is None or (site[0], _name(site[1])) == (request.scheme, name)


def _name(host: str) -> str:
    """The name in a Host header: the port is the server's affair, if it is one."""
    return _PORT.sub("", host.lower())


def _require_https() -> BaseResponse | None:
    if request.is_secure or view_has("is_probe"):
        return None
    if request.method not in SAFE_METHODS:
        # A redirected write has already told its secret to the network.
        return refusal(403, "Use https")
    name = _name(request.environ["HTTP_HOST"])
    # Not from request.url, which holds whatever scheme a proxy wrote.
    where = (request.root_path, request.path, request.query_string)
    return redirect(get_current_url("https", name, *where), 308)


def _warn_of_ignored_proxy() -> None:
    if "X-Forwarded-For" in request.headers and not current_app.extensions.get("proxy_warned"):
        current_app.extensions["proxy_warned"] = True
        current_app.logger.warning(
            "X-Forwarded-For is ignored: set PROXY_HOPS to the number of your own proxies"
        )


def contribution(config: Mapping[str, Any]) -> headers.Contribution:
    value = config["STRICT_TRANSPORT_SECURITY"]
    https_only = {"https": [("Strict-Transport-Security", value)], "http": []}

    def contribute(environ: "WSGIEnvironment", kind: Kind) -> list[Header]:
        return https_only[environ["wsgi.url_scheme"]]

    return contribute
