"""`flask csp report`: the reported violations, each with the smallest change that allows it.

It lists closed connections (`Connection-Allowlist`) and scripts without integrity too. The advice
never allows what only an attacker needs, and never more than the blocked source.
Anybody can send a report, so control characters are removed before it reaches the terminal.
Source: W3C Content Security Policy Level 3, sections 6 and 7; WICG Connection Allowlists;
OWASP ASVS 3.4.3, 16.4.1.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from textwrap import indent
from typing import Any

import click
from flask import Flask, current_app
from secure_flask.csp_levels import NONE, SELF
from secure_flask.csp_reports import violations
from secure_flask.csp_reports.violations import (
    CONNECTION,
    INTEGRITY,
    KEYWORDS,
    OWN_SITE,
    UNKNOWN_PAGE,
    ViolationCount,
)
from secure_flask.database import db
from secure_flask.database.command_group import CommandGroup, add_command
from secure_flask.web import csp
from secure_flask.web.connection_allowlist import resolve_links
from secure_flask.web.csp import is_whole_cdn
from secure_flask.web.origins import is_loopback
from sqlalchemy import delete

csp_commands = CommandGroup("csp", help="Show violations of the Content-Security-Policy.")

# The keys are a directive with a blocked value, or a directive alone.
_ADVICE = {
    "script-src self": "Give its tag nonce and integrity.",
    "script-src inline": "If you wrote it, move it into app/static/ and give its tag the nonce; "
    "replace a javascript: link by a button with a listener. If not, an extension wrote it, or somebody injected it.",
    "script-src eval": "Do not allow it: eval runs any text. Use a library without eval.",
    "script-src wasm-eval": "If a library of yours needs WebAssembly, add 'wasm-unsafe-eval' to "
    "script-src.",
    "script-src-attr": "Do not allow it: an injected onclick would run too. Use addEventListener.",
    "style-src inline": "Move it into app/static/page.css, or give the <style> the nonce where "
    "style-src lists that.",
    "style-src https://fonts.googleapis.com": "Download the fonts into app/static/: this style "
    "sheet differs from browser to browser, so no integrity fits.",
    "style-src-attr": "Use a class of app/static/page.css. If you cannot, use 'unsafe-inline' in "
    "style-src-attr alone; this allows injected style attributes too.",
    "object-src": "Do not allow it: plug-ins ignore the policy. Use <img>, <video> or a link.",
    "base-uri": "Do not allow it: an injected <base> redirects every relative URL.",
    "form-action self": "A redirect after the form leads to another site, which browsers do not "
    "name. Look where its view leads; write that site below the route of the page that shows the "
    'form:\n    @csp(form_action=["\'self\'", "https://…"])',
    "form-action": "If you did not write this form, do not allow it: an injected form sends "
    "passwords to another site. If you did, it or a redirect after it leads there. Write below the "
    'route of the page that shows the form:\n    @csp(form_action=["\'self\'", "{}"])',
    "frame-ancestors": "Another site showed a page in a frame (clickjacking). Browsers report "
    "neither the site nor the page. Allow only a partner that you know, in FRAME_ANCESTORS.",
    "require-trusted-types-for": "Do not allow it: the script turns text into markup or code. Use "
    "textContent and the methods of the DOM.",
    "trusted-types": "If the script is yours, name the policy that it creates in trusted-types.",
    f"{CONNECTION} ": "The link has another scheme than https:, which browsers do not name. If it "
    'is yours, write the scheme into LINKS of app/policy.py, such as "sms:".',
    f"{CONNECTION} {OWN_SITE}": "The header closes the site itself, which is not that of this "
    "project. Look whether the proxy writes Connection-Allowlist.",
    f"{CONNECTION} webrtc": "If no page of yours makes calls, somebody injected a script. Calls by "
    "WebRTC go to any address, and no list names them. A view that needs them writes the header "
    "Connection-Allowlist itself, with webrtc=allow.",
    INTEGRITY: "Give its tag integrity and crossorigin. For a module that another one imports, an "
    "import map with the nonce names its integrity. If you did not add it, somebody injected it.",
}
_TEXT = "Do not allow it: injected text would run or be shown. Use a file of app/static/."
_UNNAMED = "The report does not name what it was; the browser's console on that page does."
_PLAIN_HTTP = "Use https: an attacker on the network can change what is sent over http."
_ALLOWED = "The policy allows it by now, unless the view has its own @csp."
_OWN_TAG = (
    "If you wrote its tag, give that nonce, integrity and crossorigin: a host in script-src lets any "
    "script from there do what your user can."
)
_PUBLIC_CDN = (
    "Copy the file into app/static/: a public CDN serves files of any publisher, so an injected "
    "tag could load an attacker's file."
)


@csp_commands.command("report")
def report_command() -> None:
    """Show the violations that browsers reported, with counts and advice."""
    rows = violations.most_frequent_violations()
    click.echo("Anybody can post a report: allow only what you know." if rows else "No reports.")
    for row in rows:
        click.echo(_described_violation(row))


@csp_commands.command("clear")
def clear_command() -> None:
    """Delete all reports, to see which violations remain after a change."""
    db.session.execute(delete(ViolationCount))
    db.session.commit()


def init_app(app: Flask) -> None:
    add_command(app, csp_commands)


def advise(row: ViolationCount, config: Mapping[str, Any]) -> str:
    """What to do about a violation, as a sentence; a change of the policy is its last line."""
    directive = row.directive.removesuffix("-elem")
    runs = directive in ("script-src", "worker-src", "frame-src")
    if runs and row.blocked in ("data:", "blob:"):
        return _TEXT
    known = _ADVICE.get(f"{directive} {row.blocked}") or _ADVICE.get(directive)
    if known and "{}" not in known:
        return known
    if row.blocked in KEYWORDS:
        return _UNNAMED
    plain = row.blocked.replace("ws:", "http:")
    if plain.startswith("http:") and not is_loopback(plain):
        return _PLAIN_HTTP
    if directive == CONNECTION:
        return _advise_link(row, config)
    return known.replace("{}", row.blocked) if known else _advise_source(row, directive, config)


def _described_violation(row: ViolationCount) -> str:
    first, last = (datetime.fromtimestamp(when, UTC) for when in (row.first_seen, row.last_seen))
    kind = "blocked" if row.disposition == "enforce" else "only reported"
    times = f"{row.count}x {kind}, {first:%Y-%m-%d} to {last:%Y-%m-%d}"
    what = f"{row.directive} {row.blocked or '(not named)'} on {row.page}"
    shown = f"{what} ({times})\n{indent(advise(row, current_app.config), ' ' * 4)}"
    return "".join(each if each.isprintable() or each == "\n" else "?" for each in shown)


def _advise_link(row: ViolationCount, config: Mapping[str, Any]) -> str:
    links = resolve_links(config)
    if row.disposition == "enforce" and (links is None or row.blocked in links):
        return "LINKS allows it by now."
    listed = _listed_sources([*(links or []), row.blocked])
    together = " together with the level that you try" if _is_of_candidate(row, config) else ""
    return (
        f"If no page of yours leads there, somebody injected it. If one does, write{together} in "
        f"app/policy.py:\n    LINKS = [{listed}]"
    )


def _is_of_candidate(row: ViolationCount, config: Mapping[str, Any]) -> bool:
    return row.disposition == "report" and not config["CSP_REPORT_ONLY"]


def _advise_source(row: ViolationCount, directive: str, config: Mapping[str, Any]) -> str:
    of_candidate = _is_of_candidate(row, config)
    level = config["CSP_CANDIDATE"] if of_candidate else None
    policy = csp.resolve_level(level or config["CSP"], config)
    source = SELF if row.blocked == OWN_SITE else row.blocked
    name = row.directive if row.directive in policy else directive
    present = policy.get(name, policy.get("default-src", []))
    if source in present:
        return _ALLOWED
    replaced = _listed_sources(each for each in [*present, source] if each != NONE)
    view = (
        f"write below the route of {row.page}, or add to the @csp there:\n"
        f"    @csp({name.replace('-', '_')}=[{replaced}])"
    )
    changes = _listed_sources([*config["CSP_CHANGES"].get(name, []), source])
    all_pages = f'write in CSP_CHANGES of app/policy.py:\n    "{name}": [{changes}],'
    # @csp also replaces the enforced policy, which may allow more than the candidate.
    of_a_view = not of_candidate and row.page != UNKNOWN_PAGE
    return _advise_place(directive, source, view if of_a_view else "", all_pages)


def _advise_place(directive: str, source: str, view: str, all_pages: str) -> str:
    """Which of two changes to make: of one view, if it is known, or of all pages."""
    if directive == "script-src":
        of_a_widget = view and not is_whole_cdn(source)
        return f"{_OWN_TAG} If a widget inserts it, {view}" if of_a_widget else _OWN_TAG
    sheet = directive == "style-src" and "://" in source
    if sheet and is_whole_cdn(source):
        return _PUBLIC_CDN
    tag = "give its tag integrity and crossorigin, and " if sheet else ""
    changes = f"{view}\nFor all pages, {all_pages}" if view else all_pages
    return f"If you added it to the page, {tag}{changes}"


def _listed_sources(sources: Iterable[str]) -> str:
    return ", ".join(f'"{each}"' for each in sources)
