"""Finds markup in the app's templates that its Content-Security-Policy blocks.

A button whose inline script asks "Delete?" deletes without asking, since browsers skip the script
and send the form. The check does not see markup that an expression inserts.
Source: W3C Content Security Policy Level 3, section 6.7.3.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

from flask import Flask
from secure_flask.checks import Finding, register_check
from secure_flask.checks.policy import has_stricter_source
from secure_flask.csp_levels import NONCE, SELF, UNSAFE_INLINE
from secure_flask.web import csp
from secure_flask.web.headers import INTEGRITY, Kind, fixed_headers

SUFFIXES = {".html", ".htm", ".jinja", ".jinja2", ".j2"}
NAMED_LINES = 5  # of one kind in one file
SCRIPT, STYLE = "<script> without nonce", "<style> without nonce"
UNHASHED = "<script> without integrity"
NO_CORS = "<script> without crossorigin"
# The directive that decides on each kind of markup, and those that it falls back on.
_HANDLERS = ("script-src-attr", "script-src", "default-src")
_SCRIPTS = ("script-src-elem", "script-src", "default-src")
_STYLE_ATTRIBUTES = ("style-src-attr", "style-src", "default-src")
_STYLES = ("style-src-elem", "style-src", "default-src")

# The marks of Jinja are written so that cookiecutter does not read them.
_VALUE = "{" * 2
_JINJA = re.compile(r"\{[#].*?#\}|\{[%].*?%\}|\{\{.*?\}\}", re.DOTALL)
# Arguments that a field of WTForms writes as attributes.
_ARGUMENT = re.compile(
    r"\b(on(?:click|change|submit|input|load|focus|blur|key\w+|mouse\w+)|style)\s*=(?!=)"
)
_ADDRESSES = {"href", "src", "action", "formaction", "xlink:href"}
# A <script> of another type holds data.
_SCRIPT_TYPES = re.compile(r"(module|importmap|speculationrules|.*(java|ecma)script)?", re.DOTALL)


class Markup(NamedTuple):
    """Markup that a policy may block, with its line, and whether a separate file holds it."""

    kind: str
    line: int
    directives: tuple[str, ...]
    nonce: bool = False
    file: bool = False


@register_check("templates.blocked", "warning")
def blocked_markup(app: Flask) -> Iterator[Finding]:
    page = csp.page_policy(app.config)
    policies = [page, *({**page, **override} for override in csp.csp_overrides(app).values())]
    unhashed = {UNHASHED, NO_CORS} if _all_demand_hashes(app) else set()
    for file in _templates(app):
        lines = defaultdict[str, list[int]](list)
        for each in _markup_of(file.read_text("utf-8", errors="replace")):
            # It is unknown which view shows a template, so only what all policies block counts.
            if each.kind in unhashed or all(_is_blocked(each, policy) for policy in policies):
                lines[each.kind].append(each.line)
        if lines:
            shown = file.relative_to(Path(app.root_path).parent).as_posix()
            listed = ", ".join(f"{kind} ({_listed(at)})" for kind, at in lines.items())
            yield Finding(
                f"{shown} has what browsers skip under the policy: {listed}.",
                hint="Put the code into a file of app/static/, csp_nonce() into its tag as the nonce, "
                "and styles into classes. In place of an onclick that asks, take asking_button of "
                "_forms.html.",
            )


def _all_demand_hashes(app: Flask) -> bool:
    """Whether each page has an Integrity-Policy, also the pages of views with an `@csp`."""
    overrides = [csp.as_override(each) for each in ({}, *csp.csp_overrides(app).values())]
    return all(
        INTEGRITY in fixed_headers(app.config, Kind.PAGE, override=each) for each in overrides
    )


def _templates(app: Flask) -> Iterator[Path]:
    root = Path(app.root_path).resolve()
    named = [(app.root_path, app.template_folder)]
    named += [(each.root_path, each.template_folder) for each in app.iter_blueprints()]
    folders = {Path(path, folder).resolve() for path, folder in named if folder}
    # Folders of extensions are outside, or in site-packages below an app that is one file.
    own = (
        each for each in folders if each.is_relative_to(root) and "site-packages" not in each.parts
    )
    files = {file for folder in own for file in folder.rglob("*") if file.suffix in SUFFIXES}
    return iter(sorted(files))


def _listed(lines: list[int]) -> str:
    first = sorted({*lines})
    more = f" and {len(first) - NAMED_LINES} more" if len(first) > NAMED_LINES else ""
    word = "line" if len(first) == 1 else "lines"
    return f"{word} {', '.join(map(str, first[:NAMED_LINES]))}{more}"


def _is_blocked(markup: Markup, policy: Mapping[str, list[str]]) -> bool:
    directive = next((name for name in markup.directives if name in policy), None)
    # Nothing is reported if a hash may allow it, since the hash is not computed here.
    if directive is None or any(each.startswith("'sha") for each in policy[directive]):
        return False
    sources = policy[directive]
    if markup.file:
        return not markup.nonce and all(each.startswith("'") and each != SELF for each in sources)
    if UNSAFE_INLINE in sources and not has_stricter_source(sources):
        return False
    return not (markup.nonce and NONCE in sources)


def _markup_of(text: str) -> list[Markup]:
    reader = _Reader()
    reader.feed(_JINJA.sub(lambda found: _blank(found, reader, text), text))
    reader.close()
    return reader.found


def _blank(found: re.Match[str], reader: "_Reader", text: str) -> str:
    """Replace an expression of Jinja by a letter, a statement by a space; keep line breaks."""
    written = found[0]
    if written.startswith(_VALUE):
        line = text.count("\n", 0, found.start()) + 1
        for argument in _ARGUMENT.finditer(written):
            reader.add_attribute(argument[1], line + written.count("\n", 0, argument.start()))
    return ("x" if written.startswith(_VALUE) else " ") + "\n" * written.count("\n")


class _Reader(HTMLParser):
    """Collects the markup of a page that a policy may block."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Markup] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        line, _ = self.getpos()
        given = {name: value or "" for name, value in attrs}
        for name, value in given.items():
            self.add_attribute(name, line)
            if name in _ADDRESSES and value.strip().lower().startswith("javascript:"):
                self.found.append(Markup("javascript:", line, _HANDLERS))
        nonce = "nonce" in given
        if tag == "script" and _SCRIPT_TYPES.fullmatch(given.get("type", "").lower()):
            self.found.append(Markup(SCRIPT, line, _SCRIPTS, nonce, "src" in given))
            self._add_script_file(given, line)
        if tag == "style":
            self.found.append(Markup(STYLE, line, _STYLES, nonce))

    def _add_script_file(self, given: dict[str, str], line: int) -> None:
        if "src" in given and "integrity" not in given:
            self.found.append(Markup(UNHASHED, line, ()))
        elif "src" in given and given.get("type") != "module" and "crossorigin" not in given:
            self.found.append(Markup(NO_CORS, line, ()))

    def add_attribute(self, name: str, line: int) -> None:
        if name == "style":
            self.found.append(Markup("style=", line, _STYLE_ATTRIBUTES))
        elif re.fullmatch("on[a-z]+", name):
            self.found.append(Markup(f"{name}=", line, _HANDLERS))
