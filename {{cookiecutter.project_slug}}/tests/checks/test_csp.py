"""What a loosened policy would let an injected tag do, reported with its reason."""

import pytest
from flask import Blueprint

from app.security.csp import csp
from app.security.csp_syntax import NONCE, NONE, SELF, UNSAFE_INLINE
from tests.checks.conftest import POLICY, Find, MakeSite, found_in

INSECURE = [
    ("csp.unsafe-inline", "script-src", "'unsafe-inline'"),
    ("csp.unsafe-inline", "script-src-attr", "'unsafe-inline'"),
    ("csp.unsafe-inline-styles", "style-src", "'unsafe-inline'"),
    ("csp.unsafe-inline-styles", "style-src-attr", "'unsafe-inline'"),
    ("csp.unsafe-eval", "script-src", "'unsafe-eval'"),
    ("csp.data-scripts", "script-src", "data:"),
    ("csp.wildcard", "script-src", "*"),
    ("csp.wildcard", "img-src", "https:"),
    ("csp.wildcard", "connect-src", "wss://*.safe.test"),
    ("csp.wildcard", "form-action", "*"),
    ("csp.public-cdn", "script-src", "https://cdn.jsdelivr.net"),
    ("csp.public-cdn", "style-src", "unpkg.com"),
    ("csp.public-cdn", "style-src", "https://cdnjs.cloudflare.com:443/"),
    ("csp.http", "img-src", "http://images.safe.test"),
    ("csp.http", "connect-src", "ws:"),
    ("csp.framed-by-any", "frame-ancestors", "*"),
]
HARMLESS = [
    # Browsers that know nonces ignore it then; it serves those that do not.
    ("csp.unsafe-inline", "script-src", NONCE, UNSAFE_INLINE),
    ("csp.data-scripts", "img-src", "data:"),
    ("csp.wildcard", "trusted-types", "*"),
    ("csp.wildcard", "img-src", "https://images.safe.test"),
    ("csp.public-cdn", "script-src", "https://unpkg.com/htmx.org@2.0.4/"),
    ("csp.public-cdn", "script-src", "https://unpkg.com.safe.test"),
    ("csp.public-cdn", "img-src", "https://unpkg.com"),
    ("csp.http", "img-src", "https://images.safe.test"),
    ("csp.ignored-unsafe-inline", "style-src-attr", UNSAFE_INLINE),
]


def without(*directives: str, **changed: list[str]) -> dict[str, list[str]]:
    """The clean policy without some directives and with others changed."""
    kept = {name: listed for name, listed in POLICY.items() if name not in directives}
    return {**kept, **{name.replace("_", "-"): listed for name, listed in changed.items()}}


def test_an_insecure_source_is_reported_with_its_directive(
    find: Find, subtests: pytest.Subtests
) -> None:
    for finding_id, directive, source in INSECURE:
        with subtests.test(f"{directive} {source}"):
            [message] = find(finding_id, CSP={**POLICY, directive: [source]})
            assert message.startswith(f"{directive} allows {source}")
    # A nonce hides no other source.
    assert len(find("csp.public-cdn", CSP=without(style_src=[NONCE, "https://unpkg.com"]))) == 1


def test_what_opens_nothing_is_not_reported(find: Find, subtests: pytest.Subtests) -> None:
    for finding_id, directive, *sources in HARMLESS:
        with subtests.test(f"{directive} {sources}"):
            assert find(finding_id, CSP={**POLICY, directive: sources}) == []


def test_unsafe_inline_that_a_nonce_or_hash_switches_off_is_reported(
    find: Find, subtests: pytest.Subtests
) -> None:
    for directive in ("script-src-elem", "style-src", "style-src-attr"):
        for source in (NONCE, "'sha256-YQ=='"):
            with subtests.test(f"{directive} {source}"):
                policy = {**POLICY, directive: [SELF, source, UNSAFE_INLINE]}
                [message] = find("csp.ignored-unsafe-inline", CSP=policy)
                assert message.startswith(f"{directive} allows 'unsafe-inline' beside {source}: ")


def test_what_falls_back_on_default_src_is_as_insecure_as_that(find: Find) -> None:
    inline, cdn = [SELF, "'unsafe-inline'"], ["https://unpkg.com"]
    assert find("csp.unsafe-inline", CSP=without(default_src=inline)) == []
    assert len(find("csp.unsafe-inline", CSP=without("script-src", default_src=inline))) == 1
    # In part: scripts have a directive of their own, styles fall back.
    [message] = find("csp.public-cdn", CSP=without("style-src", default_src=cdn))
    assert message.startswith("default-src allows ")


def test_a_directive_that_is_missing_is_reported(find: Find, subtests: pytest.Subtests) -> None:
    for directive in ("default-src", "object-src", "base-uri", "form-action"):
        with subtests.test(directive):
            open_policy = without(default_src=[SELF], object_src=[NONE])
            del open_policy[directive]
            [message] = find("csp.missing", CSP=open_policy)
            assert f" {directive}: " in message


def test_what_a_closed_default_src_closes_may_be_missing(find: Find) -> None:
    found = find("csp.missing", CSP={"default-src": [NONE], "frame-ancestors": [NONE]})
    missing = [message.partition(": ")[0].split()[-1] for message in found]
    assert missing == ["base-uri", "form-action"]


def test_a_mode_that_blocks_nothing_is_reported(find: Find) -> None:
    assert len(find("csp.report-only", CSP_REPORT_ONLY=True)) == 1


def test_what_a_view_a_blueprint_or_the_candidate_loosens_is_reported(make_site: MakeSite) -> None:
    inline = [NONCE, UNSAFE_INLINE]
    app = make_site(CSP_CANDIDATE=without(style_src=inline))
    charts = csp(img_src=["https:"])(Blueprint("charts", __name__))
    charts.add_url_rule("/pie", "pie", csp(style_src=["*", *inline])(lambda: ""))
    app.register_blueprint(charts)
    places = {
        finding_id: [message.partition(" allows ")[0] for message in found_in(app, finding_id)]
        for finding_id in ("csp.wildcard", "csp.ignored-unsafe-inline")
    }
    assert places == {
        "csp.wildcard": ["charts.pie: style-src", "charts: img-src"],
        "csp.ignored-unsafe-inline": ["CSP_CANDIDATE: style-src", "charts.pie: style-src"],
    }
