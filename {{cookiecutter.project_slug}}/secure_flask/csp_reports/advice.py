"""Advice for each violation: the smallest change of the policy that allows it, or a warning.

The advice never allows what only an attacker needs, and never more than the blocked source.
Source: W3C Content Security Policy Level 3, sections 6 and 7; OWASP ASVS 3.4.3.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from secure_flask.csp_reports import formats
from secure_flask.csp_reports.table import ViolationCount
from secure_flask.web.csp_syntax import NONE, SELF, Policy
from secure_flask.web.origins import is_loopback
from secure_flask.web.public_cdns import is_whole_cdn

_TEXT_RUNS = "Do not allow it: injected text would run. Use a file of app/static/."
_TEXT_SHOWS = "Do not allow it: a frame with a data: or blob: URL shows injected content."

# By directive and blocked value, or by directive alone.
_ADVICE = {
    "script-src": (
        "Give its tag nonce and integrity, and crossorigin if it is of another site, as "
        "docs/policy-and-headers.md shows: a host in script-src would also allow an "
        "injected script from that host."
    ),
    "script-src inline": (
        "If you wrote it, move the script into app/static/ and give its tag the nonce; replace a "
        "javascript: link by a button with a listener. If not, somebody injected it."
    ),
    "script-src eval": (
        "Do not allow it: eval runs any text that it receives. Use a library without eval."
    ),
    "script-src wasm-eval": (
        "If a library of yours needs WebAssembly, add 'wasm-unsafe-eval' to script-src."
    ),
    "script-src data:": _TEXT_RUNS,
    "script-src blob:": _TEXT_RUNS,
    "script-src-attr": (
        "Do not allow it: an injected onclick would run too. Use addEventListener in a file of "
        "app/static/."
    ),
    "worker-src data:": _TEXT_RUNS,
    "worker-src blob:": _TEXT_RUNS,
    "style-src inline": (
        "Move it into app/static/page.css, or give the <style> the nonce where style-src-elem or "
        "style-src lists that, as docs/policy-and-headers.md shows."
    ),
    "style-src https://fonts.googleapis.com": (
        "Download the fonts into app/static/, as docs/policy-and-headers.md shows: this "
        "style sheet differs from browser to browser, so no integrity fits."
    ),
    "style-src-attr": (
        "Use a class of app/static/page.css. If you cannot, use 'unsafe-inline' in style-src-attr "
        "alone, as docs/policy-and-headers.md shows; this allows injected style attributes "
        "too."
    ),
    "frame-src data:": _TEXT_SHOWS,
    "frame-src blob:": _TEXT_SHOWS,
    "object-src": "Do not allow it: plug-ins ignore the policy. Use <img>, <video> or a link.",
    "base-uri": (
        "Do not allow it: an injected <base> redirects every relative URL. Use absolute paths "
        "instead."
    ),
    "form-action": (
        "If you did not write this form, do not allow it: an injected form sends passwords to "
        "another site. If you did, add the origin of its target to form-action."
    ),
    "frame-ancestors": (
        "Another site showed a page in a frame (clickjacking). Browsers report neither the site "
        "nor the page. Allow only a partner that you know, in FRAME_ANCESTORS."
    ),
    "require-trusted-types-for": (
        "Do not allow it: the script turns text into markup or code. Use textContent and the "
        "methods of the DOM."
    ),
    "trusted-types": "If the script is yours, name the policy that it creates in trusted-types.",
}
_UNNAMED = "The browser did not say what it was; its console on that page does."
_FORGED = "No browser reports this, and anybody can send a report: change nothing."
_PLAIN_HTTP = "Load it by https: an attacker on the network can change a file sent over http."
_ALLOWED = "The policy allows it by now, unless the view has its own @csp."
_IF_YOURS = "If you added it to the page, add this to the end of app/policy.py:"
_STYLES = (
    "If you added it to the page, give its tag integrity and crossorigin, and add this to the end "
    "of app/policy.py:"
)
_PUBLIC_CDN = (
    "Copy the file into app/static/: a public CDN serves files of any publisher, so an injected "
    "tag could load an attacker's file."
)
_EMBEDDED = (
    "If you added it to the page, remove Cross-Origin-Embedder-Policy from app/policy.py (unless "
    "that site allows embedding), and add this to its end:"
)


# The other site permits these by CORS, so Cross-Origin-Embedder-Policy does not block them.
_BY_CORS = {"connect-src", "font-src"}


class Advice(NamedTuple):
    words: str
    # A line to add to the end of policy.py.
    change: str | None = None


def advise(row: ViolationCount, config: Mapping[str, Any]) -> Advice:
    directive = row.directive.removesuffix("-elem")
    words = _ADVICE.get(f"{directive} {row.blocked}") or _ADVICE.get(directive)
    if words or not row.blocked:
        return Advice(words or _UNNAMED)
    if row.blocked in formats.KEYWORDS:
        return Advice(_FORGED)
    plain = row.blocked.replace("ws:", "http:")
    if plain.startswith("http:") and not is_loopback(plain):
        return Advice(_PLAIN_HTTP)
    return _allow(row, config)


def _allow(row: ViolationCount, config: Mapping[str, Any]) -> Advice:
    source = SELF if row.blocked == formats.OWN_SITE else row.blocked
    name = "CSP_CANDIDATE" if _is_of_candidate(row, config) else "CSP"
    named = row.directive in config[name]
    directive = row.directive if named else row.directive.removesuffix("-elem")
    change = _change(name, config[name], directive, source)
    if change is None:
        return Advice(_ALLOWED)
    if directive.startswith("style-src") and "://" in source:
        return Advice(_PUBLIC_CDN) if is_whole_cdn(source) else Advice(_STYLES, change)
    loads = "://" in source and directive not in _BY_CORS
    embeds = loads and "Cross-Origin-Embedder-Policy" in config["HEADERS"]
    return Advice(_EMBEDDED if embeds else _IF_YOURS, change)


def _is_of_candidate(row: ViolationCount, config: Mapping[str, Any]) -> bool:
    enforced = not config["CSP_REPORT_ONLY"]
    return bool(config["CSP_CANDIDATE"]) and enforced and row.disposition == "report"


def _change(name: str, policy: Policy, directive: str, source: str) -> str | None:
    effective = policy.get(directive, policy.get("default-src", []))
    others = [other for other in effective if other != NONE]
    if source in others:
        return None
    if directive in policy and others:
        return f'{name}["{directive}"] += ["{source}"]'
    if directive in policy:
        return f'{name}["{directive}"] = ["{source}"]'
    # .get(): an earlier line may have added this directive for another source.
    listed = ", ".join(f'"{each}"' for each in others)
    return f'{name}["{directive}"] = [*{name}.get("{directive}", [{listed}]), "{source}"]'
