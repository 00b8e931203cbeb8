"""Parses both formats of CSP reports and keeps only data that identifies no user.

A report contains the URL that a user visited, and anybody can send one. Only fields with
few possible values are kept: a known directive, the route of the page, and a keyword, a
scheme or an origin as the blocked value. Violations by browser extensions are dropped.
Source: W3C Content Security Policy Level 3, section 5.3; W3C Reporting API;
OWASP ASVS 14.2.6.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import unquote

from flask import current_app
from secure_flask.web.csp_syntax import DIRECTIVES
from werkzeug.exceptions import HTTPException

# Each field's names in the Reporting API, in report-uri reports, and in old Safari.
_NAMES = {
    "directive": ("effectiveDirective", "effective-directive", "violated-directive"),
    "blocked": ("blockedURL", "blocked-uri"),
    "page": ("documentURL", "document-uri"),
    "source": ("sourceFile", "source-file"),
    "disposition": ("disposition",),
}
_TRUSTED_TYPES = frozenset({"trusted-types-policy", "trusted-types-sink"})
# "": Chromium reports no URL for a blocked frame with a data: URL or an unknown scheme.
KEYWORDS = frozenset({"", "inline", "eval", "wasm-eval"}) | _TRUSTED_TYPES
_SCHEMES = frozenset({"data", "blob"})
# The schemes of a page's own code; about: is the URL of a srcdoc frame.
_OWN_CODE = frozenset({"", "http", "https", "data", "blob", "about"})
_URL = re.compile(
    r"(?P<origin>(?:https?|wss?)://(?:[a-z0-9-]+(?:\.[a-z0-9-]+)*|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?)"
    r"(?P<path>/[^?#]*)?(?:[?#]|\Z)"
)

OWN_SITE = "self"
UNKNOWN_PAGE = "(no route)"
MAX_ORIGIN, MAX_PAGE = 300, 200  # characters


class Violation(NamedTuple):
    """A violation of the policy on the pages of one route."""

    directive: str
    blocked: str
    page: str
    disposition: str


def read(body: Any) -> Iterator[Violation]:
    """The violations in a body, without those that pages of this app cannot cause."""
    for item in body if isinstance(body, list) else [body]:
        report = item.get("csp-report", item.get("body")) if isinstance(item, dict) else None
        violation = _violation(report) if isinstance(report, dict) else None
        if violation:
            yield violation


def _violation(report: dict[str, Any]) -> Violation | None:
    values = {field: _first(report, names) for field, names in _NAMES.items()}
    # Old browsers report the directive together with its sources.
    directive = values["directive"].partition(" ")[0]
    blocked = _blocked(values["blocked"], values["page"])
    by_the_page = values["source"].partition(":")[0] in _OWN_CODE
    if directive not in DIRECTIVES or blocked is None or not by_the_page:
        return None
    disposition = _disposition(values["disposition"])
    return Violation(directive, blocked, _route(values["page"]), disposition)


def _first(report: dict[str, Any], names: tuple[str, ...]) -> str:
    return next((report[name] for name in names if isinstance(report.get(name), str)), "")


def _blocked(address: str, page: str) -> str | None:
    scheme = address.partition(":")[0]
    if address in KEYWORDS:
        return address
    if scheme in _SCHEMES:
        return f"{scheme}:"
    url, own = _URL.match(address), _URL.match(page)
    if url is None or len(url["origin"]) > MAX_ORIGIN:
        return None
    return OWN_SITE if own and own["origin"] == url["origin"] else url["origin"]


def _route(page: str) -> str:
    # Not the path, which may identify a user.
    url = _URL.match(page)
    path = unquote(url["path"] or "/") if url else ""
    try:
        rule, _ = current_app.url_map.bind("").match(path, "GET", return_rule=True)
    except HTTPException:
        return UNKNOWN_PAGE
    return rule.rule[:MAX_PAGE]


def _disposition(reported: str) -> str:
    # WebKitGTK 2.54 omits it over plain http, where `report-uri` alone is sent. Its reports of
    # CSP_CANDIDATE then count as enforced.
    default = "report" if current_app.config["CSP_REPORT_ONLY"] else "enforce"
    return reported if reported in ("enforce", "report") else default
