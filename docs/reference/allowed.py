"""What a page may do, as the headers of a project say it. tests/docs/test_choose.py asks a browser."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

# What a state names, where an answer names sites. The page shows the reader's own sites instead.
LISTED = {
    question: f"https://{question.replace('_', '-')}.example"
    for question in ("csp_sources", "frame_ancestors", "cors_origins")
}
SOURCE, ANCESTOR, CALLER = LISTED.values()
NONCE, INLINE = "'nonce-…'", "'unsafe-inline'"
FALLBACKS = {
    "script-src-attr": "script-src",
    "style-src-attr": "style-src",
    "worker-src": "script-src",
}


class Sent(NamedTuple):
    """The headers of a page, and those of an answer to a script of CALLER's."""

    page: Mapping[str, str]
    api: Mapping[str, str]

    def directives(self) -> dict[str, list[str]]:
        parts = (part.split() for part in self.page["Content-Security-Policy"].split(";"))
        return {name: sources for name, *sources in parts}

    def sources(self, directive: str) -> list[str]:
        listed = self.directives()
        for name in (directive, FALLBACKS.get(directive, ""), "default-src"):
            if name in listed:
                return listed[name]
        return ["*"]

    def is_open(self) -> bool:
        """Whether a page may turn text into markup and scripts."""
        return "require-trusted-types-for" not in self.directives()


Rule = Callable[[Sent], bool]


def source(directive: str, *allowing: str) -> Rule:
    """Whether a directive names one of these sources."""
    return lambda sent: not {*allowing}.isdisjoint(sent.sources(directive))


def without_hash(rule: Rule) -> Rule:
    return lambda sent: rule(sent) and "Integrity-Policy" not in sent.page


def base(sources: set[str]) -> Rule:
    """Whether `<base>` may name these. The directive has no fallback."""
    return lambda sent: not sources.isdisjoint(sent.directives()["base-uri"])


def leads_to(site: str) -> Rule:
    header = "Connection-Allowlist"
    return lambda sent: header not in sent.page or f'"{site}"' in sent.page[header]


def framed(site: str) -> Rule:
    return source("frame-ancestors", site)


def own_frame(sent: Sent) -> bool:
    return source("frame-src", "'self'")(sent) and framed("'self'")(sent)


def worker(sent: Sent) -> bool:
    return source("worker-src", "'self'")(sent) and sent.is_open()


def called_by(site: str) -> Rule:
    return lambda sent: sent.api.get("Access-Control-Allow-Origin") == site


TERMS = (
    "A nonce is a random value, new for each page, that the app writes into its own tags: a script "
    "that an attacker puts into the page has none. A listed site is one that you name at “Which "
    "other sites do pages load styles, fonts or images from?”."
)
# “A listed site” is one of CSP_SOURCES.
IN_A_PAGE: dict[str, Rule] = {
    "`<script>` with the nonce": source("script-src", NONCE),
    "`<script>` without it, such as an injected one": source("script-src", INLINE),
    "a script file with nonce, hash and `crossorigin`": source("script-src", NONCE),
    "a script file with the nonce alone": without_hash(source("script-src", NONCE)),
    "a script file without the nonce": without_hash(source("script-src", "'self'")),
    "the same of a listed site": without_hash(source("script-src", SOURCE)),
    "the same of any other site": without_hash(source("script-src", "https:")),
    '`onclick="…"`': source("script-src-attr", INLINE),
    "a link to `javascript:…`": source("script-src", INLINE),
    "`eval`": source("script-src", "'unsafe-eval'"),
    "`innerHTML` and other sinks of text": Sent.is_open,
    "a worker": worker,
    "a style sheet": source("style-src", "'self'"),
    "a style sheet of a listed site": source("style-src", SOURCE),
    "a style sheet of any other site": source("style-src", "https:"),
    "`<style>` with the nonce": source("style-src", NONCE, INLINE),
    "`<style>` without it": source("style-src", INLINE),
    '`style="…"`': source("style-src-attr", INLINE),
    "an image": source("img-src", "'self'"),
    "an image in a `data:` address": source("img-src", "data:"),
    "an image of a listed site": source("img-src", SOURCE, "https:"),
    "an image of any other https site": source("img-src", "https:"),
    "a font": source("font-src", "'self'"),
    "a font of a listed site": source("font-src", SOURCE),
    "`fetch` to this site": source("connect-src", "'self'"),
    "`fetch` to a listed site": source("connect-src", SOURCE),
    "audio and video": source("media-src", "'self'"),
    "a page of this site in a frame": own_frame,
    "a page of another site in a frame": source("frame-src", "https:"),
    "a form that sends to this site": source("form-action", "'self'"),
    "a form that sends to another site": source("form-action", "https:"),
    "an injected `<base>` that names this site": base({"'self'"}),
    "an injected `<base>` that names another site": base({"https:"}),
    "a link to a listed site (in Chromium)": leads_to(SOURCE),
    "a link to any other site (in Chromium)": leads_to("https:"),
}
FROM_OUTSIDE: dict[str, Rule] = {
    "a site that may show your pages shows one in a frame": framed(ANCESTOR),
    "any other site shows a page in a frame": framed("https:"),
    "a page of a site that may call your API reads an answer": called_by(CALLER),
    "a page of any other site reads an answer": called_by("*"),
}


def words(rule: Rule, sent: Sent) -> str:
    return "works" if rule(sent) else "blocked"
