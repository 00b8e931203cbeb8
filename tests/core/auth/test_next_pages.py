"""`next`: which pages a login leads back to, and that none is of another site."""

import pytest
from flask import Flask
from secure_flask.auth.access import public
from secure_flask.auth.next_pages import checked_target, current_page
from werkzeug.test import EnvironBuilder

from core import routes
from core.conftest import MakeApp

PAGE = "/_test/page"

HOSTILE = r"""
https://evil.example http://evil.example/_test/page //evil.example //evil.example/_test/page
///evil.example ////evil.example /\evil.example \/evil.example \\evil.example /\/evil.example
http:evil.example http:/evil.example https:evil.example HTTPS://evil.example ://evil.example
javascript:alert(1) data:text/html,x vbscript:x JaVaScRiPt:x @evil.example user@evil.example
evil.example _test/page ./_test/page ../_test/page ?next=//evil.example #/_test/page
/_test/page#//evil.example /_test/page\..\..\evil.example http://localhost/_test/page
https://localhost/_test/page /%2f/evil.example /%2fevil.example /%5cevil.example /%5c%5cevil.example
/.//evil.example /..//evil.example /_test/..//evil.example /;//evil.example /%09/evil.example
/_test/nowhere /_test/write /_test//page //_test/page /_TEST/page /_test/page/ /_test/page%00
/static/../_test/page /static/%2e%2e/_test/page /static/a/./b /_test/page%2f..%2f %2f_test%2fpage /_test%2fpage%3f
"""

WITH_CONTROLS = [
    *("", " ", " //evil.example", "/\t/evil.example", "/\n/evil.example", "\t//evil.example"),
    *("/_test/page\r\nSet-Cookie: a=b", "/_test/page\n", "/_test/page\0", "/_test/page?a=\r\nb"),
    *("/_test/page?a=\u00e9", "/\u2044evil.example", "/\uff0fevil.example"),
    "/_test/page?a=" + "b" * 2000,
]


@pytest.fixture(scope="module")
def app(make_app: MakeApp) -> Flask:
    app = make_app(LOGIN_PAGE="site.page", REAUTHENTICATION_PAGE="site.reauthentication_page")
    app.add_url_rule(PAGE, "page", public(lambda: "page"))
    app.add_url_rule("/_test/a b", "space", public(lambda: "page"))
    app.add_url_rule("/_test/write", "write", public(lambda: "written"), methods=["POST"])
    app.add_url_rule("/_test/slash/", "slash", public(lambda: "page"))
    return app


def next_of(app: Flask, target: str | None, **environ: str) -> str | None:
    with app.test_request_context("/", environ_overrides=environ):
        return checked_target(target)


@pytest.mark.asvs("3.7.2")
def test_no_login_leads_to_another_site(app: Flask) -> None:
    """The open redirects of Flask-Security are among them (GHSA-672h-6x89-76m5 and later)."""
    targets = dict.fromkeys([*HOSTILE.split(), *WITH_CONTROLS, None])
    assert {target: next_of(app, target) for target in targets} == targets


def test_a_login_leads_back_to_a_page_of_this_site(app: Flask) -> None:
    queries = ("", "?a=b&c=%2F%20d", "?url=https://evil.example", "?", "?a=[b]&'=~")
    assert [next_of(app, PAGE + query) for query in queries] == [PAGE + query for query in queries]
    assert next_of(app, "/_test/a%20b") == "/_test/a%20b"
    assert next_of(app, "/_test/%70age") == "/_test/%70age"


def test_what_redirects_or_only_writes_or_logs_in_is_no_page(app: Flask) -> None:
    login_pages = [routes.LOGIN, f"{routes.LOGIN}?next=/_test/page", routes.REAUTHENTICATE]
    targets = dict.fromkeys(["/_test/slash", "/_test/write", routes.PASSWORD, *login_pages])
    assert {target: next_of(app, target) for target in targets} == targets
    assert next_of(app, "/_test/slash/") == "/_test/slash/"


def test_a_mounted_app_leads_back_to_its_own_pages(app: Flask) -> None:
    assert next_of(app, f"/mount{PAGE}", SCRIPT_NAME="/mount") == f"/mount{PAGE}"
    others = dict.fromkeys([PAGE, f"/mounted{PAGE}", f"/other{PAGE}", "/mount"])
    assert {target: next_of(app, target, SCRIPT_NAME="/mount") for target in others} == others


def current_of(
    app: Flask, method: str, path: str, query: bytes = b"", root: str = ""
) -> str | None:
    environ = EnvironBuilder(path=path, method=method).get_environ()
    environ |= {"PATH_INFO": path, "QUERY_STRING": query.decode("latin-1"), "SCRIPT_NAME": root}
    with app.request_context(environ):
        return current_page()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_address_of_a_read_is_kept_with_its_query(app: Flask, method: str) -> None:
    assert current_of(app, method, PAGE) == PAGE
    assert current_of(app, method, PAGE, b"a=b&c=%20") == f"{PAGE}?a=b&c=%20"
    assert current_of(app, method, "/_test/a b") == "/_test/a%20b"
    assert current_of(app, method, PAGE, root="/mount") == f"/mount{PAGE}"


def test_no_address_of_a_write_or_of_an_odd_read_is_kept(app: Flask) -> None:
    writes = dict.fromkeys(["POST", "PUT", "PATCH", "DELETE"])
    assert {method: current_of(app, method, PAGE) for method in writes} == writes
    queries = dict.fromkeys([b"\xff", b"a=\r\nb", b"a= b", b"a" * 2100])
    assert {query: current_of(app, "GET", PAGE, query) for query in queries} == queries
    assert current_of(app, "GET", "//evil.example") is None
