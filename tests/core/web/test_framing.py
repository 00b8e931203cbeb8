"""Who may frame our pages, as a browser reads it."""

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient
from secure_flask.auth.access import public
from secure_flask.csp_levels import NONE, SELF
from secure_flask.web.csp import csp
from secure_flask.web.origins import PolicyError

from core.conftest import PRODUCTION, MakeApp

PARTNER = "https://partner.example"
LOCAL = "http://localhost:3000"
NOBODY = (NONE, "DENY")


def framed(app: Flask, response: Response | None = None) -> FlaskClient:
    """A client of the app with a page, or a response of another kind."""
    app.add_url_rule("/_test/page", view_func=public(lambda: response or "a page"))
    return app.test_client()


def with_own(app: Flask, *ancestors: str, content_type: str = "text/html") -> FlaskClient:
    """A client of the app with a view that says itself who may frame it."""
    view = csp(frame_ancestors=list(ancestors))(lambda: Response(content_type=content_type))
    app.add_url_rule("/_test/page", view_func=public(view))
    return app.test_client()


def framing(client: FlaskClient) -> tuple[str, str | None]:
    """What an answer says to today's browsers, and to old ones."""
    headers = client.get("/_test/page").headers
    _, _, ancestors = headers.get("Content-Security-Policy", "").partition("frame-ancestors ")
    return ancestors.partition(";")[0], headers.get("X-Frame-Options")


@pytest.mark.parametrize(
    ("ancestors", "option"),
    [([NONE], "DENY"), ([SELF], "SAMEORIGIN"), ([PARTNER], None), ([SELF, PARTNER], None)],
)
def test_both_headers_say_the_same(
    make_app: MakeApp, ancestors: list[str], option: str | None
) -> None:
    expected = (" ".join(ancestors), option)
    assert framing(framed(make_app(FRAME_ANCESTORS=ancestors))) == expected
    assert framing(with_own(make_app(FRAME_ANCESTORS=[NONE]), *ancestors)) == expected


def test_a_view_keeps_itself_out_of_the_frames_of_a_partner(make_app: MakeApp) -> None:
    assert framing(with_own(make_app(FRAME_ANCESTORS=[PARTNER]), NONE)) == NOBODY


def test_nobody_frames_what_is_no_page_whatever_its_view_says(make_app: MakeApp) -> None:
    app = make_app(FRAME_ANCESTORS=[PARTNER])
    assert framing(with_own(app, PARTNER, content_type="application/json")) == NOBODY
    script, unmodified = Response(content_type="text/javascript"), Response(status=304)
    assert framing(framed(make_app(), script)) == ("", "DENY")
    # Its headers would replace those of the page that the browser kept.
    assert framing(framed(make_app(), unmodified)) == ("", None)


def test_localhost_frames_pages_in_development_alone(make_app: MakeApp) -> None:
    local = {"FRAME_ANCESTORS": [LOCAL]}
    assert framing(framed(make_app(**local))) == (LOCAL, None)
    assert framing(framed(make_app(**local, **PRODUCTION))) == NOBODY
    assert framing(with_own(make_app(FRAME_ANCESTORS=[PARTNER], **PRODUCTION), LOCAL)) == NOBODY


def test_an_inexact_list_stops_the_app(make_app: MakeApp) -> None:
    for ancestors in ([], ["*"], ["none"], ["https://*.example"], ["https://a.example/"]):
        with pytest.raises(PolicyError, match="FRAME_ANCESTORS"):
            make_app(FRAME_ANCESTORS=ancestors)
