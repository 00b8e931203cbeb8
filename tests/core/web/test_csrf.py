"""Which pages may write: what a form or a script of another site gets for trying."""

import re
from collections.abc import Callable
from itertools import product
from typing import Any, ClassVar, NamedTuple

import pytest
from flask import Flask, request
from flask.testing import FlaskClient
from flask.typing import ResponseReturnValue
from flask.views import MethodView
from markupsafe import escape
from secure_flask import current_user
from secure_flask.auth.access import login_required, public
from secure_flask.web.csrf import FORM_TYPES, SENT_BY_FORMS, csrf_exempt
from secure_flask.web.forms import consumes_form
from secure_flask.web.responses import consumes

import support
from core import routes
from core.conftest import OWN_PAGE, PRODUCTION, Lines, MakeApp, log_in, log_in_by_form

OWN, FRIEND, STRANGER = "http://localhost", "https://app.example", "https://evil.example"
WRITE, UPLOAD, OPEN, HOOK = "/_test/write", "/_test/upload", "/_test/open", "/_test/hook"
ANY, PRIVATE, SOCKET = "/_test/any", "/_test/private", "/_test/socket"
LARGE = b"\x89" * 100_000  # more than a body may hold elsewhere
URLENCODED, MULTIPART = FORM_TYPES
JSON, NO_BODY = "application/json", "no body"


def done() -> ResponseReturnValue:
    return "", 204


