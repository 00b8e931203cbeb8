"""Finds sources in the Content-Security-Policy that injected markup could use.

secure_flask/web/csp_syntax.py checks the syntax at start-up.
Source: W3C Content Security Policy Level 3, section 7; OWASP ASVS 3.4.3, 3.4.6.
"""

from collections.abc import Iterable, Iterator
from logging import INFO, WARNING

from flask import Flask
from secure_flask.checks.csp_sources import (
    EVERYTHING,
    FRAMES,
    SCRIPTS,
    STYLES,
    allowed,
    ignored,
    is_any_host,
)
from secure_flask.checks.registry import check
from secure_flask.web import csp
from secure_flask.web.csp_syntax import DATA, NONE, UNSAFE_INLINE
from secure_flask.web.public_cdns import is_whole_cdn

# The attack that each directive prevents, where default-src does not cover it.
MISSING = {
    "default-src": "resources without a directive of their own load from any site",
    "object-src": "an injected <object> loads a file for a plug-in",
    "base-uri": "an injected <base> redirects every relative URL",
    "form-action": "an injected form sends a password to any site",
}


@check(
    "csp.unsafe-inline",
    WARNING,
    "{}: an injected script runs like one of the page's own.",
    "Move scripts into app/static/, or add nonce=csp_nonce() to each.",
)
def inline_scripts(app: Flask) -> Iterable[str]:
    return allowed(app, SCRIPTS, UNSAFE_INLINE.__eq__)


@check(
    "csp.unsafe-inline-styles",
    WARNING,
    "{}: an injected style can read attribute values and cover the page.",
    "Move styles into app/static/, and replace style attributes by classes.",
)
def inline_styles(app: Flask) -> Iterable[str]:
    return allowed(app, STYLES, UNSAFE_INLINE.__eq__)


@check(
    "csp.ignored-unsafe-inline",
    INFO,
    "{}: browsers ignore 'unsafe-inline' beside a nonce or hash.",
    'Remove it; for style attributes write CSP["style-src-attr"] = ["\'unsafe-inline\'"] instead.',
)
def ignored_unsafe_inline(app: Flask) -> Iterable[str]:
    return ignored(app)


@check(
    "csp.unsafe-eval",
    WARNING,
    "{}: text that an attacker passes to eval runs as code.",
    "Avoid eval, new Function and libraries that need them.",
)
def unsafe_eval(app: Flask) -> Iterable[str]:
    return allowed(app, SCRIPTS, "'unsafe-eval'".__eq__)


@check(
    "csp.data-scripts",
    WARNING,
    "{}: an injected tag can contain its script in its data: URL.",
    "Move scripts into app/static/.",
)
def data_scripts(app: Flask) -> Iterable[str]:
    return allowed(app, SCRIPTS, DATA.__eq__)


@check(
    "csp.wildcard",
    WARNING,
    "{}: an injected tag can load from any site, and send data to it.",
    "List exact origins, as in https://images.example.org.",
)
def wildcards(app: Flask) -> Iterable[str]:
    return allowed(app, EVERYTHING, is_any_host)


@check(
    "csp.public-cdn",
    WARNING,
    "{}, which serves files of any publisher: an injected tag can load an attacker's file.",
    "Copy the file into app/static/. For a script, use nonce, integrity and crossorigin instead.",
)
def public_cdns(app: Flask) -> Iterable[str]:
    return allowed(app, (*SCRIPTS, *STYLES), is_whole_cdn)


@check(
    "csp.http",
    WARNING,
    "{}: an attacker on the network can read and change the file.",
    "Use https.",
)
def plain_http(app: Flask) -> Iterable[str]:
    return allowed(app, EVERYTHING, lambda source: source.startswith(("http:", "ws:")))


@check(
    "csp.framed-by-any",
    WARNING,
    "{}: any site can show the page in a frame (clickjacking).",
    "List exact origins, as in https://partner.example.org.",
)
def framed_by_any_site(app: Flask) -> Iterable[str]:
    return allowed(app, FRAMES, is_any_host)


@check(
    "csp.missing",
    WARNING,
    "The policy of pages lacks {}.",
    "Add it to CSP in app/policy.py, with 'none' or 'self'.",
)
def missing_directives(app: Flask) -> Iterator[str]:
    policy = csp.effective(app.config, {})
    default_is_none = policy.get("default-src") == [NONE]
    for directive, reason in MISSING.items():
        inherits = default_is_none and directive.endswith("-src")
        if directive not in policy and not inherits:
            yield f"{directive}: {reason}"


@check(
    "csp.report-only",
    WARNING,
    "CSP_REPORT_ONLY is on: browsers report violations of the policy and block nothing.",
    "Unset it. To test a policy beside the enforced one, use CSP_CANDIDATE in app/policy.py.",
    deploy=True,
)
def report_only(app: Flask) -> bool:
    return bool(app.config["CSP_REPORT_ONLY"])
