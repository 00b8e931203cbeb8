"""Content-Security-Policy: which scripts, styles and images a page may load.

It protects against injected markup: a script without this response's nonce does not
run. Pages get the policy of `policy.py`. Every other response gets a policy that allows
nothing, so an uploaded file that is opened in a tab cannot run scripts.

A browser ignores an unknown directive and reads an unquoted keyword as a host name. Both mistakes
silently weaken the policy, so here they stop the app. The lists of valid words are those of the
Working Draft of 13 August 2026, with `'inline-speculation-rules'` of the HTML Standard, and without
two that no browser knows: `webrtc`, `'unsafe-allow-redirects'`.
Source: W3C Content Security Policy Level 3, sections 2.3 and 7; W3C Trusted Types; Weichselbaum et
al., "CSP Is Dead, Long Live CSP!" (2016); OWASP ASVS 3.4.3.
"""

import os
import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Blueprint, Flask, current_app, request
from secure_flask.csp_levels import ANCESTORS, NONCE, NONE, SCRIPT, SOURCES, Level
from secure_flask.state import State, StateKey, state_of
from secure_flask.web.flask_hooks import add_to_templates
from secure_flask.web.origins import PolicyError, in_force
from secure_flask.web.view_options import add_options, options_of

Target = TypeVar("Target", bound=Callable[..., Any] | Blueprint)
Header = tuple[str, str]
Directives = dict[str, list[str]]
# Directives with their sources, in a form that can be hashed. The last one of a name counts.
Override = tuple[tuple[str, tuple[str, ...]], ...]

ENFORCED = "Content-Security-Policy"
REPORT_ONLY = "Content-Security-Policy-Report-Only"

# Browsers still display JSON, a PDF or an SVG, but nothing in it runs or loads.
INERT = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; sandbox"
# A worker runs under the policy of the response that has its script.
WORKER = "default-src 'self'; object-src 'none'; base-uri 'none'"

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

DIRECTIVES = frozenset(
    {
        *("default-src", "script-src", "script-src-elem", "script-src-attr", "style-src"),
        *("style-src-elem", "style-src-attr", "img-src", "font-src", "connect-src"),
        *("media-src", "object-src", "child-src", "frame-src", "worker-src", "manifest-src"),
        *("base-uri", "form-action", "frame-ancestors", "sandbox"),
        *("require-trusted-types-for", "trusted-types"),
    }
)
_KEYWORDS = frozenset(
    {
        *("'none'", "'self'", "'unsafe-inline'", "'unsafe-eval'", "'wasm-unsafe-eval'"),
        *("'unsafe-hashes'", "'strict-dynamic'", "'report-sample'", "'report-sha256'"),
        *("'report-sha384'", "'report-sha512'", "'trusted-types-eval'"),
        "'inline-speculation-rules'",
        *("'script'", "'allow-duplicates'"),
    }
)
_UNQUOTED = frozenset(keyword.strip("'") for keyword in _KEYWORDS)
# These two directives take unquoted words: sandbox flags and names of Trusted Types policies.
_TAKE_WORDS = frozenset({"sandbox", "trusted-types"})
_WORD = re.compile(r"[A-Za-z0-9#=_/@.%*-]+")
_HASH = re.compile(r"'sha(?:256|384|512)-[A-Za-z0-9+/_-]+={0,2}'")
# A page makes these itself, so nothing is loaded from another site.
_OF_THE_PAGE = ("data:", "blob:")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:")
_HOST = re.compile(
    r"(?:[a-z][a-z0-9+.-]*://)?(?:\*|(?:\*\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)*|\[[0-9a-f:.]+\])"
    r"(?::(?:[0-9]{1,5}|\*))?(?:/[A-Za-z0-9._~!$&()*+=:@%/-]*)?"
)
# These hosts serve files of any publisher, an attacker's too, or libraries that bypass a policy.
PUBLIC_CDNS = frozenset(
    {
        *("ajax.googleapis.com", "cdn.jsdelivr.net", "cdn.skypack.dev", "cdn.statically.io"),
        *("cdnjs.cloudflare.com", "esm.run", "esm.sh", "fastly.jsdelivr.net", "ga.jspm.io"),
        *("raw.githack.com", "raw.githubusercontent.com", "rawcdn.githack.com"),
        *("s3.amazonaws.com", "storage.googleapis.com", "unpkg.com"),
    }
)