@pytest.fixture(scope="module")
def app(make_app: MakeApp) -> Flask:
    """An app with views that take JSON, other types, forms, or anything.

    Pages log in by a cookie here, and programs by a bearer token.
    """
    app = make_app(CORS_ORIGINS=[FRIEND], TOKEN_TYPE="opaque", SERVICE_WORKERS=["/worker.js"])

    @app.route(WRITE, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    @public
    def write() -> ResponseReturnValue:
        return done()

    @app.route(ANY, methods=["GET", "POST", "PUT"])
    @public
    @consumes(JSON)
    @consumes_form
    def any_type() -> ResponseReturnValue:
        return done()

    @app.post(UPLOAD)
    @public
    @consumes("application/octet-stream", "image/png", max_size=200_000)
    def upload() -> ResponseReturnValue:
        return request.get_data()

    @app.post(OPEN)
    @public
    @csrf_exempt
    def anybody() -> ResponseReturnValue:
        return {"user": current_user.name if current_user else None}

    @app.post(HOOK)
    @public
    @csrf_exempt
    def hook() -> ResponseReturnValue:
        return request.form.to_dict()

    @app.post(PRIVATE)
    @login_required
    @consumes_form
    def private() -> ResponseReturnValue:
        return done()

    app.add_url_rule("/_test/folder/", "folder", public(done), methods=["GET", "POST"])
    app.add_url_rule(SOCKET, view_func=public(done), websocket=True)
    app.add_url_rule("/worker.js", "worker", public(done))
    return app


def sent(**headers: str | None) -> dict[str, str]:
    """Headers by names that Python allows: `sent(Sec_Fetch_Site="none")`."""
    return {name.replace("_", "-"): value for name, value in headers.items() if value is not None}


def status(
    client: FlaskClient, method: str = "POST", path: str = WRITE, **headers: str | None
) -> int:
    """What a write without a body gets: `status(client, Origin="null")`."""
    return client.open(path, method=method, headers=sent(**headers)).status_code


# A browser says by two headers where a request comes from, and no page can change them:
# - Origin is the scheme, host and port of the page that sent it, or "null" if the page hides them.
# - Sec-Fetch-Site compares that page with this site: "same-origin"; "same-site" for another
#   subdomain; "cross-site"; or "none" if no page sent it, since the user typed the address.
# A page of another site cannot read the visitor's cookie, but the browser may send it along.
class Write(NamedTuple):
    """What a browser or a program sends; None is a header that it leaves out."""

    origin: str | None
    site: str | None
    body: str = URLENCODED
    method: str = "POST"
    mode: str | None = None
    cookie: bool = True


ACCEPTED = {
    "a form on a page of this site": Write(OWN, "same-origin"),
    "a form of an older browser, which sends only Origin": Write(OWN, None),
    "a form on a page of this site that hides its origin": Write("null", "same-origin"),
    # The browser asks this site first whether it accepts JSON of that page (CORS preflight).
    "JSON of a script on a page of CORS_ORIGINS": Write(FRIEND, "cross-site", JSON),
    "JSON of a program without a cookie": Write(None, None, JSON, cookie=False),
    "a link on another site, since reading changes nothing": Write(
        None, "cross-site", NO_BODY, "GET"
    ),
}
REFUSED = {
    "a form on a page of another site": Write(STRANGER, "cross-site"),
    # It could log the visitor in with the account of an attacker.
    "a form on a page of another site without a cookie": Write(
        STRANGER, "cross-site", cookie=False
    ),
    "a form on another subdomain": Write("http://other.localhost", "same-site"),
    "a form on a page of another site that hides its origin": Write("null", "cross-site"),
    # About a form, unlike JSON, the browser does not ask first.
    "a form on a page of CORS_ORIGINS": Write(FRIEND, "cross-site"),
    "a form of another site whose Origin a proxy has replaced": Write(OWN, "cross-site"),
    "a form of another site that a service worker of this site passes on": Write(
        OWN, "same-origin", mode="same-origin"
    ),
    # A very old browser sends neither header, and may send it for a page of another site.
    "JSON with a cookie and neither header": Write(None, None, JSON),
    "a form with neither header": Write(None, None, cookie=False),
}


def answer_to(app: Flask, write: Write) -> int:
    client = app.test_client()
    if write.cookie:
        client.set_cookie("any", "cookie")
    typed: dict[str, Any] = {}
    if write.body != NO_BODY:
        typed = {"content_type": write.body, "data": b"{}"}
    headers = sent(Origin=write.origin, Sec_Fetch_Site=write.site, Sec_Fetch_Mode=write.mode)
    return client.open(ANY, method=write.method, headers=headers, **typed).status_code


@pytest.mark.parametrize(
    ("write", "status"),
    [*((each, 204) for each in ACCEPTED.values()), *((each, 403) for each in REFUSED.values())],
    ids=[*ACCEPTED, *REFUSED],
)
def test_this_site_accepts_or_refuses(app: Flask, write: Write, status: int) -> None:
    assert answer_to(app, write) == status


# All that follows from the table of docs/decisions, which names who may write by Origin and
# Sec-Fetch-Site. Everybody else may not.
PAGE, SCRIPT, PROGRAM = "a page of this site", "a script of CORS_ORIGINS", "no browser"
ROWS = {
    (OWN, "same-origin"): PAGE,
    (OWN, None): PAGE,
    ("null", "same-origin"): PAGE,
    (FRIEND, "same-site"): SCRIPT,
    (FRIEND, "cross-site"): SCRIPT,
    (FRIEND, None): SCRIPT,
    (None, "same-origin"): PAGE,
    (None, "none"): PROGRAM,
    (None, None): PROGRAM,
}
ORIGINS = (OWN, "null", FRIEND, STRANGER, "", f"{OWN}, {OWN}", f"{OWN}, {STRANGER}", None)
SITES = ("same-origin", "same-site", "cross-site", "none", None, "odd", "same-origin,same-origin")
BODIES = (*SENT_BY_FORMS, JSON, NO_BODY)


def may_write(write: Write) -> bool:
    """What the table says of a request without a bearer token."""
    is_form = write.body in SENT_BY_FORMS
    if is_form and write.mode == "same-origin":
        return False  # a service worker that passes on the form of another site
    return {
        PAGE: True,
        SCRIPT: write.body == JSON or write.method != "POST",
        PROGRAM: not write.cookie and not is_form,
    }.get(ROWS.get((write.origin, write.site), ""), False)


@pytest.mark.asvs("3.5.1", "3.5.2")
@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize("cookie", [False, True])
def test_exactly_the_writes_of_the_table_pass(app: Flask, origin: str | None, cookie: bool) -> None:
    others = product(SITES, BODIES, ("POST", "PUT"), ("same-origin", "navigate"))
    expected = {write: may_write(write) for write in (Write(origin, *o, cookie) for o in others)}
    assert {write: answer_to(app, write) != 403 for write in expected} == expected


@pytest.mark.parametrize("kind", [URLENCODED, MULTIPART, "text/plain"])
def test_a_form_without_fields_is_a_form_too(client: FlaskClient, kind: str) -> None:
    # Such as the button that logs out: it has a type and no body.
    own = {"Origin": OWN, "Content_Type": kind}
    assert status(client, path=ANY, Sec_Fetch_Mode="same-origin", **own) == 403
    assert status(client, path=ANY, Sec_Fetch_Mode="navigate", **own) == 204
    assert status(client, path=ANY, Origin=FRIEND, Content_Type=kind) == 403
    assert status(client, path=ANY, Content_Type=kind) == 403


STRANGERS = f"""
* {STRANGER} https://localhost http://localhost:8000 http://localhost.evil.example
http://sub.localhost http://localhost/ HTTP://LOCALHOST https://app.example.evil.example
http://app.example https://app.example:8443 file://
""".split()


@pytest.mark.asvs("3.5.1", "7.6.2")
def test_other_origins_write_nothing(client: FlaskClient) -> None:
    others = dict.fromkeys(product(STRANGERS, ("same-origin", None)), 403)
    assert others == {
        (origin, site): status(client, Origin=origin, Sec_Fetch_Site=site, Content_Type=JSON)
        for origin, site in others
    }
    writes = dict.fromkeys(("POST", "PUT", "PATCH", "DELETE"), 403)
    assert {method: status(client, method, Origin=STRANGER) for method in writes} == writes
    reads = {"GET": 204, "HEAD": 204, "OPTIONS": 200}
    cross_site = {"Origin": STRANGER, "Sec_Fetch_Site": "cross-site"}
    assert {method: status(client, method, **cross_site) for method in reads} == reads


def test_the_own_origin_has_the_port_of_the_request(client: FlaskClient) -> None:
    expected = {
        ("http://localhost:8000", "http://localhost:8000"): 204,
        ("http://localhost:8000", OWN): 403,
        ("http://localhost:80", OWN): 204,  # browsers leave out the port of the scheme
        ("https://localhost", "https://localhost"): 204,
        ("https://localhost", OWN): 403,
    }
    assert expected == {
        (base, origin): client.post(
            WRITE, json={}, base_url=base, headers={"Origin": origin}
        ).status_code
        for base, origin in expected
    }


def test_a_program_with_a_cookie_hears_what_to_send(client: FlaskClient) -> None:
    client.set_cookie("any", "cookie")
    refused = "Cross-site request refused"
    assert client.post(WRITE, json={}).json == {"error": f"{refused}: send the header Origin"}
    assert client.post(WRITE, json={}, headers={"Origin": "null"}).json == {"error": refused}


SITE = "Sec-Fetch-Site"
RECORDED = r"^\| (\d+) \|.*\| (.+?) \|$"
# Each row has the headers of a form, and what the line says of one of them.
OWN_HTTPS = "https://localhost"
LOGGED: dict[str, tuple[int | str, dict[str, str], str, str | None, str]] = {
    "row 3": (3, {"Origin": OWN_HTTPS, SITE: "cross-site"}, SITE, "cross-site", "same-origin"),
    "row 5": (5, {"Origin": "null"}, SITE, None, "same-origin"),
    "row 6": (6, {"Origin": FRIEND}, "Content-Type", URLENCODED, JSON),
    "row 7": (7, {"Origin": FRIEND, SITE: "none"}, SITE, "none", "same-site or cross-site"),
    # A proxy that drops the port from Host makes this site another one.
    "row 8": (8, {"Origin": f"{OWN_HTTPS}:8443"}, "Origin", f"{OWN_HTTPS}:8443", OWN_HTTPS),
    "row 10": (10, {}, "Origin", None, OWN_HTTPS),
    "row 11": (11, {SITE: "same-site"}, SITE, "same-site", "same-origin"),
    "a worker": (
        "service worker",
        {"Origin": OWN_HTTPS, "Sec-Fetch-Mode": "same-origin"},
        "Sec-Fetch-Mode",
        "same-origin",
        "navigate",
    ),
    "a secret as Origin": (8, {"Origin": "a password"}, "Origin", "malformed", OWN_HTTPS),
    "a secret as site": (11, {SITE: "a password"}, SITE, "other", "same-origin"),
    "a secret as type": (
        6,
        {"Origin": FRIEND, "Content-Type": "a password"},
        "Content-Type",
        "other",
        JSON,
    ),
}


def refusals(lines: Lines) -> list[dict[str, Any]]:
    names = ("row", "header", "value", "expected")
    refused = [line for line in lines() if line["event"] == "malicious_csrf"]
    return [{name: line.get(name) for name in names} for line in refused]


def test_a_refused_write_is_explained_by_its_line(
    make_app: MakeApp, lines: Lines, subtests: pytest.Subtests
) -> None:
    client = make_app(**PRODUCTION, CORS_ORIGINS=[FRIEND], TOKEN_TYPE="opaque").test_client()
    for row, headers, header, value, expected in LOGGED.values():
        with subtests.test(row=row, headers=headers, header=header, value=value, expected=expected):
            headers = {"Content-Type": URLENCODED, **headers}
            assert client.post(routes.LOGIN, data="a=b", headers=headers).status_code == 403
            named = {"row": row, "header": header, "value": value, "expected": expected}
            assert refusals(lines) == [named]


def test_a_refused_websocket_is_explained_by_its_line(make_app: MakeApp, lines: Lines) -> None:
    client = make_app(**PRODUCTION, CORS_ORIGINS=[FRIEND], TOKEN_TYPE="opaque").test_client()
    assert status(client, "GET", "/", Upgrade="websocket", Origin=FRIEND) == 403
    own = {"Origin": OWN_HTTPS, "Sec_Fetch_Site": "same-site"}
    assert status(client, "GET", "/", Upgrade="websocket", **own) == 403
    of_another = {"row": "WebSocket", "header": "Origin", "value": FRIEND, "expected": OWN_HTTPS}
    replaced = {"row": 3, "header": SITE, "value": "same-site", "expected": "same-origin"}
    assert refusals(lines) == [of_another, replaced]


def test_the_record_has_the_rows_that_lines_name() -> None:
    record = (support.PAGES / "decisions" / "0013-cross-site-writes.md").read_text("utf-8")
    rows = {int(number): answer for number, answer in re.findall(RECORDED, record, re.MULTILINE)}
    assert list(rows) == list(range(12))
    refused = {number for number, answer in rows.items() if answer.startswith("403")}
    # Rows 6 and 10 let some in.
    assert {row for row, *_ in LOGGED.values() if isinstance(row, int)} == refused | {6, 10}


def post_private(client: FlaskClient, **headers: str | None) -> int:
    return client.post(PRIVATE, data={"a": "b"}, headers=sent(**headers)).status_code


@pytest.mark.parametrize("origin", ORIGINS)
def test_a_bearer_token_passes_alone_and_no_cookie_is_read(
    app: Flask, client: FlaskClient, origin: str | None
) -> None:
    log_in_by_form(client)
    expected = {log_in(app.test_client())["Authorization"]: 204, "Bearer x": 401, "bearer  ": 401}
    assert {
        (site, given): post_private(client, Origin=origin, Sec_Fetch_Site=site, Authorization=given)
        for site, given in product(SITES, expected)
    } == {(site, given): answer for site in SITES for given, answer in expected.items()}


# The Basic of a proxy before a staging site exempts from nothing and logs nobody in or out.
@pytest.mark.parametrize(
    "scheme", ["Basic eDp5", "Bearerx", "Bearer\tx", "Digest Bearer x", "Token x", ""]
)
def test_another_scheme_is_as_if_absent(client: FlaskClient, scheme: str) -> None:
    log_in_by_form(client)
    assert post_private(client, Authorization=scheme, Origin=STRANGER) == 403
    assert post_private(client, Authorization=scheme) == 403
    assert post_private(client, Authorization=scheme, Sec_Fetch_Site="same-origin") == 204


@pytest.mark.asvs("3.5.1")
@pytest.mark.parametrize(("kind", "expected"), [("session", 200), ("opaque", 401), ("jwt", 401)])
def test_pages_of_listed_origins_use_the_cookie_only_where_programs_log_in_by_it(
    make_app: MakeApp, kind: str, expected: int
) -> None:
    client = make_app(TOKEN_TYPE=kind, CORS_ORIGINS=[FRIEND]).test_client()
    log_in_by_form(client)
    assert client.get(routes.ME, headers={"Origin": FRIEND}).status_code == expected
    client.set_cookie("other", "cookie")
    with client:
        client.get("/", headers={"Origin": FRIEND})
        # Without it, no cookie of any name is read.
        assert bool(request.cookies) == (expected == 200)


def test_an_exempt_view_takes_all_and_authenticates_nobody(
    app: Flask, client: FlaskClient, subtests: pytest.Subtests
) -> None:
    log_in_by_form(client)
    bearer = log_in(app.test_client())
    for headers in (sent(Origin=STRANGER, Sec_Fetch_Site="cross-site"), sent(Origin=OWN), bearer):
        for kind in ("text/plain", "application/octet-stream", JSON):
            with subtests.test(headers=headers, kind=kind):
                response = client.post(OPEN, data=b"{}", headers=headers, content_type=kind)
                assert (response.status_code, response.json) == (200, {"user": None}), (
                    headers,
                    kind,
                )
    # A webhook, which sends no Origin.
    paid = {"payment": "received"}
    assert client.post(HOOK, data=paid).json == paid


def status_of_type(client: FlaskClient, path: str, content_type: str) -> int:
    return client.post(
        path, data=b"{}", content_type=content_type, headers={"Origin": OWN}
    ).status_code


@pytest.mark.asvs("3.5.2")
def test_a_body_of_a_type_that_its_view_does_not_take_is_refused(
    client: FlaskClient, subtests: pytest.Subtests
) -> None:
    boundary = "multipart/form-data; boundary=x"
    others = ("application/jsonp", "text/plain; application/json", "image/pngx")
    refused = dict.fromkeys(product((WRITE, UPLOAD), (*SENT_BY_FORMS, boundary, *others)), 415)
    assert {(path, kind): status_of_type(client, path, kind) for path, kind in refused} == refused
    # A body without a length or a type is one too.
    for kind in ("text/plain", None):
        with subtests.test(kind=kind):
            chunked = {"Transfer_Encoding": "chunked", "Origin": OWN}
            assert status(client, Content_Type=kind, **chunked) == 415
    assert status_of_type(client, WRITE, "Application/JSON; charset=utf-8") == 204
    assert status_of_type(client, WRITE, "image/png") == 415
    assert status_of_type(client, UPLOAD, JSON) == 415


def test_a_form_at_an_address_without_a_view_gets_what_flask_answers_there(
    client: FlaskClient,
) -> None:
    """A 415 would say that the form is wrong, where it is its address."""
    expected = {"/_test/folder": 308, "/_test/nowhere": 404, "/openapi.json": 405}
    assert {path: status_of_type(client, path, URLENCODED) for path in expected} == expected
    cross_site = {"Origin": STRANGER, "Content-Type": URLENCODED}
    assert client.post("/_test/folder", data="a=b", headers=cross_site).status_code == 403
    answer = client.post(UPLOAD, data=LARGE, content_type="image/png")
    assert (answer.status_code, answer.data) == (200, LARGE)


@pytest.mark.asvs("3.5.2")
@pytest.mark.parametrize("media_type", [*FORM_TYPES, "text/plain"])
def test_no_view_consumes_a_type_that_a_plain_form_can_send(media_type: str) -> None:
    with pytest.raises(ValueError, match="a form of any site can send that"):
        consumes("image/png", media_type)


@pytest.mark.asvs("3.5.1", "4.4.2")
def test_a_websocket_is_opened_by_pages_of_this_site_alone(client: FlaskClient) -> None:
    # Browsers send cookies along with the handshake of any site, and CORS does not apply.
    handshake = {"Upgrade": "websocket", "Connection": "Upgrade"}
    assert client.get(SOCKET, headers=handshake).status_code == 204  # a program
    client.set_cookie("any", "cookie")
    assert client.get(SOCKET, headers=handshake).status_code == 403
    refused = dict.fromkeys(product((OWN, FRIEND, STRANGER, "null", ""), SITES), 403)
    assert {
        (origin, site): status(
            client, "GET", SOCKET, **handshake, Origin=origin, Sec_Fetch_Site=site
        )
        for origin, site in refused
    } == {**refused, (OWN, "same-origin"): 204, (OWN, None): 204}
    assert status(client, "GET", Upgrade="WebSocket", Origin=STRANGER) == 403
    assert status(client, "GET", Upgrade="h2c, websocket", Origin=STRANGER) == 403


@pytest.mark.asvs("3.5.1")
def test_only_listed_scripts_become_service_workers(client: FlaskClient) -> None:
    # An uploaded script that installs itself would pass on the forms of other sites as its own.
    expected = dict.fromkeys((WRITE, "/static/page.js", routes.ME, OPEN), 404)
    expected["/worker.js"] = 204
    script = {path: status(client, "GET", path, Service_Worker="script") for path in expected}
    assert script == expected
    assert status(client, "GET", "/static/page.js") == 200


class Orders(MethodView):
    decorators: ClassVar[list[Callable[..., Any]]] = [public]

    def post(self) -> ResponseReturnValue:
        return done()


@pytest.mark.parametrize(
    ("content_type", "named"),
    [
        *((form, (f"{__name__}.Orders.post", "@consumes_form")) for form in FORM_TYPES),
        ("text/csv", ('@consumes("',)),
        # This advice would be refused.
        ("text/plain", ()),
        (None, ()),
    ],
)
def test_development_names_the_view_and_the_mark_for_a_type_that_it_does_not_take(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture, content_type: str | None, named: tuple[str]
) -> None:
    app = make_app()
    app.add_url_rule("/_test/orders", view_func=Orders.as_view("orders"))
    sent: dict[str, Any] = {"content_type": content_type, "data": b"title=Bread"}
    client = app.test_client()
    answer = client.post("/_test/orders", headers=OWN_PAGE, **sent)
    page = client.post("/_test/orders", headers={**OWN_PAGE, "Accept": "text/html"}, **sent)
    assert (answer.status_code, page.status_code) == (415, 415)
    hint = answer.get_json().get("hint", "")
    assert [each for each in named if not each in hint in caplog.text] == []
    assert bool(hint) == bool(named)
    assert str(escape(hint)) in page.text
    assert ("text/csv" in hint, "Bread" in hint) == (False, False)


def test_production_says_no_more_of_it_than_the_type(make_app: MakeApp, lines: Lines) -> None:
    app = make_app(**PRODUCTION)
    app.add_url_rule("/_test/orders", view_func=Orders.as_view("orders"))
    client = app.test_client()
    lines()
    sent = {"data": {"title": "Bread"}}
    answer = client.post("/_test/orders", headers=OWN_PAGE, **sent)
    page = client.post("/_test/orders", headers={**OWN_PAGE, "Accept": "text/html"}, **sent)
    assert answer.json == {"error": "Content-Type must be application/json"}
    assert "consumes_form" not in page.text
    assert lines() == []
