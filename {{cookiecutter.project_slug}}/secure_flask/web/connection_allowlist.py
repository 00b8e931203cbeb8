"""Connection-Allowlist: the only sites that any page may connect to, load from or lead to.

A CSP does not stop navigations, WebRTC, prerendered pages and early connections. An injected script
can send data by these. LINKS of the policy names the sites that pages lead to.

All responses have the same list. A script in one page can open any other page of its origin and act
in it, so each page gets what any view names by `@csp`. The response of a worker's script has the
list of the worker, and a browser that stored a response takes the list from a 304.
Source: WICG Connection Allowlists. Chromium 152 and newer obey it.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from secure_flask.csp_levels import BY_LEVEL
from secure_flask.web import csp
from secure_flask.web.csp import Header, Override
from secure_flask.web.origins import url_patterns

# Directives by the view or blueprint that names them, as `csp.csp_overrides` gives them.
Overrides = Mapping[str, Mapping[str, Iterable[str]]]

ENFORCED = "Connection-Allowlist"
REPORT_ONLY = "Connection-Allowlist-Report-Only"
# Without these patterns, a click on a mailto: or tel: link shows an error page.
ALWAYS = {"mailto:*": "always", "tel:*": "always"}


class Allowlist(NamedTuple):
    """The name of the header, and each URL pattern with the place that names it."""

    header: str
    patterns: dict[str, str]


def allowlist_headers(
    config: Mapping[str, Any], of_views: Overrides, override: Override, scheme: str, *, page: bool
) -> list[Header]:
    """The header of a response, in a list; empty where LINKS allows any site.

    `of_views` holds the directives of `@csp` in all views, `override` those of this response.
    `of_views` lacks a view whose mark a decorator lost, or that came after the first request.
    """
    allowlist = find_allowlist(config, {**of_views, "@csp: ": dict(override)}, scheme)
    if allowlist is None:
        return []
    listed = " ".join(["response-origin", *map(_quoted, allowlist.patterns)])
    # Only pages over https have Reporting-Endpoints, and browsers send no reports for workers.
    reported = "; report-to=csp" if page and scheme == "https" else ""
    # Redirects are allowed: the server chooses them, as at a login through another site.
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
    """LINKS of the policy, or by default of the level of pages; None allows any site."""
    links = config["LINKS"]
    return _links_of(config["CSP"]) if links == BY_LEVEL else links


def _links_on_trial(config: Mapping[str, Any]) -> list[str] | None:
    """The links of the level CSP_CANDIDATE; None where the policy sets LINKS."""
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
