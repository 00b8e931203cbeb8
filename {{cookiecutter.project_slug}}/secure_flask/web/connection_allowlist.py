"""Connection-Allowlist: the only sites that any page may connect to, load from or lead to.

No CSP closes a navigation, WebRTC, a prerendered page or an early connection, so an injected script
sends by these what it has read. LINKS of the policy names the sites that pages lead to.

All responses have one list. A script that runs in one page opens any other page of its origin and
acts in it, so what a single view names by `@csp` is open to each. A worker has the list of its own
script, and a browser that stored a response takes the list from a 304.
Source: WICG Connection Allowlists. Chromium 152 and newer obey it.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from secure_flask.csp_levels import BY_LEVEL
from secure_flask.web import csp
from secure_flask.web.csp import Header, Override
from secure_flask.web.url_patterns import url_patterns

# Directives by the view or blueprint that names them, as `csp.csp_overrides` gives them.
Overrides = Mapping[str, Mapping[str, Iterable[str]]]

ENFORCED = "Connection-Allowlist"
REPORT_ONLY = "Connection-Allowlist-Report-Only"
# Without these, a click on such a link leaves an error page in place of the page.
ALWAYS = {"mailto:*": "always", "tel:*": "always"}


class Allowlist(NamedTuple):
    """The name of the header, and each URL pattern with the place that names it."""

    header: str
    patterns: dict[str, str]


def allowlist_headers(
    config: Mapping[str, Any], of_views: Overrides, override: Override, scheme: str, *, page: bool
) -> list[Header]:
    """The header of a response; none where LINKS allows any site.

    `of_views` is what `@csp` replaces in all views, `override` what it replaces in this response: a
    view whose mark is lost, or that came after the first request, is not in `of_views`.
    """
    allowlist = find_allowlist(config, {**of_views, "@csp: ": dict(override)}, scheme)
    if allowlist is None:
        return []
    listed = " ".join(["response-origin", *map(_quoted, allowlist.patterns)])
    # Only pages have Reporting-Endpoints, over https alone; browsers report for no worker.
    reported = "; report-to=csp" if page and scheme == "https" else ""
    # What the server redirects to is its decision, as at a login through another site.
    return [(allowlist.header, f"({listed}); redirects=allow{reported}")]


def find_allowlist(config: Mapping[str, Any], of_views: Overrides, scheme: str) -> Allowlist | None:
    """The list of all responses, or None where LINKS allows any site."""
    links = resolve_links(config)
    if links is not None:
        header = REPORT_ONLY if config["CSP_REPORT_ONLY"] else ENFORCED
        policy = csp.page_policy(config)
    elif (links := _links_on_trial(config)) is not None:
        header = REPORT_ONLY
        policy = csp.resolve_level(config["CSP_CANDIDATE"], config)
    else:
        return None
    patterns = {**ALWAYS}
    for place, source in _sources(links, {"": policy, **of_views}):
        for pattern in url_patterns(source, scheme):
            patterns.setdefault(pattern, place)
    return Allowlist(header, patterns)


def resolve_links(config: Mapping[str, Any]) -> list[str] | None:
    """LINKS, or what the level of pages has for it; None allows any site."""
    links = config["LINKS"]
    return _links_of(config["CSP"]) if links == BY_LEVEL else links


def _links_on_trial(config: Mapping[str, Any]) -> list[str] | None:
    """What LINKS would be if CSP_CANDIDATE were the level; the policy may say otherwise."""
    return _links_of(config["CSP_CANDIDATE"]) if config["LINKS"] == BY_LEVEL else None


def _links_of(level: object) -> list[str] | None:
    links = getattr(level, "links", None)
    return None if links is None else [*links]


def _sources(links: list[str], policies: Overrides) -> Iterator[tuple[str, str]]:
    """Each source that a page may connect to, with the place that names it."""
    for link in links:
        yield "LINKS", link
    for place, policy in policies.items():
        for name, sources in policy.items():
            if "-src" in name or name == "form-action":
                for source in sources:
                    yield f"{place}{name}", source


def _quoted(pattern: str) -> str:
    """A string of RFC 9651, section 3.3.3."""
    escaped = pattern.replace("\\", "\\\\")
    return f'"{escaped}"'
