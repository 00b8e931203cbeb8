"""Finds what app/policy.py and the views open: sources in pages, writes without a limit, redirects.

It also finds short passwords, unguarded workers, and legacy hashes of passwords.
Source: W3C Content Security Policy Level 3, section 7; NIST SP 800-63B-4, section 3.1.1.2; OWASP
Unvalidated Redirects and Forwards Cheat Sheet; OWASP Password Storage Cheat Sheet, "Upgrading
Legacy Hashes"; OWASP ASVS 2.4.1, 3.4.3, 3.4.6, 3.7.2, 6.2.1, 8.1.1.
"""

import ast
import re
import sys
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from flask import Flask
from secure_flask import assets
from secure_flask.auth import route_table
from secure_flask.auth.passwords import (
    LegacyScheme,
    begin_of_new_hashes,
    is_legacy_hash,
    legacy_scheme,
)
from secure_flask.auth.users import user_class
from secure_flask.checks import Finding, register_check
from secure_flask.checks.services import problem_of_migrations
from secure_flask.csp_levels import DATA, UNSAFE_INLINE
from secure_flask.database import db
from secure_flask.database.database import pages_of_rows
from secure_flask.settings import SETTINGS
from secure_flask.state import app_state
from secure_flask.web import csp
from secure_flask.web.connection_allowlist import find_allowlist
from secure_flask.web.csp import Directives, is_whole_cdn
from secure_flask.web.csrf import SAFE_METHODS
from secure_flask.web.origins import matches_any_host
from sqlalchemy import ColumnElement, func, select

PAGES = ("LOGIN_PAGE", "REAUTHENTICATION_PAGE", "SECOND_FACTOR_PAGE")
# Browsers ignore 'unsafe-inline' beside one of these.
STRICTER = ("'nonce-", "'sha256-", "'sha384-", "'sha512-")
ANY_HOST = re.compile(r"(?:[a-z]+://)?\*(?::[^/]*)?(?:/.*)?|(?:http|ws)s?:")
ANY_SUBDOMAIN = re.compile(r"(?:[a-z]+://)?\*\.([a-z0-9.-]+)")
SPECULATION = "'inline-speculation-rules'"
SHORTEST_ONLY_FACTOR = 15  # characters
WORKER_GUARD = re.compile(r'if \(event\.request\.method !== ["\']GET["\']\) return;')
# A redirect to an address in one of these leads where the sender of a link wants.
_OF_REQUEST = {"args", "values", "form"}
_OF_PACKAGES = {"site-packages", "dist-packages", "secure_flask"}
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
ARGON2 = "$argon2"
_NUMBER = re.compile(r"(?<![^:$,=])[0-9]{1,12}(?![^:$,=])")


@register_check("csp.insecure", "warning")
def insecure_sources(app: Flask) -> Iterator[Finding]:
    page = csp.page_policy(app.config)
    for place, named in {"": page, **csp.csp_overrides(app)}.items():
        for directive, sources in named.items():
            for source in sources:
                if reason := _insecure(directive, source, {**page, **named}):
                    yield Finding(
                        f"{place}{directive} allows {source}: {reason}.",
                        hint="Move scripts and styles into app/static/, give scripts the nonce, "
                        "and list exact https origins.",
                    )


@register_check("csp.ignored", "warning")
def ignored_sources(app: Flask) -> Iterator[Finding]:
    places = {"": csp.page_policy(app.config), **csp.csp_overrides(app)}
    if candidate := app.config["CSP_CANDIDATE"]:
        places["CSP_CANDIDATE: "] = csp.resolve_level(candidate, app.config)
    for place, named in places.items():
        for directive, sources in named.items():
            stricter = next((each for each in sources if each.startswith(STRICTER)), None)
            if stricter and UNSAFE_INLINE in sources:
                yield Finding(
                    f"{place}{directive}: browsers ignore {UNSAFE_INLINE} beside {stricter}.",
                    hint="Remove it. For style attributes, write it into style-src-attr. Accept this "
                    "if it is for browsers that know no nonce.",
                )


@register_check("csp.incomplete", "warning")
def missing_directives(app: Flask) -> Iterator[Finding]:
    page = csp.page_policy(app.config)
    # The first two do not fall back on default-src.
    needed = {"base-uri", "form-action"}
    if "default-src" not in page:
        needed |= {"script-src", "object-src"}
    for directive in sorted(needed - page.keys()):
        yield Finding(
            f"The policy of pages lacks {directive}, so injected markup decides on it.",
            hint="Write the directive, or begin with a level of secure_flask/csp_levels.py.",
        )


@register_check("links.any", "warning")
def links_to_any_site(app: Flask) -> Iterator[Finding]:
    allowlist = find_allowlist(app.config, csp.csp_overrides(app), "https")
    for pattern, place in allowlist.patterns.items() if allowlist else ():
        if matches_any_host(pattern):
            yield Finding(
                f"Every page may lead to any site, since {place} allows {pattern}: LINKS closes "
                "nothing.",
                hint="List the sites. If pages lead to sites that you do not know, as those of "
                "users do, write LINKS = None into app/policy.py.",
            )


