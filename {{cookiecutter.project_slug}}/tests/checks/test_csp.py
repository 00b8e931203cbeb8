"""What a loosened policy would let an injected tag do, told with its reason."""

import pytest
from flask import Blueprint

from app.security.csp import csp
from app.security.csp_syntax import NONCE, NONE, SELF, UNSAFE_INLINE
from tests.checks.conftest import POLICY, Find, MakeSite, found_in


def loosened(**directives: list[str]) -> dict[str, list[str]]:
    return {**POLICY, **{name.replace("_", "-"): listed for name, listed in directives.items()}}


@pytest.mark.parametrize(
    ("finding_id", "directive", "source"),
    [
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
    ],
)
def test_a_loose_source_is_told_with_its_directive(
    find: Find, finding_id: str, directive: str, source: str
) -> None:
    [message] = find(finding_id, CSP={**POLICY, directive: [source]})
    assert message.startswith(f"{directive} allows {source}")


@pytest.mark.parametrize(
    ("finding_id", "policy"),
    [
        # Browsers that know nonces ignore it then; it serves those that do not.
        ("csp.unsafe-inline", loosened(script_src=[NONCE, "'unsafe-inline'"])),
        ("csp.data-scripts", loosened(img_src=["data:"])),
        ("csp.wildcard", loosened(trusted_types=["*"])),
        ("csp.wildcard", loosened(img_src=["https://images.safe.test"])),
        ("csp.public-cdn", loosened(script_src=["https://unpkg.com/htmx.org@2.0.4/"])),
        ("csp.public-cdn", loosened(script_src=["https://unpkg.com.safe.test"])),
        ("csp.public-cdn", loosened(img_src=["https://unpkg.com"])),
        ("csp.http", loosened(img_src=["https://images.safe.test"])),
    ],
)
def test_what_opens_nothing_is_not_told(
    find: Find, finding_id: str, policy: dict[str, list[str]]
) -> None:
    assert find(finding_id, CSP=policy) == []


@pytest.mark.parametrize("source", [NONCE, "'sha256-YQ=='"])
@pytest.mark.parametrize("directive", ["script-src-elem", "style-src", "style-src-attr"])
def test_unsafe_inline_that_a_nonce_or_hash_switches_off_is_reported(
    find: Find, directive: str, source: str
) -> None:
    policy = {**POLICY, directive: [SELF, source, UNSAFE_INLINE]}
    [message] = find("csp.ignored-unsafe-inline", CSP=policy)
    assert message.startswith(f"{directive} allows 'unsafe-inline' beside {source}: ")


def test_unsafe_inline_that_counts_is_not_reported_as_ignored(find: Find) -> None:
    policy = loosened(style_src=[NONCE], style_src_attr=[UNSAFE_INLINE], script_src=[UNSAFE_INLINE])
    assert find("csp.ignored-unsafe-inline", CSP=policy) == []


def test_it_is_reported_for_views_and_for_the_candidate_too(make_site: MakeSite) -> None:
    app = make_site(CSP_CANDIDATE=loosened(style_src=[NONCE, UNSAFE_INLINE]))
    styled = csp(style_src=[NONCE, UNSAFE_INLINE])(lambda: "")
    app.add_url_rule("/styled", "styled", styled)
    found = found_in(app, "csp.ignored-unsafe-inline")
    assert [message.partition(" allows ")[0] for message in found] == [
        "CSP_CANDIDATE: style-src",
        "styled: style-src",
    ]


def test_what_falls_back_on_default_src_is_as_loose_as_that(find: Find) -> None:
    policy = {**POLICY, "default-src": [SELF, "'unsafe-inline'"]}
    assert find("csp.unsafe-inline", CSP=policy) == []
    del policy["script-src"]
    assert len(find("csp.unsafe-inline", CSP=policy)) == 1


@pytest.mark.parametrize("directive", ["default-src", "object-src", "base-uri", "form-action"])
def test_a_directive_that_is_missing_is_told(find: Find, directive: str) -> None:
    policy = {**POLICY, "default-src": [SELF], "object-src": [NONE]}
    del policy[directive]
    [message] = find("csp.missing", CSP=policy)
    assert f" {directive}: " in message


def test_what_a_closed_default_src_closes_may_be_missing(find: Find) -> None:
    told = find("csp.missing", CSP={"default-src": [NONE], "frame-ancestors": [NONE]})
    assert [message.partition(": ")[0].split()[-1] for message in told] == [
        "base-uri",
        "form-action",
    ]


def test_a_mode_that_blocks_nothing_is_told(find: Find) -> None:
    assert len(find("csp.report-only", CSP_REPORT_ONLY=True)) == 1


def test_a_view_that_anybody_may_frame_is_told(make_site: MakeSite) -> None:
    app = make_site()
    app.add_url_rule("/for-all", "for_all", csp(frame_ancestors=["*"])(lambda: ""))
    [message] = found_in(app, "csp.framed-by-any")
    assert message.startswith("for_all: frame-ancestors allows *: ")


def test_so_is_a_policy_that_a_view_or_a_blueprint_loosens(make_site: MakeSite) -> None:
    app = make_site()
    blueprint = Blueprint("charts", __name__)
    csp(img_src=["https:"])(blueprint)
    blueprint.add_url_rule("/pie", "pie", csp(style_src=["*"])(lambda: ""))
    app.register_blueprint(blueprint)
    told = [message.partition(" allows ")[0] for message in found_in(app, "csp.wildcard")]
    assert told == ["charts.pie: style-src", "charts: img-src"]


def test_a_nonce_hides_no_other_source(find: Find) -> None:
    [message] = find("csp.public-cdn", CSP=loosened(style_src=[NONCE, "https://unpkg.com"]))
    assert message.startswith("style-src allows https://unpkg.com")


def test_what_falls_back_in_part_is_told_too(find: Find) -> None:
    policy = {**POLICY, "default-src": ["https://unpkg.com"]}
    del policy["style-src"]
    [message] = find("csp.public-cdn", CSP=policy)
    assert message.startswith("default-src allows ")
