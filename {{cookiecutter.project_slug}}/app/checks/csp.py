"""What the Content-Security-Policy allows that an injected tag could use, and why it matters.

That browsers understand every word of it, app/security/csp_syntax.py checks at start-up.
Source: W3C Content Security Policy Level 3, section 7; OWASP ASVS 3.4.3, 3.4.6.
"""

from collections.abc import Iterable, Iterator
from logging import INFO, WARNING

from flask import Flask

from app.checks.csp_sources import (
    EVERYTHING,
    FRAMES,
    SCRIPTS,
    STYLES,
    allowed,
    ignored,
    is_any_host,
    is_whole_cdn,
)
from app.checks.registry import check
from app.security import csp
from app.security.csp_syntax import DATA, NONE, UNSAFE_INLINE

# What is open where a policy does not name the directive, and default-src is not 'none'.
MISSING = {
    "default-src": "what no other directive names loads from anywhere",
    "object-src": "an injected <object> loads a plug-in's file",
    "base-uri": "an injected <base> redirects every relative URL",
    "form-action": "an injected form carries a password to anybody",
}


@check(
    "csp.unsafe-inline",
    WARNING,
    "{}: an injected script runs as if it were the page's own.",
    "Move scripts into app/static/, or mark each with csp_nonce().",
)
def inline_scripts(app: Flask) -> Iterable[str]:
    return allowed(app, SCRIPTS, UNSAFE_INLINE.__eq__)


@check(
    "csp.unsafe-inline-styles",
    WARNING,
    "{}: an injected style can read attribute values and draw over the page.",
    "Move styles into app/static/, and style attributes into classes.",
)
def inline_styles(app: Flask) -> Iterable[str]:
    return allowed(app, STYLES, UNSAFE_INLINE.__eq__)


@check(
    "csp.ignored-unsafe-inline",
    INFO,
    "{}: a nonce or hash switches 'unsafe-inline' off, so browsers ignore it.",
    'Remove it; for style attributes write CSP["style-src-attr"] = ["\'unsafe-inline\'"] instead.',
)
def ignored_words(app: Flask) -> Iterable[str]:
    return ignored(app)


@check(
    "csp.unsafe-eval",
    WARNING,
    "{}: a text that an attacker slips into a script becomes code.",
    "Do without eval, new Function and libraries that need them.",
)
def evaluated_texts(app: Flask) -> Iterable[str]:
    return allowed(app, SCRIPTS, "'unsafe-eval'".__eq__)


@check(
    "csp.data-scripts",
    WARNING,
    "{}: an injected tag brings its script along in its own address.",
    "Move scripts into app/static/.",
)
def scripts_in_addresses(app: Flask) -> Iterable[str]:
    return allowed(app, SCRIPTS, DATA.__eq__)


@check(
    "csp.wildcard",
    WARNING,
    "{}: an injected tag loads from sites that you do not know, or tells them what it sees.",
    "Name exact origins, as in https://images.example.org.",
)
def any_site(app: Flask) -> Iterable[str]:
    return allowed(app, EVERYTHING, is_any_host)


@check(
    "csp.public-cdn",
    WARNING,
    "{}, which serves what anybody published: an injected tag loads an attacker's file there.",
    "Copy the file into app/static/; for a script, nonce and integrity do instead of the origin.",
)
def public_cdns(app: Flask) -> Iterable[str]:
    return allowed(app, (*SCRIPTS, *STYLES), is_whole_cdn)


@check(
    "csp.http",
    WARNING,
    "{}: whoever sits on the network reads and changes what is loaded.",
    "Write https.",
)
def plain_http(app: Flask) -> Iterable[str]:
    return allowed(app, EVERYTHING, lambda source: source.startswith(("http:", "ws:")))


@check(
    "csp.framed-by-any",
    WARNING,
    "{}: any site can show the page under its own and catch clicks.",
    "Name exact origins, as in https://partner.example.org.",
)
def framed_by_any(app: Flask) -> Iterable[str]:
    return allowed(app, FRAMES, is_any_host)


@check(
    "csp.missing",
    WARNING,
    "The pages' policy does not name {}.",
    "Name it in CSP in app/policy.py, with 'none' or 'self'.",
)
def missing_directives(app: Flask) -> Iterator[str]:
    policy = csp.effective(app.config, {})
    closed = policy.get("default-src") == [NONE]
    for directive, reason in MISSING.items():
        inherits = closed and directive.endswith("-src")
        if directive not in policy and not inherits:
            yield f"{directive}: {reason}"


@check(
    "csp.report-only",
    WARNING,
    "CSP_REPORT_ONLY is on: browsers report what the policy would block, and block nothing.",
    "Unset it; CSP_CANDIDATE in app/policy.py tries a policy beside the one that blocks.",
    deploy=True,
)
def only_reports(app: Flask) -> bool:
    return bool(app.config["CSP_REPORT_ONLY"])