# The directives that the blueprint and the view replace by `@csp`.
CSP_OVERRIDE = StateKey[Override]("CSP override")
CSP_NONCE = StateKey[str]("CSP nonce")


def csp_nonce() -> str:
    """The nonce of this response: 18 random bytes in standard base64.

    A template writes `csp_nonce()` into the attribute `nonce` of each tag of a script.
    """
    return nonce_of(state_of(request))


def csp(**directives: list[str]) -> Callable[[Target], Target]:
    """Replace the named directives for a view or a blueprint.

    Write `@csp(img_src=[SELF, "https://tiles.example.org"])` below the route decorator, or
    `csp(img_src=[…])(blueprint)`. A view's directive overrides its blueprint's.

    :raises PolicyError: at import, for an unknown directive or source.
    """
    override = {name.replace("_", "-"): sources for name, sources in directives.items()}
    check_directives(override)
    added = as_override(override)

    def apply() -> None:
        state = state_of(request)
        state[CSP_OVERRIDE] = override_of(state) + added

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


def init_app(app: Flask) -> None:
    """
    :raises PolicyError: a directive or source is one that browsers ignore or misread.
    """
    check_directives(app.config["CSP_CHANGES"])
    for level in filter(None, (app.config["CSP"], app.config["CSP_CANDIDATE"])):
        check_directives(resolve_level(level, app.config))
    add_to_templates(app, {"csp_nonce": csp_nonce})


def as_override(directives: Directives) -> Override:
    """Directives in the form that can be hashed."""
    return tuple((name, tuple(sources)) for name, sources in directives.items())


def override_of(state: State) -> Override:
    """The directives that the view and its blueprint replace; empty without `@csp`."""
    return state.get(CSP_OVERRIDE) or ()


def nonce_of(state: State) -> str:
    """The nonce of a response, made at the first call."""
    nonce = state.get(CSP_NONCE)
    if nonce is None:
        nonce = state[CSP_NONCE] = b64encode(os.urandom(18)).decode()
    return nonce


def csp_headers(config: Mapping[str, Any], scheme: str, override: Override = ()) -> list[Header]:
    """The policy of a page and where browsers report, with `{nonce}` in place of the nonce."""
    # SCRIPT_NAME is not used, since a mounted app adds its path to it.
    reports = config["APPLICATION_ROOT"].rstrip("/") + "/csp-reports"
    name = REPORT_ONLY if config["CSP_REPORT_ONLY"] else ENFORCED
    policies = [(name, page_policy(config, override))]
    if candidate := config["CSP_CANDIDATE"]:
        policies.append((REPORT_ONLY, {**resolve_level(candidate, config), **_listed(override)}))
    headers = [(name, _value(name, policy, scheme, reports)) for name, policy in policies]
    if scheme == "https":
        headers.append(("Reporting-Endpoints", f'csp="{reports}"'))
    return headers


def page_policy(config: Mapping[str, Any], override: Override = ()) -> Directives:
    """The directives of a page, with those that its view and blueprint replace."""
    policy = {**resolve_level(config["CSP"], config), **_listed(override)}
    # A dict of directives in CSP may lack frame-ancestors. Anybody could then frame the pages.
    listed = policy.get("frame-ancestors", config["FRAME_ANCESTORS"])
    framers = in_force(listed, production=config["PRODUCTION"])
    return {**policy, "frame-ancestors": framers or [NONE]}


def resolve_level(level: Level | Directives, config: Mapping[str, Any]) -> Directives:
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


