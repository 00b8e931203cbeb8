"""The cookies, as a browser stores them."""

from typing import Any

import pytest
from flask import Flask, session
from flask.sessions import SecureCookieSessionInterface
from secure_flask import Settings, testing
from secure_flask.auth.access import public
from secure_flask.web import cookies
from secure_flask.web.origins import PolicyError

from core.conftest import PRODUCTION, MakeApp, protect
from core.site import create_app


def cookie_of_flask(app: Flask) -> set[str]:
    """Name and flags of the cookie that an extension gets when it writes to Flask's session."""

    @app.get("/_test/remember")
    @public
    def remember() -> str:
        session["by"] = "an extension"
        return ""

    cookie = app.test_client().get("/_test/remember").headers["Set-Cookie"]
    pair, *flags = cookie.split("; ")
    return {pair.partition("=")[0], *flags}


@pytest.mark.asvs("3.3.1", "3.3.2", "3.3.3", "3.3.4")
def test_flasks_session_is_bound_to_the_host_and_to_https_in_production(make_app: MakeApp) -> None:
    both = {"HttpOnly", "SameSite=Lax", "Path=/"}
    assert cookie_of_flask(make_app(**PRODUCTION)) == {"__Host-Http-flask", "Secure", *both}
    assert cookie_of_flask(make_app()) == {"dev-flask", *both}


# Flask reads the flag in any case.
STRICTER = {"SESSION_COOKIE_SAMESITE": "strict", "SESSION_COOKIE_SECURE": True}
# A setting of the cookie, a weaker value, and whether development refuses it too.
WEAKER = [
    ("SESSION_COOKIE_HTTPONLY", False, True),
    ("SESSION_COOKIE_SAMESITE", "None", True),
    ("SESSION_COOKIE_DOMAIN", "example.org", True),
    ("SESSION_COOKIE_PATH", "/shop", False),
]
# These have a default that protects: only a later change can weaken them.
WEAKER_LATER = [
    *WEAKER,
    ("SESSION_COOKIE_SAMESITE", None, True),
    ("SESSION_COOKIE_SECURE", False, False),
    ("SESSION_COOKIE_NAME", "shop", False),
    ("SESSION_COOKIE_NAME", "__Host-shop", False),
]


def test_stricter_flags_of_flasks_session_stay(make_app: MakeApp) -> None:
    strict = {"HttpOnly", "SameSite=Strict", "Secure"}
    development = make_app(SESSION_COOKIE_PATH="/_test", **STRICTER)
    assert cookie_of_flask(development) == {"dev-flask", "Path=/_test", *strict}
    partitioned = make_app(SESSION_COOKIE_PARTITIONED=True, **STRICTER, **PRODUCTION)
    expected = {"__Host-Http-flask", "Path=/", "Partitioned", *strict}
    assert cookie_of_flask(partitioned) == expected


@pytest.mark.parametrize(("name", "value", "everywhere"), WEAKER)
def test_weaker_flags_of_flasks_session_are_refused(
    name: str, value: object, everywhere: bool, subtests: pytest.Subtests
) -> None:
    for environment in (PRODUCTION, *[{}] * everywhere):
        with (
            subtests.test(case=environment),
            pytest.raises(PolicyError, match=rf"Flask's session.\n{name}: .+[:.]"),
        ):
            create_app(testing.settings(Settings, **environment), **{name: value})


@pytest.mark.parametrize(("name", "value", "everywhere"), WEAKER_LATER)
def test_a_line_that_weakens_a_flag_later_is_refused(
    make_app: MakeApp, name: str, value: object, everywhere: bool, subtests: pytest.Subtests
) -> None:
    for environment in (PRODUCTION, *[{}] * everywhere):
        with subtests.test(environment=environment):
            config = make_app(fill=False, **environment).config
            before = config[name]
            with (
                subtests.test(case=environment),
                pytest.raises(PolicyError, match=rf"Flask's session.\n{name}: "),
            ):
                config[name] = value
            assert config[name] == before


