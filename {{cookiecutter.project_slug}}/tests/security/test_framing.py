"""Who may frame our pages, as a browser reads it."""

import pytest
from flask.testing import FlaskClient

from app.security.csp import csp
from app.security.csp_syntax import NONE, SELF
from app.security.origins import PolicyError
from tests.conftest import PRODUCTION, MakeApp

PARTNER = "https://partner.example"
LOCAL = "http://localhost:3000"


def framing(client: FlaskClient, path: str = "/") -> tuple[str, str | None]:
    """What an answer says to today's browsers, and to old ones."""
    headers = client.get(path).headers
    _, _, ancestors = headers["Content-Security-Policy"].partition("frame-ancestors ")
    return ancestors.partition(";")[0], headers.get("X-Frame-Options")


@pytest.mark.asvs("3.4.6")
@pytest.mark.parametrize(
    ("ancestors", "option"),
    [([NONE], "DENY"), ([SELF], "SAMEORIGIN"), ([PARTNER], None), ([SELF, PARTNER], None)],
    ids=["nobody", "this site", "one partner", "this site and a partner"],
)
def test_both_headers_say_the_same(
    make_app: MakeApp, ancestors: list[str], option: str | None
) -> None:
    client = make_app(FRAME_ANCESTORS=ancestors).test_client()
    assert framing(client) == (" ".join(ancestors), option)


@pytest.mark.asvs("3.4.6")
def test_json_is_never_framed(make_app: MakeApp) -> None:
    client = make_app(FRAME_ANCESTORS=[PARTNER]).test_client()
    assert framing(client, "/healthz") == (NONE, "DENY")


@pytest.mark.parametrize(
    ("ancestors", "option"),
    [([PARTNER], None), ([SELF], "SAMEORIGIN")],
    ids=["a partner", "this site"],
)
def test_a_view_of_its_own_mind_changes_both(
    make_app: MakeApp, ancestors: list[str], option: str | None
) -> None:
    app = make_app()
    app.add_url_rule("/widget", view_func=csp(frame_ancestors=ancestors)(lambda: "a widget"))
    assert framing(app.test_client(), "/widget") == (" ".join(ancestors), option)


def test_not_modified_leaves_the_kept_answer_in_force(client: FlaskClient) -> None:
    tag = client.get("/static/page.css").headers["ETag"]
    answer = client.get("/static/page.css", headers={"If-None-Match": tag})
    assert answer.status_code == 304
    assert "X-Frame-Options" not in answer.headers


@pytest.mark.parametrize(
    "ancestors", [[], ["*"], ["none"], ["https://*.example"], ["https://a.example/"]]
)
def test_an_inexact_list_stops_the_app(make_app: MakeApp, ancestors: list[str]) -> None:
    with pytest.raises(PolicyError, match="FRAME_ANCESTORS"):
        make_app(FRAME_ANCESTORS=ancestors)


def test_localhost_frames_in_development(make_app: MakeApp) -> None:
    client = make_app(FRAME_ANCESTORS=[LOCAL]).test_client()
    assert framing(client) == (LOCAL, None)


def test_localhost_frames_nothing_in_production(make_app: MakeApp) -> None:
    client = make_app(FRAME_ANCESTORS=[LOCAL], **PRODUCTION).test_client()
    assert framing(client) == (NONE, "DENY")


def test_a_view_lets_localhost_frame_it_only_in_development(make_app: MakeApp) -> None:
    app = make_app(FRAME_ANCESTORS=[PARTNER], **PRODUCTION)
    app.add_url_rule("/_local", view_func=csp(frame_ancestors=[LOCAL])(lambda: "framed"))
    answer = app.test_client().get("/_local")
    assert "frame-ancestors 'none';" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Frame-Options"] == "DENY"


def test_what_is_no_page_is_framed_by_nobody_whatever_its_view_says(make_app: MakeApp) -> None:
    app = make_app()
    app.add_url_rule("/data", view_func=csp(frame_ancestors=[PARTNER])(lambda: {"a": 1}))
    assert framing(app.test_client(), "/data") == (NONE, "DENY")
