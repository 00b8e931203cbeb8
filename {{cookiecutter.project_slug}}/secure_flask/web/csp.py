"""Content-Security-Policy: which scripts, styles and images a page may load.

It protects against injected markup: a script without this response's nonce does not
run. Pages get the policy of `policy.py`. Every other response gets a policy that allows
nothing, so an uploaded file that is opened in a tab cannot run scripts.
Source: W3C Content Security Policy Level 3; OWASP ASVS 3.4.3.
"""

import os
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, TypeVar

from flask import Blueprint, Flask, current_app, request
from secure_flask.csp_levels import ANCESTORS, NONE, SOURCES, Level
from secure_flask.web import headers, origins
from secure_flask.web.csp_syntax import Policy, check, loads_elsewhere, serialize
from secure_flask.web.headers import Environ, Header, Kind
from secure_flask.web.templates import add_to_templates
from secure_flask.web.view_options import add_options

Target = TypeVar("Target", bound=Callable[..., Any] | Blueprint)

ENFORCED = "Content-Security-Policy"
REPORT_ONLY = "Content-Security-Policy-Report-Only"

# Browsers still display JSON, a PDF or an SVG, but nothing in it runs or loads.
INERT = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; sandbox"
# A worker runs under the policy of its own file.
WORKER = "default-src 'self'; object-src 'none'; base-uri 'none'"

# A 304 gets no policy: it would replace the policy of the page in the browser's cache.
_NOT_PAGES: dict[Kind, Sequence[Header]] = {
    Kind.SCRIPT: [(ENFORCED, WORKER)],
    Kind.OTHER: [(ENFORCED, INERT)],
    Kind.NOT_MODIFIED: [],
}


def csp_nonce() -> str:
    """The nonce of this response: 18 random bytes in standard base64."""
    return _nonce(request.environ)


def csp(**directives: list[str]) -> Callable[[Target], Target]:
    """Replace the named directives for a view or a blueprint.

    Write `@csp(img_src=[SELF, "https://tiles.example.org"])` below the route decorator, or
    `csp(img_src=[…])(blueprint)`. A view's directive overrides its blueprint's.

    :raises PolicyError: at import, for an unknown directive or source.
    """
    override = {name.replace("_", "-"): sources for name, sources in directives.items()}
    check(override)

    def apply() -> None:
        merged = {**request.environ.get("secure_flask.csp", {}), **override}
        request.environ["secure_flask.csp"] = merged
        request.environ[headers.ELSEWHERE] = loads_elsewhere(merged)

    def decorate(target: Any) -> Any:
        if isinstance(target, Blueprint):
            target.before_request(add_options(apply, csp=override))
            return target

        @wraps(target)
        def view(*args: Any, **kwargs: Any) -> Any:
            apply()
            return current_app.ensure_sync(target)(*args, **kwargs)

        return add_options(view, csp=override)

    return decorate


def effective(config: Mapping[str, Any], environ: Environ) -> Policy:
    """The policy of a page in this environment, with the overrides of the view and blueprint."""
    policy = {**resolved(config["CSP"], config), **environ.get("secure_flask.csp", {})}
    # A policy of your own may lack it, and then anybody could frame the pages.
    listed = policy.get("frame-ancestors", config["FRAME_ANCESTORS"])
    framers = origins.in_force(listed, production=config["PRODUCTION"])
    return {**policy, "frame-ancestors": framers or [NONE]}


def resolved(level: Level | Policy, config: Mapping[str, Any]) -> Policy:
    """The directives of a level with CSP_SOURCES, FRAME_ANCESTORS and CSP_CHANGES."""
    directives = level.directives if isinstance(level, Level) else level
    lists = {SOURCES: config["CSP_SOURCES"], ANCESTORS: config["FRAME_ANCESTORS"]}
    policy = {
        name: [each for source in sources for each in lists.get(source, [source])]
        for name, sources in directives.items()
    }
    for name, added in config["CSP_CHANGES"].items():
        policy[name] = added if added == [NONE] else _with(policy, name, added)
    return policy


def _with(policy: Policy, name: str, added: list[str]) -> list[str]:
    """What a directive allows with more sources; without one of its name, default-src counts."""
    default = policy.get("default-src", []) if name.endswith("-src") else []
    present = [source for source in policy.get(name, default) if source != NONE]
    return [*present, *(source for source in added if source not in present)]


def init_app(app: Flask) -> None:
    """
    :raises PolicyError: a directive or source is one that browsers ignore or misread.
    """
    check(app.config["CSP_CHANGES"])
    for level in filter(None, (app.config["CSP"], app.config["CSP_CANDIDATE"])):
        check(resolved(level, app.config))
    add_to_templates(app, {"csp_nonce": csp_nonce})
    headers.register(app, header_provider(app.config))


def _nonce(environ: Environ) -> str:
    nonce: str | None = environ.get("secure_flask.csp_nonce")
    if nonce is None:
        nonce = environ["secure_flask.csp_nonce"] = b64encode(os.urandom(18)).decode()
    return nonce


def _value(policy: Policy, scheme: str, reports: str) -> str:
    value = f"{serialize(policy)}; report-uri {reports}"
    # Over plain http, report-to makes Chromium send no reports at all.
    return f"{value}; report-to csp; upgrade-insecure-requests" if scheme == "https" else value


def header_provider(config: Mapping[str, Any]) -> headers.HeaderProvider:
    candidate = config["CSP_CANDIDATE"] and resolved(config["CSP_CANDIDATE"], config)
    name = REPORT_ONLY if config["CSP_REPORT_ONLY"] else ENFORCED
    # Not by SCRIPT_NAME, to which a mounted app adds its own path.
    reports = config["APPLICATION_ROOT"].rstrip("/") + "/csp-reports"
    plain = effective(config, {})
    prepared = {scheme: _value(plain, scheme, reports) for scheme in ("http", "https")}

    def provide(environ: Environ, kind: Kind) -> Sequence[Header]:
        if kind is not Kind.PAGE:
            return _NOT_PAGES[kind]
        scheme = headers.scheme_of(environ)
        overridden = "secure_flask.csp" in environ
        value = (
            _value(effective(config, environ), scheme, reports) if overridden else prepared[scheme]
        )
        provided = [(name, value.replace("{nonce}", _nonce(environ)))]
        if candidate:
            tested = {**candidate, **environ.get("secure_flask.csp", {})}
            value = _value(tested, scheme, reports).replace("{nonce}", _nonce(environ))
            provided.append((REPORT_ONLY, value))
        if scheme == "https":
            provided.append(("Reporting-Endpoints", f'csp="{reports}"'))
        return provided

    return provide
