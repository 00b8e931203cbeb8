"""What pages may load at each level of the policy, and what the owner's changes make of it."""

import pytest
from secure_flask.csp_levels import (
    NONE,
    PARANOID,
    RELAXED,
    SELF,
    STRICT,
    STRICT_WITH_TRUSTED_TYPES,
    Level,
)

from core.conftest import MakeApp

CDN, TILES = "https://cdn.example", "https://tiles.example"

# As a browser gets them: {n} is the nonce and {s} the origins of CSP_SOURCES.
EXPECTED = {
    "RELAXED": (
        "default-src 'self'; script-src 'self' {n}{s}; script-src-attr 'none'; "
        "style-src 'self' 'unsafe-inline'{s}; img-src 'self' data: https:; "
        "font-src 'self' data:{s}; object-src 'none'; base-uri 'self'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
    "STRICT": (
        "default-src 'none'; script-src {n}; style-src 'self' {n}{s}; img-src 'self' data:{s}; "
        "font-src 'self'{s}; connect-src 'self'; media-src 'self'; manifest-src 'self'; "
        "worker-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
    "PARANOID": (
        "default-src 'none'; script-src {n}; style-src 'self'{s}; img-src 'self'{s}; "
        "font-src 'self'{s}; connect-src 'self'; manifest-src 'self'; object-src 'none'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
}


def policy_of(make_app: MakeApp, **policy: object) -> dict[str, str]:
    """The directives of the start page, with {n} in place of the nonce."""
    headers = make_app(**policy).test_client().get("/").headers
    pairs = (part.strip().partition(" ") for part in headers["Content-Security-Policy"].split(";"))
    sources = {name: sources.split() for name, _, sources in pairs if name != "report-uri"}
    return {
        name: " ".join("{n}" if each.startswith("'nonce-") else each for each in listed)
        for name, listed in sources.items()
    }


@pytest.mark.asvs("3.4.3", "3.7.1")
@pytest.mark.parametrize("level", [RELAXED, STRICT, PARANOID], ids=lambda level: level.name)
@pytest.mark.parametrize("sources", [[], [CDN, TILES]], ids=["own files", "with CSP_SOURCES"])
def test_each_level_allows_what_the_documents_say(
    make_app: MakeApp, level: Level, sources: list[str]
) -> None:
    more = "".join(f" {each}" for each in sources)
    expected = EXPECTED[level.name].replace("{s}", more).split("; ")
    got = policy_of(make_app, CSP=level, CSP_SOURCES=sources)
    assert [f"{name} {listed}" for name, listed in got.items()] == expected


def test_changes_add_sources_and_none_alone_replaces_them(make_app: MakeApp) -> None:
    changed = {
        "img-src": ([TILES, SELF], f"'self' data: {TILES}"),
        "connect-src": ([NONE], "'none'"),
        "frame-src": ([TILES], TILES),  # absent from the level, where default-src counts
        "object-src": ([SELF], "'self'"),  # 'none' beside another source would be ignored
        "sandbox": (["allow-forms"], "allow-forms"),
    }
    changes = {name: added for name, (added, _) in changed.items()}
    expected = {name: listed for name, (_, listed) in changed.items()}
    assert policy_of(make_app, CSP_CHANGES=changes) == {**policy_of(make_app), **expected}
    got = policy_of(make_app, CSP=RELAXED, CSP_CHANGES={"frame-src": [TILES]})
    assert got["frame-src"] == f"'self' {TILES}"
    # A policy of one's own without frame-ancestors is framed by nobody.
    got = policy_of(make_app, CSP={"default-src": [SELF]})
    assert (got["default-src"], got["frame-ancestors"]) == ("'self'", "'none'")


def test_strict_with_trusted_types_is_ready_to_try(make_app: MakeApp) -> None:
    types = {"require-trusted-types-for": "'script'", "trusted-types": "'none'"}
    strict = policy_of(make_app, CSP=STRICT)
    assert policy_of(make_app, CSP=STRICT_WITH_TRUSTED_TYPES) == {**strict, **types}
    app = make_app(CSP=STRICT, CSP_CANDIDATE=STRICT_WITH_TRUSTED_TYPES)
    tried = app.test_client().get("/").headers["Content-Security-Policy-Report-Only"]
    assert "require-trusted-types-for 'script'; trusted-types 'none'" in tried