@register_check("csp.report-only", "warning")
def report_only(app: Flask) -> Iterator[Finding]:
    if app.config["CSP_REPORT_ONLY"]:
        yield Finding(
            "CSP_REPORT_ONLY is on: browsers report violations of the policy and block nothing.",
            hint="Unset it. To test a policy beside the enforced one, use CSP_CANDIDATE in "
            "app/policy.py.",
        )


@register_check("access.unlimited-write", "warning")
def unlimited_writes(app: Flask) -> Iterator[Finding]:
    if app.config["RATE_LIMIT"]:
        return
    rows = (row for row in route_table.access_rows(app) if row.method not in SAFE_METHODS)
    unlimited = [row for row in rows if row.who == route_table.EVERYBODY and not row.limits]
    if unlimited:
        listed = ", ".join(f"{row.method} {row.route}" for row in unlimited)
        yield Finding(
            f"One address may send as many requests as it likes to public views: {listed}.",
            hint='Write @limited("10 per minute") at each view, or set RATE_LIMIT.',
        )


@register_check("policy.unknown-endpoint", "error")
def unknown_endpoints(app: Flask) -> Iterator[Finding]:
    # The defaults are left out, since an app without login pages has no views for them.
    fields = app_state(app)[SETTINGS].policy.model_fields
    named = {name: app.config[name] for name in PAGES if name in fields}
    pages = {name: [page] for name, page in named.items() if page != fields[name].default}
    for name, listed in {**pages, "PUBLIC_ENDPOINTS": app.config["PUBLIC_ENDPOINTS"]}.items():
        for endpoint in sorted(set(listed) - app.view_functions.keys()):
            close = get_close_matches(endpoint, app.view_functions, n=1)
            meant = f": is {close[0]} meant?" if close else "."
            yield Finding(
                f"{name} names {endpoint}, and no view has that endpoint{meant}",
                hint="In app/policy.py, write an endpoint that `.venv/bin/flask routes` lists.",
            )


@register_check("passwords.short", "warning")
def short_passwords(app: Flask) -> Iterator[Finding]:
    least = app.config["PASSWORD_MIN_LENGTH"]
    if least < SHORTEST_ONLY_FACTOR:
        yield Finding(
            f"PASSWORD_MIN_LENGTH is {least}: a password that is the only factor needs "
            f"{SHORTEST_ONLY_FACTOR} characters.",
            hint="In app/policy.py, remove the line. Accept this where everybody needs a second "
            "factor.",
        )


@register_check("workers.unguarded", "error")
def unguarded_workers(app: Flask) -> Iterator[Finding]:
    listed = (path.removeprefix("/static/") for path in app.config["SERVICE_WORKERS"])
    files = ((name, assets.find_asset(name)) for name in listed)
    for name, file in files:
        if file and not WORKER_GUARD.search(file.read_text("utf-8", errors="replace")):
            yield Finding(
                f"The service worker {name} passes on requests that are no GET: forms of other "
                "sites become this site's own.",
                hint='Begin its fetch handler with: if (event.request.method !== "GET") return;',
            )


@register_check("redirects.unchecked", "warning")
def unchecked_redirects(app: Flask) -> Iterator[Finding]:
    """Read the source of the modules that have views, and follow names within one function.

    An address that a function has made or checked is not named.
    """
    for file in _files_of_views(app):
        for function in ast.walk(ast.parse(file.read_bytes())):
            for line in _unchecked_lines(function) if isinstance(function, _FUNCTIONS) else ():
                yield Finding(
                    f"{file.name}:{line} of {file.parent.name}/ redirects to an address that the "
                    "request names, which may be on any site.",
                    hint='Write redirect(checked_next() or "/") with checked_next of secure_flask, '
                    "which takes only pages of this site.",
                )


@register_check("passwords.legacy-hashes", "warning")
def legacy_hashes(app: Flask) -> Iterator[Finding]:
    scheme = legacy_scheme()
    if scheme is None or problem_of_migrations():
        return
    if left := sum(1 for _ in _stored_hashes(scheme.prefix)):
        users = db.session.scalar(select(func.count(user_class().id)))
        yield Finding(
            f"{left} of {users} users have a legacy hash, which their next login replaces.",
            hint="Accept this while people log in. After a year give the rest hashes that no "
            "password matches, and delete LEGACY_HASHES: the page about users that exist says how.",
        )
    else:
        yield Finding(
            "No user has a legacy hash any more, and each login still runs the check of one.",
            hint="Delete LEGACY_HASHES in app/policy.py.",
        )


@register_check("passwords.legacy-hash-cost", "warning")
def costs_of_legacy_hashes(app: Flask) -> Iterator[Finding]:
    """Count the hashes whose check takes another time: a login tells whether such a name exists.

    Most hashes contain the cost of their check as numbers, such as the rounds.
    """
    if problem_of_migrations():
        return
    yield from _argon2_without_policy()
    if scheme := legacy_scheme():
        yield from _costs_of_scheme(scheme)