@pytest.mark.parametrize("written", ["shop", "__Host-shop", "__Host-Http-shop"])
def test_a_name_of_the_owner_has_the_prefix_in_production_alone(
    make_app: MakeApp, written: str
) -> None:
    apps = [make_app(fill=False, SESSION_COOKIE_NAME=written, **env) for env in ({}, PRODUCTION)]
    named = [app.config["SESSION_COOKIE_NAME"] for app in apps]
    assert named == ["shop", "__Host-Http-shop"]


@pytest.mark.asvs("3.3.1", "3.3.2", "3.3.3", "3.3.4")
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("environment", [{}, PRODUCTION], ids=["dev", "prod"])
def test_a_login_cookie_is_secure_except_in_development_over_http(
    make_app: MakeApp, environment: dict[str, Any], scheme: str
) -> None:
    secure = bool(environment) or scheme == "https"
    with make_app(**environment).test_request_context(url_scheme=scheme):
        assert cookies.cookie_name("login") == ("__Host-Http-login" if secure else "dev-login")
        bound = {"httponly": True, "samesite": "Lax", "path": "/"}
        assert cookies.cookie_flags() == {"secure": secure, **bound}


def test_flasks_session_keeps_what_it_signed_and_nothing_else(make_app: MakeApp) -> None:
    app = make_app()

    @app.get("/_test/count")
    @public
    def count() -> str:
        session["visits"] = session.get("visits", 0) + 1
        return str(session["visits"])

    client = app.test_client()
    assert [client.get("/_test/count").text for _ in range(3)] == ["1", "2", "3"]
    client.set_cookie(app.config["SESSION_COOKIE_NAME"], "eyJ2aXNpdHMiOjk5fQ.aaaaaa.forged")
    assert client.get("/_test/count").text == "1"


def test_a_cookie_of_this_host_that_is_sent_twice_is_refused(
    make_app: MakeApp, subtests: pytest.Subtests
) -> None:
    # A browser has one of each name, so a sibling domain has slipped the other in.
    of_production = {
        "__Host-Http-session=a": 200,
        "__Host-Http-session=a; __Host-Http-flask=b; other=1; other=2": 200,
        "other=__Host-Http-session; __Host-Http-session=a": 200,
        "__Host-Http-session=a; __Host-Http-session=a": 400,
        "__Host-Http-session=a;__Host-Http-session=b; other=1": 400,
        "__Host-Http-flask=a; other=1; __Host-Http-flask =b": 400,
        "__Host-Http-session; __Host-Http-session=b": 400,
        "__Host-other=a; __Host-other=b": 400,
    }
    here = {"dev-flask=a; dev-session=b": 200, "a=a; a=b": 200, "dev-flask=a; dev-flask=b": 400}
    for expected, app in ((of_production, make_app(**PRODUCTION)), (here, make_app())):
        with subtests.test(expected=expected, app=app):
            client = app.test_client(use_cookies=False)
            answers = {sent: client.get("/", headers={"Cookie": sent}) for sent in expected}
            assert {sent: answer.status_code for sent, answer in answers.items()} == expected
    assert "delete those of this site" in answers[[*here][-1]].get_json()["hint"]


def test_an_app_keeps_its_own_kind_of_session_which_reads_no_cookie_that_does_not_count() -> None:
    class Own(SecureCookieSessionInterface):
        def __init__(self, name: str) -> None:
            self.name = name

        def get_cookie_name(self, app: Flask) -> str:
            return self.name

    class Shop(Flask):
        session_interface = Own("basket")

    app = protect(Shop("shop"))
    app.add_url_rule("/_test/remembered", view_func=public(lambda: session.get("by", "nobody")))
    assert cookie_of_flask(app) == {"basket", "HttpOnly", "SameSite=Lax", "Path=/"}
    assert type(Shop.session_interface) is Own
    client = app.test_client()
    client.get("/_test/remember")
    assert client.get("/_test/remembered").text == "an extension"
    by_token = {"Authorization": "Bearer another"}
    assert client.get("/_test/remembered", headers=by_token).text == "nobody"
