"""Content-Security-Policy: what an injected script or style may do in a page."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import csp_levels, testing
from werkzeug.test import TestResponse

from tests.conftest import BROWSER, open_all
from tests.page_elements import Elements
from tests.probes import ERROR, JSON, PAGE

# Each of these would let injected markup run a script.
RUN_ANYTHING = {csp_levels.UNSAFE_INLINE, csp_levels.DATA, csp_levels.HTTPS, "http:", "*"}


def policy_of(response: TestResponse) -> dict[str, list[str]]:
    """The directives of the header, each with its sources."""
    header = response.headers["Content-Security-Policy"]
    directives = [directive.split() for directive in header.split(";")]
    return {name: sources for name, *sources in directives}


def nonce_of(response: TestResponse) -> str | None:
    found = re.search(r"'nonce-([^']+)'", response.headers["Content-Security-Policy"])
    return found[1] if found else None


def test_a_page_gets_the_policy(probes: FlaskClient) -> None:
    response = probes.get(PAGE)
    nonce = csp_levels.NONCE.replace("{nonce}", nonce_of(response) or "")
    sent, policy = policy_of(response), testing.page_csp(probes.application)
    assert {directive: sent[directive] for directive in policy} == {
        directive: [nonce if each == csp_levels.NONCE else each for each in sources]
        for directive, sources in policy.items()
    }


def test_no_injected_script_runs_under_the_policy(app: Flask) -> None:
    policy = testing.page_csp(app)
    scripts = policy.get("script-src", policy.get("default-src", ["*"]))
    assert RUN_ANYTHING.isdisjoint(scripts)
    assert policy.get("object-src", policy.get("default-src")) == [csp_levels.NONE]
    assert RUN_ANYTHING.isdisjoint(policy.get("base-uri", ["*"]))


def test_each_response_has_another_nonce(probes: FlaskClient) -> None:
    nonces = [nonce_of(probes.get(path, headers=BROWSER)) for path in (PAGE, PAGE, ERROR)]
    assert nonces[0] is None or len(set(nonces)) == 3


def test_what_is_no_page_may_load_and_run_nothing(probes: FlaskClient) -> None:
    policy = policy_of(probes.get(JSON))
    assert policy["default-src"] == [csp_levels.NONE]
    assert "sandbox" in policy


@pytest.mark.parametrize("who", ["client", "ada"])
def test_no_page_has_markup_that_its_policy_blocks(
    app: Flask, who: str, request: pytest.FixtureRequest
) -> None:
    responses = open_all(request.getfixturevalue(who)).items()
    pages = {path: each for path, each in responses if each.mimetype == "text/html"}
    assert [f"{path}: {each}" for path in pages for each in blocked_markup(pages[path])] == []


def blocked_markup(response: TestResponse) -> list[str]:
    """The event handlers, inline scripts and style attributes that the browser ignores."""
    page, policy = Elements(response.text), policy_of(response)
    default = policy.get("default-src", [])
    styles = policy.get("style-src-attr", policy.get("style-src", default))
    inline_style = csp_levels.UNSAFE_INLINE in styles
    blocked = [
        f"<{tag} {name}=…>"
        for tag, attributes in page.found
        for name in attributes
        if name.startswith("on") or (name == "style" and not inline_style)
    ]
    needs_nonce = csp_levels.SELF not in policy.get("script-src", default)
    for script in page.of("script"):
        loads = script.get("type", "module") in ("", "module", "text/javascript")
        if loads and ("src" not in script or needs_nonce) and nonce_of(response) is not None:
            blocked += ["<script> without the nonce"] * (script.get("nonce") != nonce_of(response))
    return blocked
