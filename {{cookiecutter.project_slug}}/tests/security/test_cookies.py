"""The cookies, as a browser stores them."""

import pytest
from flask import Flask, session

from app.security import cookies
from tests.conftest import PRODUCTION, MakeApp


def parts_of(set_cookie: str) -> set[str]:
    """`name` and flags of a Set-Cookie header, without the value."""
    pair, *flags = set_cookie.split("; ")
    return {pair.partition("=")[0], *flags}


def cookie_of_flask(app: Flask) -> set[str]:
    """The cookie that an extension gets when it writes to Flask's session."""

    @app.get("/remember")
    def remember() -> str:
        session["by"] = "an extension"
        return ""

    return parts_of(app.test_client().get("/remember").headers["Set-Cookie"])


@pytest.mark.asvs("3.3.1", "3.3.2", "3.3.3", "3.3.4")
def test_production_binds_flasks_session_to_host_and_https(make_app: MakeApp) -> None:
    flags = cookie_of_flask(make_app(**PRODUCTION))
    assert flags == {"__Host-flask", "Secure", "HttpOnly", "SameSite=Lax", "Path=/"}


def test_development_leaves_out_what_plain_http_forbids(make_app: MakeApp) -> None:
    assert cookie_of_flask(make_app()) == {"dev-flask", "HttpOnly", "SameSite=Lax", "Path=/"}


@pytest.mark.asvs("3.3.1", "3.3.2", "3.3.3", "3.3.4")
@pytest.mark.parametrize(
    ("settings", "scheme", "name", "secure"),
    [
        ({}, "http", "dev-login", False),
        ({}, "https", "__Host-login", True),
        (PRODUCTION, "http", "__Host-login", True),
        (PRODUCTION, "https", "__Host-login", True),
    ],
    ids=["development, http", "development, https", "production, http", "production, https"],
)
def test_a_login_cookie_is_secure_except_in_development_over_http(
    make_app: MakeApp, settings: dict[str, object], scheme: str, name: str, secure: bool
) -> None:
    with make_app(**settings).test_request_context(url_scheme=scheme):
        assert cookies.name_of("login") == name
        assert cookies.flags() == {
            "secure": secure,
            "httponly": True,
            "samesite": "Lax",
            "path": "/",
        }
