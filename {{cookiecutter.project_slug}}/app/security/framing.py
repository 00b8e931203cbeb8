"""Who may show our pages in a frame: the defence against clickjacking.

`frame-ancestors` says it to today's browsers; X-Frame-Options says the same to old
ones, from the same value, and is absent for an allow-list, which it cannot express.
Source: RFC 7034; OWASP ASVS 3.4.6.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from flask import Flask

from app.security import headers, origins
from app.security.csp import effective
from app.security.headers import Header, Kind
from app.security.origins import PolicyError
from app.security.sources import NONE, SELF, Policy

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_OPTIONS: dict[tuple[str, ...], Sequence[Header]] = {
    (NONE,): [("X-Frame-Options", "DENY")],
    (SELF,): [("X-Frame-Options", "SAMEORIGIN")],
}


def init_app(app: Flask) -> None:
    """Whatever the policy says of frame-ancestors, FRAME_ANCESTORS is the answer."""
    listed = app.config["FRAME_ANCESTORS"]
    origins.check("FRAME_ANCESTORS", [source for source in listed if source not in (NONE, SELF)])
    if not listed:
        raise PolicyError(f'policy.py: FRAME_ANCESTORS is empty; write "{NONE}" for nobody.')
    app.config["CSP"] = {**app.config["CSP"], "frame-ancestors": listed}
    headers.register(app, contribution(app.config))


def contribution(config: Mapping[str, Any]) -> headers.Contribution:
    by_kind = {
        Kind.PAGE: _option(effective(config, {})),
        Kind.SCRIPT: _OPTIONS[(NONE,)],
        Kind.OTHER: _OPTIONS[(NONE,)],
        Kind.NOT_MODIFIED: (),
    }

    def contribute(environ: "WSGIEnvironment", kind: Kind) -> Sequence[Header]:
        if kind is Kind.PAGE and "app.csp" in environ:
            return _option(effective(config, environ))
        return by_kind[kind]

    return contribute


def _option(policy: Policy) -> Sequence[Header]:
    return _OPTIONS.get(tuple(policy["frame-ancestors"]), ())
