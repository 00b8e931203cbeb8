"""`flask policy`: an owner sees what is in force, and which part of it is a change."""

import pytest
from secure_flask.csp_levels import PARANOID, STRICT, Level

from core.conftest import MakeApp


def shown(make_app: MakeApp, **policy: object) -> list[str]:
    result = make_app(**policy).test_cli_runner().invoke(args=["policy"])
    assert result.exit_code == 0
    return [line.strip() for line in result.output.splitlines()]


def test_it_shows_what_is_in_force_and_where_it_comes_from(make_app: MakeApp) -> None:
    lines = shown(
        make_app,
        CSP=PARANOID,
        CSP_CHANGES={"img-src": ["https://tiles.example"]},
        LINKS=["https://shop.example"],
        HEADER_CHANGES={"X-New": "1", "Origin-Agent-Cluster": None},
        PASSWORD_MIN_LENGTH=20,
    )
    assert lines[0] == "Content-Security-Policy of pages, the level PARANOID:"
    expected = {
        "img-src: 'self' https://tiles.example  <- app/policy.py",
        "style-src: 'self'",
        "X-New: 1  <- app/policy.py",
        "Origin-Agent-Cluster: (removed)  <- app/policy.py",
        "X-Content-Type-Options: nosniff",
        "Strict-Transport-Security: max-age=63072000; includeSubDomains (over https)",
        "PASSWORD_MIN_LENGTH: 20  <- app/policy.py",
        "REFRESH_GRACE: 30",
        "Connection-Allowlist: where any page may lead beside this site, by what names it:",
        "always: mailto:* tel:*",
        "img-src: https://tiles.example",
        "LINKS: https://shop.example",
        "LINKS: ['https://shop.example']  <- app/policy.py",
    }
    assert expected - {*lines} == set()
    assert not any("Cross-Origin-Embedder-Policy" in line for line in lines)


def test_a_policy_of_ones_own_is_called_so(make_app: MakeApp) -> None:
    lines = shown(make_app, CSP={"default-src": ["'self'"]})
    assert lines[0] == "Content-Security-Policy of pages, written out in app/policy.py:"
    assert "frame-ancestors: 'none'" in lines


@pytest.mark.parametrize(("level", "links"), [(PARANOID, "[]"), (STRICT, "None")])
def test_it_shows_which_links_a_level_allows(make_app: MakeApp, level: Level, links: str) -> None:
    assert f"LINKS: {links}" in shown(make_app, CSP=level)
