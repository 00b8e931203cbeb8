"""The policy as rendered: the values that close an attack, at each level of it."""

import re

import pytest
from flask import Flask
from secure_flask import testing
from secure_flask.csp_levels import NONCE, NONE, SELF
from secure_flask.web import origins
from secure_flask.web.csp_syntax import Policy

from app import policy
from views.conftest import PRODUCTION, MakeApp, every_token_type

# The sources that let in whatever an attacker injects or hosts.
UNSAFE = {"*", "http:", "https:", "data:", "blob:", "'unsafe-inline'", "'unsafe-eval'"}

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
    # `no-referrer` on a page makes browsers send `Origin: null` with the forms of the page.
    "Referrer-Policy": ("strict-origin-when-cross-origin|same-origin", "links show addresses"),
    "Permissions-Policy": (
        r"(?=.*camera=\(\))(?=.*geolocation=\(\))(?=.*microphone=\(\))",
        "an injected script may switch on camera, microphone or location",
    ),
}


@pytest.fixture
def csp(app: Flask) -> Policy:
    """What the rendered policy comes to."""
    return testing.page_policy(app)


@every_token_type
@pytest.mark.parametrize("settings", [{}, PRODUCTION], ids=["development", "production"])
def test_the_app_starts_with_it(make_app: MakeApp, settings: dict[str, object]) -> None:
    assert make_app(**settings).test_client().get("/healthz").status_code == 200


def test_injected_markup_has_nothing_to_use(csp: Policy, subtests: pytest.Subtests) -> None:
    for directive, allowed in CLOSED.items():
        with subtests.test(directive):
            assert csp[directive] in allowed
    assert not UNSAFE & set(csp["form-action"])


def test_a_script_runs_by_its_nonce_and_by_no_unsafe_source(csp: Policy) -> None:
    assert NONCE in csp["script-src"]
    assert not UNSAFE & set(csp["script-src"])


def test_no_directive_takes_any_site_or_evaluates_text(csp: Policy) -> None:
    everything = {source for listed in csp.values() for source in listed}
    assert not {"*", "http:", "'unsafe-eval'", "'unsafe-hashes'"} & everything


def test_the_pages_policy_names_who_may_frame_them(csp: Policy) -> None:
    assert csp["frame-ancestors"] == policy.FRAME_ANCESTORS


def test_every_list_holds_exact_origins() -> None:
    for name in ("CSP_SOURCES", "CORS_ORIGINS"):
        origins.check(name, getattr(policy, name))


def test_every_page_is_protected(app: Flask, subtests: pytest.Subtests) -> None:
    sent = app.test_client().get("/").headers
    for name, (pattern, otherwise) in HEADERS.items():
        with subtests.test(name):
            assert re.match(pattern, sent.get(name, "")), f"{name}: {otherwise}."


def test_sources_that_were_asked_for_count(csp: Policy) -> None:
    for directive in ("style-src", "font-src"):
        assert set(policy.CSP_SOURCES) <= set(csp[directive])
