"""Who may frame our pages, as a browser reads it."""

import pytest
from flask import Flask

from app.security.origins import PolicyError
from app.security.sources import NONE, SELF
from tests.conftest import MakeApp

PARTNER = "https://partner.example"


@pytest.mark.parametrize(("ancestors", "option"), [([NONE], "DENY"), ([SELF], "SAMEORIGIN")])
def test_both_headers_say_the_same(make_app: MakeApp, ancestors: list[str], option: str) -> None:
    answer = make_app(FRAME_ANCESTORS=ancestors).test_client().get("/")
    assert answer.headers["X-Frame-Options"] == option
    assert f"frame-ancestors {ancestors[0]};" in answer.headers["Content-Security-Policy"]


def test_an_allow_list_has_no_x_frame_options(make_app: MakeApp) -> None:
    answer = make_app(FRAME_ANCESTORS=[PARTNER]).test_client().get("/")
    assert "X-Frame-Options" not in answer.headers
    assert f"frame-ancestors {PARTNER};" in answer.headers["Content-Security-Policy"]


def test_json_is_never_framed(make_app: MakeApp) -> None:
    answer = make_app(FRAME_ANCESTORS=[PARTNER]).test_client().get("/healthz")
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("ancestors", [[], ["*"], ["https://*.example"], ["https://a.example/"]])
def test_an_inexact_list_stops_the_app(make_app: MakeApp, ancestors: list[str]) -> None:
    with pytest.raises(PolicyError, match="FRAME_ANCESTORS"):
        make_app(FRAME_ANCESTORS=ancestors)


def test_localhost_frames_only_in_development(make_app: MakeApp) -> None:
    local = ["http://localhost:3000"]
    assert "frame-ancestors http://localhost:3000;" in _policy(make_app(FRAME_ANCESTORS=local))
    production = {"app_env": "production", "trusted_hosts": ["localhost"]}
    app = make_app(FRAME_ANCESTORS=local, **production)
    assert "frame-ancestors 'none';" in _policy(app)


def _policy(app: Flask) -> str:
    return (
        app.test_client().get("/", base_url="https://localhost").headers["Content-Security-Policy"]
    )
