"""What to do about a violation: the smallest change that allows it, or why not to allow it.

A policy is loosened for what its owner put on a page, never for what only an attacker
needs, and no wider than the one source that was blocked.
Source: W3C Content Security Policy Level 3, sections 6 and 7; OWASP ASVS 3.4.3.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from app.csp_reports import formats
from app.csp_reports.table import ViolationCount
from app.security.csp_syntax import NONE, SELF, Policy
from app.security.origins import is_loopback

_TEXT_RUNS = "Do not allow it: injected text would run. Use a file of app/static/."
_TEXT_SHOWS = "Do not allow it: a frame made of text shows whatever is injected."

# By the directive and what was blocked, or by the directive alone.
_WORDS = {
    "script-src": (
        "Give its tag nonce and integrity, as README.md shows: a host in script-src would let "
        "an injected script from there run too."
    ),
    "script-src inline": (
        "If you wrote it, move the script into app/static/ and give its tag the nonce; a "
        "javascript: link becomes a button with a listener. If not, somebody injected it."
    ),
    "script-src eval": (
        "Do not allow it: eval runs any text that reaches it. Use a library that does without."
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
        "style-src lists that, as README.md shows."
    ),
    "style-src-attr": (
        "Use a class of app/static/page.css. If you cannot, 'unsafe-inline' in style-src-attr "
        "alone allows it, and injected ones too, as README.md shows."
    ),
    "frame-src data:": _TEXT_SHOWS,
    "frame-src blob:": _TEXT_SHOWS,
    "object-src": "Do not allow it: plug-ins know no policy. Use <img>, <video> or a link.",
    "base-uri": (
        "Do not allow it: an injected <base> sends every relative address elsewhere. Write "
        "whole paths."
    ),
    "form-action": (
        "If you did not write this form, do not allow it: an injected form carries passwords "
        "elsewhere. If you did, add where it sends to form-action."
    ),
    "frame-ancestors": (
        "Somebody showed a page in a frame, where a trick catches clicks; browsers tell neither "
        "who nor which page. Only for a partner you know: FRAME_ANCESTORS."
    ),
    "require-trusted-types-for": (
        "Do not allow it: the script makes markup or code of text. Use textContent and the "
        "methods of the DOM."
    ),
    "trusted-types": "If the script is yours, name the policy that it makes in trusted-types.",
}
_UNNAMED = "The browser did not say what it was: its console does, on that page."
_PLAIN_HTTP = "Load it by https: what comes over http can be changed on the way."
_ALLOWED = "The policy allows it by now, unless the view has a @csp of its own."
_IF_YOURS = "If you put it there, at the end of app/policy.py:"
_EMBEDDED = (
    "If you put it there, remove Cross-Origin-Embedder-Policy from app/policy.py (unless that "
    "site agrees to be embedded), and at its end:"
)


# What the other site allows by CORS, and needs to allow by nothing else.
_BY_CORS = {"connect-src", "font-src"}


class Advice(NamedTuple):
    words: str
    # A line for the end of policy.py.
    change: str | None = None


def advise(row: ViolationCount, config: Mapping[str, Any]) -> Advice:
    directive = row.directive.removesuffix("-elem")
    words = _WORDS.get(f"{directive} {row.blocked}") or _WORDS.get(directive)
    if words or not row.blocked:
        return Advice(words or _UNNAMED)
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
    loads = "://" in source and directive not in _BY_CORS
    embeds = loads and "Cross-Origin-Embedder-Policy" in config["HEADERS"]
    return Advice(_EMBEDDED if embeds else _IF_YOURS, change)


def _is_of_candidate(row: ViolationCount, config: Mapping[str, Any]) -> bool:
    enforced = not config["CSP_REPORT_ONLY"]
    return bool(config["CSP_CANDIDATE"]) and enforced and row.disposition == "report"


def _change(name: str, policy: Policy, directive: str, source: str) -> str | None:
    counting = policy.get(directive, policy.get("default-src", []))
    others = [other for other in counting if other != NONE]
    if source in others:
        return None
    if directive in policy and others:
        return f'{name}["{directive}"] += ["{source}"]'
    if directive in policy:
        return f'{name}["{directive}"] = ["{source}"]'
    # Such a line for another source may stand before it.
    listed = ", ".join(f'"{each}"' for each in others)
    return f'{name}["{directive}"] = [*{name}.get("{directive}", [{listed}]), "{source}"]'
