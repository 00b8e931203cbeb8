"""`flask policy` and the log of a start say what is in force, which is a change, and no secret."""

import pytest
from flask.cli import routes_command, run_command
from secure_flask.csp_levels import PARANOID, STRICT

from core.conftest import SECRETS, Lines, MakeApp

FRIEND, LOCAL = "https://app.example", "http://localhost:1"


def test_the_policy_in_force_is_one_line_without_secrets(make_app: MakeApp, lines: Lines) -> None:
    make_app(
        app_env="production",
        trusted_hosts=["www.example.org", "example.org"],
        csp_report_only=True,
        TESTING=False,
        CORS_ORIGINS=[FRIEND, LOCAL],
        FRAME_ANCESTORS=["'self'"],
        TOKEN_TYPE="jwt",
        redis_url="redis://:s3cret@127.0.0.1:1/0",
    )
    [line] = lines()
    assert "frame-ancestors 'self'" in line["csp"]
    expected = {
        "event": "sys_startup",
        "level": "info",
        "production": True,
        "csp_report_only": True,
        "framing": "'self'",
        # In production no loopback address is anybody's site.
        "cors_origins": FRIEND,
        "trusted_hosts": "example.org www.example.org",
        "token_type": "jwt",
    }
    assert line.items() >= expected.items()
    assert not any(secret in str(line) for secret in (*SECRETS.values(), "s3cret"))


def test_servers_announce_and_other_commands_do_not(make_app: MakeApp, lines: Lines) -> None:
    production = {"app_env": "production", "trusted_hosts": ["example.org"], "TESTING": False}
    with routes_command.make_context("routes", []):
        make_app(**production)
    assert lines() == []
    with run_command.make_context("run", []):
        make_app(**production)
    assert [line["event"] for line in lines()] == ["sys_startup"]


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


def test_it_shows_a_policy_of_ones_own_and_which_links_a_level_allows(
    make_app: MakeApp, subtests: pytest.Subtests
) -> None:
    lines = shown(make_app, CSP={"default-src": ["'self'"]})
    assert lines[0] == "Content-Security-Policy of pages, written out in app/policy.py:"
    assert "frame-ancestors: 'none'" in lines
    for level, links in ((PARANOID, "[]"), (STRICT, "None")):
        with subtests.test(level=level, links=links):
            assert f"LINKS: {links}" in shown(make_app, CSP=level)
