"""Which sites may show the pages in a frame: the defence against clickjacking.

Current browsers read `frame-ancestors` of the CSP, older ones X-Frame-Options. Both come
from FRAME_ANCESTORS. X-Frame-Options cannot express a list of origins and is absent then.
Source: RFC 7034; OWASP ASVS 3.4.6.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Flask
from secure_flask.csp_levels import NONE, SELF
from secure_flask.web import headers
from secure_flask.web.csp import effective
from secure_flask.web.csp_syntax import Policy
from secure_flask.web.headers import Environ, Header, Kind

_X_FRAME_OPTIONS: dict[tuple[str, ...], Sequence[Header]] = {
    (NONE,): [("X-Frame-Options", "DENY")],
    (SELF,): [("X-Frame-Options", "SAMEORIGIN")],
}


def init_app(app: Flask) -> None:
    headers.register(app, header_provider(app.config))


def header_provider(config: Mapping[str, Any]) -> headers.HeaderProvider:
    by_kind = {
        Kind.PAGE: _option(effective(config, {})),
        Kind.SCRIPT: _X_FRAME_OPTIONS[(NONE,)],
        Kind.OTHER: _X_FRAME_OPTIONS[(NONE,)],
        Kind.NOT_MODIFIED: (),
    }

    def provide(environ: Environ, kind: Kind) -> Sequence[Header]:
        if kind is Kind.PAGE and "secure_flask.csp" in environ:
            return _option(effective(config, environ))
        return by_kind[kind]

    return provide


def _option(policy: Policy) -> Sequence[Header]:
    return _X_FRAME_OPTIONS.get(tuple(policy["frame-ancestors"]), ())
