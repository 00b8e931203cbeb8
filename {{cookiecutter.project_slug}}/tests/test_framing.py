"""Framing: which other sites may show a page inside theirs, where a trick can catch clicks."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import csp_levels, testing

from tests.conftest import BROWSER
from tests.probes import ERROR, JSON, PAGE
from tests.test_csp import policy_of

OPTIONS = {(csp_levels.NONE,): "DENY", (csp_levels.SELF,): "SAMEORIGIN"}


@pytest.mark.parametrize("path", [PAGE, ERROR])
def test_only_the_sites_of_the_policy_may_frame_a_page(probes: FlaskClient, path: str) -> None:
    response = probes.get(path, headers=BROWSER)
    listed = probes.application.config["FRAME_ANCESTORS"]
    assert policy_of(response)["frame-ancestors"] == listed


def test_only_they_may_frame_the_login_page(app: Flask, client: FlaskClient) -> None:
    response = client.get(testing.path_of(app, app.config["LOGIN_PAGE"]))
    assert policy_of(response)["frame-ancestors"] == app.config["FRAME_ANCESTORS"]


def test_an_old_browser_reads_the_same_in_x_frame_options(probes: FlaskClient) -> None:
    expected = OPTIONS.get(tuple(probes.application.config["FRAME_ANCESTORS"]))
    assert probes.get(PAGE).headers.get("X-Frame-Options") == expected


def test_no_site_may_frame_what_is_no_page(probes: FlaskClient) -> None:
    response = probes.get(JSON)
    assert policy_of(response)["frame-ancestors"] == [csp_levels.NONE]
    assert response.headers["X-Frame-Options"] == "DENY"


def test_anybody_is_never_listed(app: Flask) -> None:
    assert {"*", "https:", "http:"}.isdisjoint(app.config["FRAME_ANCESTORS"])
