"""What holds for any answers, and shows when an edit of `policy.py` opens a hole."""

import pytest

from app import policy
from app.security import csp_syntax, origins
from app.security.csp_syntax import NONCE, NONE, SELF
from tests.conftest import PRODUCTION, MakeApp


@pytest.mark.parametrize("settings", [{}, PRODUCTION], ids=["development", "production"])
def test_the_app_starts_with_it(make_app: MakeApp, settings: dict[str, object]) -> None:
    assert make_app(**settings).test_client().get("/").status_code == 200


@pytest.mark.asvs("3.4.3", "3.7.1")
@pytest.mark.parametrize(
    ("directive", "allowed"),
    [
        ("default-src", [[NONE], [SELF]]),
        ("object-src", [[NONE]]),
        ("base-uri", [[NONE], [SELF]]),
        ("form-action", [[NONE], [SELF]]),
    ],
)
def test_what_injected_markup_would_use_is_closed(directive: str, allowed: list[list[str]]) -> None:
    assert policy.CSP[directive] in allowed


@pytest.mark.asvs("3.4.3")
def test_a_script_runs_by_its_nonce_and_by_no_loose_word() -> None:
    scripts = policy.CSP["script-src"]
    assert NONCE in scripts
    assert not set(scripts) - {NONCE, SELF, *policy.CSP_SOURCES}


def test_no_directive_takes_any_site_or_evaluates_text() -> None:
    everything = {source for listed in policy.CSP.values() for source in listed}
    assert not {"*", "http:", "'unsafe-eval'", "'unsafe-hashes'"} & everything


def test_the_pages_policy_names_who_may_frame_them() -> None:
    assert policy.CSP["frame-ancestors"] == policy.FRAME_ANCESTORS


@pytest.mark.parametrize("name", ["CSP_SOURCES", "CORS_ORIGINS"])
def test_every_list_holds_exact_origins(name: str) -> None:
    origins.check(name, getattr(policy, name))


def test_the_candidate_is_one_that_browsers_understand() -> None:
    csp_syntax.check(policy.CSP_CANDIDATE or {})


@pytest.mark.asvs("3.4.4", "3.4.8", "14.2.2", "14.3.2")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Content-Type-Options", "nosniff"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Origin-Agent-Cluster", "?1"),
        ("X-Permitted-Cross-Domain-Policies", "none"),
        ("X-XSS-Protection", "0"),
        ("Cache-Control", "no-store, max-age=0"),
    ],
)
def test_every_answer_says(name: str, value: str) -> None:
    assert policy.HEADERS[name] == value


def test_camera_microphone_and_place_are_off() -> None:
    allowed = policy.HEADERS["Permissions-Policy"].split(", ")
    assert {"camera=()", "microphone=()", "geolocation=()"} <= set(allowed)


@pytest.mark.asvs("3.4.5")
def test_only_pages_tell_where_a_click_came_from() -> None:
    # `no-referrer` on a page makes browsers send `Origin: null` on its own form posts.
    assert policy.PAGE_HEADERS["Referrer-Policy"] == "strict-origin-when-cross-origin"
    assert policy.OTHER_HEADERS["Referrer-Policy"] == "no-referrer"


@pytest.mark.asvs("3.4.1")
def test_https_is_remembered_for_a_year_or_more() -> None:
    max_age, _, _ = policy.STRICT_TRANSPORT_SECURITY.partition(";")
    assert int(max_age.removeprefix("max-age=")) >= 365 * 24 * 60 * 60


# Level 2 of it. Who has subdomains without https removes this test with the word.
@pytest.mark.asvs("3.4.1")
def test_https_is_remembered_for_subdomains_too() -> None:
    assert "; includeSubDomains" in policy.STRICT_TRANSPORT_SECURITY


@pytest.mark.parametrize("directive", ["style-src", "font-src"])
def test_sources_that_were_asked_for_count(directive: str) -> None:
    assert set(policy.CSP_SOURCES) <= set(policy.CSP[directive])