def has_stricter_source(sources: list[str]) -> bool:
    """Whether a nonce or hash makes browsers ignore 'unsafe-inline' in this list."""
    return any(each.startswith(STRICTER) for each in sources)


def _governs(directive: str, name: str, policy: Directives) -> bool:
    return directive.startswith(name) or (directive == "default-src" and name not in policy)


def _insecure(directive: str, source: str, policy: Directives) -> str | None:
    """What injected markup can do with a source, in words; None if the source is secure."""
    scripts, styles = (_governs(directive, name, policy) for name in ("script-src", "style-src"))
    inline = source == UNSAFE_INLINE and not has_stricter_source(policy[directive])
    if ANY_HOST.fullmatch(source) and directive != "trusted-types":
        if directive == "img-src":
            return "images load from any site, and an injected image can send data there"
        return "any site can show the page in a frame or serve its files, or gets data sent"
    if wildcard := ANY_SUBDOMAIN.match(source):
        return f"any subdomain of {wildcard[1]} is allowed, also one that somebody else runs"
    if source.startswith(("http:", "ws:")):
        return "an attacker on the network can read and change the file"
    # At 'trusted-types-eval', Chromium 156 runs any text, as if it were 'unsafe-eval'.
    if scripts and (inline or source in ("'unsafe-eval'", "'trusted-types-eval'", DATA)):
        return "an injected script runs"
    if scripts and source == SPECULATION and not has_stricter_source(policy[directive]):
        return "injected rules make browsers load pages of any site ahead"
    if styles and inline:
        return "an injected style can read attribute values and cover the page"
    if (scripts or styles) and is_whole_cdn(source):
        return "it serves files of any publisher, an attacker's too"
    return None


def _files_of_views(app: Flask) -> list[Path]:
    names = {getattr(view, "__module__", "") for view in app.view_functions.values()}
    written = (getattr(sys.modules.get(name), "__file__", None) for name in names)
    files = {Path(each) for each in written if each and each.endswith(".py")}
    return sorted(each for each in files if each.is_file() and _OF_PACKAGES.isdisjoint(each.parts))


def _unchecked_lines(function: ast.AST) -> Iterator[int]:
    nodes = list(_own_nodes(function))
    named = {name for node in nodes for name in _names_of_addresses(node)}
    for node in nodes:
        if isinstance(node, ast.Call) and _last_name(node.func) == "redirect":
            given = [*node.args[:1], *(each.value for each in node.keywords)]
            if any(_is_of_request(each, named) for each in given):
                yield node.lineno


def _own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function, without those of functions within it."""
    for child in ast.iter_child_nodes(function):
        if not isinstance(child, _FUNCTIONS):
            yield child
            yield from _own_nodes(child)


def _names_of_addresses(node: ast.AST) -> Iterator[str]:
    """The names to which a statement assigns what the request names."""
    if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if node.value and _is_of_request(node.value, set()):
            yield from (each.id for each in targets if isinstance(each, ast.Name))


def _is_of_request(node: ast.AST, named: set[str]) -> bool:
    if isinstance(node, ast.Name):
        return node.id in named
    if isinstance(node, ast.Attribute) and node.attr in _OF_REQUEST:
        return _last_name(node.value) == "request"
    # What another function returns is not followed; `.get` and `.strip` are methods of the value.
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Attribute) and _is_of_request(node.func, named)
    return any(_is_of_request(each, named) for each in ast.iter_child_nodes(node))


def _last_name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")


def _argon2_without_policy() -> Iterator[Finding]:
    if others := sum(not is_legacy_hash(stored) for stored in _stored_hashes(ARGON2)):
        yield Finding(
            f"{others} hashes of argon2 have other parameters than new ones: the time of a login "
            "tells that these names exist.",
            hint="Name them in LEGACY_HASHES of app/policy.py, as the page about users that exist "
            "shows. Beside another scheme, accept this until these users have logged in.",
        )


def _costs_of_scheme(scheme: LegacyScheme) -> Iterator[Finding]:
    usual = _cost(scheme.sample)
    if others := sum(_cost(stored) != usual for stored in _stored_hashes(scheme.prefix)):
        yield Finding(
            f"{others} legacy hashes have other numbers than the sample: the time of a login tells "
            "that these names exist.",
            hint="Take a sample with the numbers of most hashes, in LEGACY_HASHES of "
            "app/policy.py. Accept this for the others.",
        )


def _stored_hashes(prefix: str) -> Iterator[str]:
    """The stored hashes that begin so, without those that cost what new ones cost."""
    user = user_class()
    is_new = _begins(begin_of_new_hashes())
    found = select(user.id, user.password_hash).where(_begins(prefix), ~is_new)
    for rows in pages_of_rows(db.session.execute, found, [user.id]):
        yield from (stored for _, stored in rows)


def _begins(prefix: str) -> ColumnElement[bool]:
    return func.substr(user_class().password_hash, 1, len(prefix)) == prefix


def _cost(stored: str) -> tuple[int, ...]:
    """The numbers in a hash that stand alone, as those of `scrypt:32768:8:1$…` and `$2b$12$…`."""
    return tuple(map(int, _NUMBER.findall(stored)))