def csp_overrides(app: Flask) -> dict[str, Directives]:
    """The directives that `@csp` replaces, by view or blueprint."""
    hooks = [(name, hook) for name, listed in app.before_request_funcs.items() for hook in listed]
    return {
        place: dict(policy)
        for name, target in [*app.view_functions.items(), *hooks]
        for place, policy in _overrides_of(name, target)
        if policy is not None
    }


def check_directives(policy: Mapping[str, list[str]]) -> None:
    """Refuse a policy that a browser would ignore or misread.

    :raises PolicyError: names the directive, the source and the correct form.
    """
    for directive, sources in policy.items():
        if directive not in DIRECTIVES:
            raise PolicyError(f"Content-Security-Policy has no directive {directive!r}.")
        if isinstance(sources, str):
            raise PolicyError(f"{directive} is a string; write a list of sources.")
        if directive == "require-trusted-types-for" and sources != [SCRIPT]:
            raise PolicyError(f'{directive} is {sources}; write ["{SCRIPT}"], or leave it out.')
        if NONE in sources and len(sources) > 1:
            raise PolicyError(f"{directive}: browsers ignore {NONE} beside other sources.")
        if not sources and directive != "sandbox":
            raise PolicyError(f'{directive} is empty; write "{NONE}" to allow nothing.')
        for source in sources:
            _check_source(directive, source)


def loads_elsewhere(policy: Mapping[str, Iterable[str]]) -> bool:
    """Whether a page with these directives may load something from another site."""
    loaded = (each for name, sources in policy.items() if "-src" in name for each in sources)
    return any(not each.startswith("'") and each not in _OF_THE_PAGE for each in loaded)


def serialize_directives(policy: Mapping[str, list[str]]) -> str:
    """The value of the header, with the placeholder `{nonce}` for the nonce."""
    return "; ".join(" ".join([directive, *sources]) for directive, sources in policy.items())


def is_whole_cdn(source: str) -> bool:
    """Whether a source of the policy is a public CDN, and not one file or folder of it."""
    parts = urlsplit(source if "//" in source else f"//{source}")
    return parts.hostname in PUBLIC_CDNS and parts.path in ("", "/")


def _overrides_of(name: str | None, target: object) -> Iterator[tuple[str, Any]]:
    """The directives of `@csp` with their place, by method if the methods of a class differ."""
    policies = {method: options_of(target, method).csp for method in _METHODS}
    if all(policy is policies["GET"] for policy in policies.values()):
        yield f"{name}: ", policies["GET"]
        return
    for method, policy in policies.items():
        yield f"{name} {method}: ", policy


def _with(policy: Directives, name: str, added: list[str]) -> list[str]:
    """The sources of a directive and those added. A missing directive begins with default-src."""
    default = policy.get("default-src", []) if name.endswith("-src") else []
    present = [source for source in policy.get(name, default) if source != NONE]
    return [*present, *(source for source in added if source not in present)]


def _listed(override: Override) -> Directives:
    return {name: list(sources) for name, sources in override}


def _value(name: str, policy: Directives, scheme: str, reports: str) -> str:
    value = f"{serialize_directives(policy)}; report-uri {reports}"
    if scheme != "https":
        # With report-to over plain http, Chromium sends no reports at all.
        return value
    # Browsers ignore this directive in a policy that only reports, and log an error for each page.
    upgrade = "; upgrade-insecure-requests" if name == ENFORCED else ""
    return f"{value}; report-to csp{upgrade}"


def _check_source(directive: str, source: str) -> None:
    if source == NONCE or source in _KEYWORDS:
        return
    if directive in _TAKE_WORDS and _WORD.fullmatch(source):
        return
    if source in _UNQUOTED:
        raise PolicyError(f"{directive}: {source} without quotes is a host; write \"'{source}'\".")
    if not any(form.fullmatch(source) for form in (_HASH, _SCHEME, _HOST)):
        raise PolicyError(
            f"{directive}: {source!r} is not a source; write one origin, scheme or quoted keyword."
        )
