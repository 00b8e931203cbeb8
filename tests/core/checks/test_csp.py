"""What a weak policy would let an injected tag do, reported with its reason."""

import pytest
from flask import Blueprint
from secure_flask.checks import registry
from secure_flask.csp_reports.advice import advise
from secure_flask.csp_reports.table import ViolationCount
from secure_flask.web.csp import csp
from secure_flask.web.csp_syntax import NONCE, UNSAFE_INLINE, Policy

from core.checks.conftest import POLICY, Find, MakeSite, found_in

INSECURE = {
    "csp.unsafe-inline": ["script-src 'unsafe-inline'", "script-src-attr 'unsafe-inline'"],
    "csp.unsafe-inline-styles": ["style-src 'unsafe-inline'", "style-src-attr 'unsafe-inline'"],
    "csp.unsafe-eval": ["script-src 'unsafe-eval'"],
    "csp.data-scripts": ["script-src data:"],
    "csp.wildcard": ["img-src https:", "connect-src wss://*.safe.test", "form-action *"],
    "csp.public-cdn": ["script-src https://esm.sh", "style-src esm.sh", "style-src esm.sh:443/"],
    "csp.http": ["img-src http://images.safe.test", "connect-src ws:"],
    "csp.framed-by-any": ["frame-ancestors *"],
}
HARMLESS = {
    # Browsers that know nonces ignore it then; it serves those that do not.
    "csp.unsafe-inline": [f"script-src {NONCE} 'unsafe-inline'"],
    "csp.ignored-unsafe-inline": ["style-src-attr 'unsafe-inline'"],
    "csp.data-scripts": ["img-src data:"],
    "csp.wildcard": ["trusted-types *", "img-src https://images.safe.test"],
    "csp.public-cdn": ["img-src https://esm.sh", "script-src https://esm.sh.a.test esm.sh/x@2.0/"],
    "csp.http": ["img-src https://images.safe.test"],
}


def policy(*written: str, without: str = "") -> Policy:
    """The clean policy with directives as they are written here, and without another."""
    changed = {name: sources for name, *sources in map(str.split, written)}
    return {name: listed for name, listed in {**POLICY, **changed}.items() if name != without}


def test_an_insecure_source_is_reported(find: Find, subtests: pytest.Subtests) -> None:
    for finding_id, directives in INSECURE.items():
        for directive in directives:
            with subtests.test(directive):
                [message] = find(finding_id, CSP=policy(directive))
                assert message.startswith(directive.replace(" ", " allows "))
    # A nonce hides no other source.
    assert len(find("csp.public-cdn", CSP=policy(f"style-src {NONCE} esm.sh"))) == 1


def test_check_and_report_say_the_same_of_a_public_cdn(make_site: MakeSite) -> None:
    copy, cdn = "Copy the file into app/static/", "https://esm.sh"
    assert registry.CHECKS["csp.public-cdn"].finding.hint.startswith(copy)
    blocked = ViolationCount(directive="style-src-elem", blocked=cdn, disposition="enforce")
    assert advise(blocked, make_site().config).words.startswith(copy)


def test_what_opens_nothing_is_not_reported(find: Find, subtests: pytest.Subtests) -> None:
    for finding_id, directives in HARMLESS.items():
        for directive in directives:
            with subtests.test(directive):
                assert find(finding_id, CSP=policy(directive)) == []


def test_unsafe_inline_that_a_nonce_or_hash_switches_off_is_reported(find: Find) -> None:
    for directive in ("script-src-elem", "style-src", "style-src-attr"):
        for stricter in (NONCE, "'sha256-YQ=='"):
            written = policy(f"{directive} 'self' {stricter} 'unsafe-inline'")
            [message] = find("csp.ignored-unsafe-inline", CSP=written)
            assert message.startswith(f"{directive} allows 'unsafe-inline' beside {stricter}: ")


def test_what_falls_back_on_default_src_is_as_insecure_as_that(find: Find) -> None:
    inline = "default-src 'self' 'unsafe-inline'"
    assert find("csp.unsafe-inline", CSP=policy(inline)) == []
    assert len(find("csp.unsafe-inline", CSP=policy(inline, without="script-src"))) == 1
    # In part: scripts have a directive of their own, styles fall back.
    cdn = policy("default-src https://esm.sh", without="style-src")
    [message] = find("csp.public-cdn", CSP=cdn)
    assert message.startswith("default-src allows ")


def test_a_directive_that_is_missing_is_reported(find: Find) -> None:
    for directive in ("default-src", "object-src", "base-uri", "form-action"):
        missing = policy("default-src 'self'", "object-src 'none'", without=directive)
        [message] = find("csp.missing", CSP=missing)
        assert f" {directive}: " in message


def test_what_a_closed_default_src_closes_may_be_missing(find: Find) -> None:
    found = find("csp.missing", CSP={"default-src": ["'none'"], "frame-ancestors": ["'none'"]})
    missing = [message.partition(": ")[0].split()[-1] for message in found]
    assert missing == ["base-uri", "form-action"]


def test_a_mode_that_blocks_nothing_is_reported(find: Find) -> None:
    assert len(find("csp.report-only", CSP_REPORT_ONLY=True)) == 1


def test_what_a_view_a_blueprint_or_the_candidate_weakens_is_reported(make_site: MakeSite) -> None:
    inline = [NONCE, UNSAFE_INLINE]
    app = make_site(CSP_CANDIDATE={"style-src": inline})
    charts = csp(img_src=["https:"])(Blueprint("charts", __name__))
    charts.add_url_rule("/_test/pie", "pie", csp(style_src=["*", *inline])(lambda: ""))
    app.register_blueprint(charts)
    places = {
        finding_id: [message.partition(" allows ")[0] for message in found_in(app, finding_id)]
        for finding_id in ("csp.wildcard", "csp.ignored-unsafe-inline")
    }
    assert places == {
        "csp.wildcard": ["charts.pie: style-src", "charts: img-src"],
        "csp.ignored-unsafe-inline": ["CSP_CANDIDATE: style-src", "charts.pie: style-src"],
    }
