"""The policy as rendered: the values that close an attack, at each level of it."""

import re

import pytest
from secure_flask.web import csp_syntax, origins
from secure_flask.web.csp_syntax import NONCE, NONE, SELF

from app import policy
from views.conftest import PRODUCTION, MakeApp, every_token_type

# The sources that let in whatever an attacker injects or hosts.
UNSAFE = {"*", "http:", "https:", "data:", "blob:", "'unsafe-inline'", "'unsafe-eval'"}

# A part of the file that only a render has.
CSP = vars(policy)["CSP"]
# What closes an attack.
CLOSED = {
    "default-src": [[NONE], [SELF]],
    "object-src": [[NONE]],
    "base-uri": [[NONE], [SELF]],
}

# Each header, what its value has to hold, and what happens without.
HEADERS = {
    "X-Content-Type-Options": ("nosniff", "browsers run an upload as a script"),
    "Cross-Origin-Opener-Policy": ("same-origin", "a site that opens a page keeps its window"),
    "Cross-Origin-Resource-Policy": ("same-", "other sites embed what is answered"),
    "Origin-Agent-Cluster": (r"\?1", "sibling origins reach in by document.domain"),
    "X-Permitted-Cross-Domain-Policies": ("none", "old plug-ins read answers"),
    "X-XSS-Protection": ("0", "a filter of old browsers is a way in"),
    "Cache-Control": ("no-store|private", "a cache may hand on an answer that a login made"),
    "Permissions-Policy": (
        r"(?=.*camera=\(\))(?=.*geolocation=\(\))(?=.*microphone=\(\))",
        "an injected script may switch on camera, microphone or location",
    ),
}


@every_token_type
@pytest.mark.parametrize("settings", [{}, PRODUCTION], ids=["development", "production"])
def test_the_app_starts_with_it(make_app: MakeApp, settings: dict[str, object]) -> None:
    assert make_app(**settings).test_client().get("/healthz").status_code == 200


def test_injected_markup_has_nothing_to_use(subtests: pytest.Subtests) -> None:
    for directive, allowed in CLOSED.items():
        with subtests.test(directive):
            assert CSP[directive] in allowed
    assert not UNSAFE & set(CSP["form-action"])


def test_a_script_runs_by_its_nonce_and_by_no_unsafe_source() -> None:
    scripts = CSP["script-src"]
    assert NONCE in scripts
    assert not UNSAFE & set(scripts)


def test_no_directive_takes_any_site_or_evaluates_text() -> None:
    everything = {source for listed in CSP.values() for source in listed}
    assert not {"*", "http:", "'unsafe-eval'", "'unsafe-hashes'"} & everything


def test_the_pages_policy_names_who_may_frame_them() -> None:
    assert CSP["frame-ancestors"] == policy.FRAME_ANCESTORS


def test_every_list_holds_exact_origins() -> None:
    for name in ("CSP_SOURCES", "CORS_ORIGINS"):
        origins.check(name, getattr(policy, name))


def test_the_candidate_is_one_that_browsers_understand() -> None:
    csp_syntax.check(policy.CSP_CANDIDATE or {})


def test_every_answer_is_protected(subtests: pytest.Subtests) -> None:
    for name, (pattern, otherwise) in HEADERS.items():
        with subtests.test(name):
            assert re.match(pattern, policy.HEADERS.get(name, "")), f"{name}: {otherwise}."


def test_no_other_site_learns_paths_from_a_click() -> None:
    # `no-referrer` on a page makes browsers send `Origin: null` with the forms of the page.
    assert policy.PAGE_HEADERS["Referrer-Policy"] in (
        "strict-origin-when-cross-origin",
        "same-origin",
    )
    assert policy.OTHER_HEADERS["Referrer-Policy"] == "no-referrer"


# A year is level 1, subdomains are level 2: who has some without https removes the second line.
def test_https_is_remembered_for_a_year_or_more_and_for_subdomains() -> None:
    max_age = re.match(r"max-age=(\d+)", policy.STRICT_TRANSPORT_SECURITY)
    assert max_age
    assert int(max_age[1]) >= 365 * 24 * 60 * 60
    assert "; includeSubDomains" in policy.STRICT_TRANSPORT_SECURITY


def test_sources_that_were_asked_for_count() -> None:
    for directive in ("style-src", "font-src"):
        assert set(policy.CSP_SOURCES) <= set(CSP[directive])
