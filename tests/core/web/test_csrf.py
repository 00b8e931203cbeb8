"""Which pages may write: what a form or a script of another site gets for trying."""

from itertools import product
from typing import NamedTuple

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask.typing import ResponseReturnValue
from secure_flask.auth import access
from secure_flask.auth.access import login_required, public
from secure_flask.web.bodies import read_body
from secure_flask.web.csrf import SENT_BY_FORMS, exempt
from secure_flask.web.forms import consumes_form
from secure_flask.web.responses import consumes
from secure_flask.web.view_options import FORM_TYPES

from core.conftest import PRODUCTION, Lines, MakeApp, log_in, log_in_by_form

OWN, FRIEND, STRANGER = "http://localhost", "https://app.example", "https://evil.example"
WRITE, UPLOAD, OPEN = "/_test/write", "/_test/upload", "/_test/open"
FORM, PRIVATE, CHECK = "/_test/form", "/_test/private", "/_test/check"
SOCKET = "/_test/socket"
LARGE = b"\x89" * 100_000  # more than a body may hold elsewhere
URLENCODED, MULTIPART = FORM_TYPES


def done() -> ResponseReturnValue:
    return "", 204


@pytest.fixture(scope="module")
def app(make_app: MakeApp) -> Flask:
    """An app with views that take JSON, other types, forms, or anything.

    Pages log in by a cookie here, and programs by a bearer token.
    """
    app = make_app(CORS_ORIGINS=[FRIEND], TOKEN_TYPE="opaque")

    @app.route(WRITE, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    @public
    def write() -> ResponseReturnValue:
        return done()

    @app.post(UPLOAD)
    @public
    @consumes("application/octet-stream", "image/png", max_size=200_000)
    def upload() -> ResponseReturnValue:
        return read_body()

    @app.post(OPEN)
    @public
    @exempt
    @consumes_form(max_size=200_000)
    def anybody() -> ResponseReturnValue:
        return read_body()

    @app.post(FORM)
    @public
    @consumes_form
    def form() -> ResponseReturnValue:
        return done()

    @app.post(PRIVATE)
    @login_required
    @consumes_form
    def private_form() -> ResponseReturnValue:
        return done()

    @app.post(CHECK)
    @public
    @access.credentials
    @consumes_form
    def check() -> ResponseReturnValue:
        return done()

    app.add_url_rule(SOCKET, view_func=public(done), websocket=True)
    return app


def status(client: FlaskClient, method: str = "POST", **headers: str) -> int:
    """What a write without a body gets: `status(client, Origin="null")`."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.open(WRITE, method=method, headers=sent).status_code


def test_pages_of_this_site_and_of_listed_origins_write(client: FlaskClient) -> None:
    for origin in (OWN, FRIEND):
        assert status(client, Origin=origin, Sec_Fetch_Site="cross-site") == 204


STRANGERS = f"""
null * {STRANGER} https://localhost http://localhost:8000 http://localhost.evil.example
http://sub.localhost http://localhost/ https://app.example.evil.example http://app.example
""".split()


def test_other_origins_write_nothing(client: FlaskClient, subtests: pytest.Subtests) -> None:
    for stranger in (*STRANGERS, "", f"{OWN}, {STRANGER}"):
        with subtests.test(stranger):
            assert status(client, Origin=stranger, Sec_Fetch_Site="same-origin") == 403


def test_every_method_that_writes_is_guarded_and_reading_is_not(client: FlaskClient) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert status(client, method, Origin=STRANGER) == 403
    assert status(client, "GET", Origin=STRANGER) == 204


def test_without_origin_the_browsers_own_word_counts(client: FlaskClient) -> None:
    words = {"same-origin": 204, "none": 204, "same-site": 403, "cross-site": 403, "odd": 403}
    assert {word: status(client, Sec_Fetch_Site=word) for word in words} == words


def test_a_program_that_is_no_browser_writes(client: FlaskClient) -> None:
    assert status(client) == 204


def status_of_type(client: FlaskClient, path: str, content_type: str) -> int:
    return client.post(
        path, data=b"{}", content_type=content_type, headers={"Origin": OWN}
    ).status_code


def test_a_body_that_is_no_json_is_refused(client: FlaskClient, subtests: pytest.Subtests) -> None:
    boundary = "multipart/form-data; boundary=x"
    others = ["application/jsonp", "text/plain; application/json", "image/png"]
    for content_type in (*SENT_BY_FORMS, boundary, *others):
        with subtests.test(content_type):
            assert status_of_type(client, WRITE, content_type) == 415
    assert status(client, Transfer_Encoding="chunked", Content_Type="text/plain") == 415
    assert status_of_type(client, WRITE, "Application/JSON; charset=utf-8") == 204


def test_in_development_the_log_names_what_lets_a_form_in(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    for sent in FORM_TYPES:
        caplog.clear()
        assert status_of_type(client, WRITE, sent) == 415
        [hint] = [record.message for record in caplog.records if "@consumes_form" in record.message]
        assert "the view write" in hint
    caplog.clear()
    for path, sent in ((WRITE, "text/plain"), ("/_test/nothing", URLENCODED)):
        status_of_type(client, path, sent)
    assert "@consumes_form" not in caplog.text


def test_in_production_it_names_nothing(make_app: MakeApp, lines: Lines) -> None:
    app = make_app(**PRODUCTION)
    app.add_url_rule(WRITE, view_func=public(done), methods=["POST"])
    sent = {"Origin": "https://localhost", "Content-Type": URLENCODED}
    assert app.test_client().post(WRITE, data="a=b", headers=sent).status_code == 415
    assert "@consumes_form" not in str(lines())


def test_a_view_gets_what_it_consumes(client: FlaskClient, subtests: pytest.Subtests) -> None:
    for content_type in ("application/octet-stream", "image/png"):
        answer = client.post(UPLOAD, data=LARGE, content_type=content_type)
        assert (answer.status_code, answer.data) == (200, LARGE)
    for content_type in (*SENT_BY_FORMS, "application/json", "image/pngx"):
        with subtests.test(content_type):
            assert status_of_type(client, UPLOAD, content_type) == 415


def test_no_view_consumes_a_type_that_a_plain_form_can_send(subtests: pytest.Subtests) -> None:
    for media_type in (*FORM_TYPES, "text/plain"):
        with (
            subtests.test(media_type),
            pytest.raises(ValueError, match="a form of any site can send that"),
        ):
            consumes("image/png", media_type)


def test_an_exempt_view_takes_all_up_to_its_size(client: FlaskClient) -> None:
    headers = {"Origin": STRANGER, "Sec-Fetch-Site": "cross-site"}
    for content_type in ("text/plain", "application/octet-stream"):
        answer = client.post(OPEN, headers=headers, data=LARGE, content_type=content_type)
        assert (answer.status_code, answer.data) == (200, LARGE)


class Sent(NamedTuple):
    """One write: its body, where it comes from, and what shows the login."""

    body: str
    origin: str | None
    site: str | None  # Sec-Fetch-Site
    proof: str  # where the CSRF token is, or another header that no form can set
    login: str | None

    @property
    def is_form(self) -> bool:
        return self.body in FORM_TYPES


PROOFS = {
    "cookie": ["no token", "in the form", "in the header", "wrong", "Authorization"],
    "bearer": ["no token", "wrong"],
    None: ["no token", "wrong", "Authorization"],
}
# Beside an origin the other header changes nothing, so its extremes are enough there.
SITES = [
    *product([OWN, FRIEND, STRANGER, "null"], ["same-origin", "cross-site", None]),
    *product([None], ["same-origin", "none", "same-site", "cross-site", None]),
]
EVERY_WRITE = [
    Sent(body, *site, proof, login)
    for body, site in product([*FORM_TYPES, "application/json", "text/plain", ""], SITES)
    for login, proofs in PROOFS.items()
    for proof in proofs
]


def is_trusted(sent: Sent, *, credentials: bool = False) -> bool:
    """Whether this site, or one of CORS_ORIGINS with a script, has sent it for certain."""
    by_script = sent.proof in ("in the header", "wrong", "Authorization") or sent.login == "bearer"
    by_header = sent.site in ("same-origin", "none")
    if not sent.is_form:
        return sent.origin in (OWN, FRIEND) or (
            sent.origin is None and (by_header or sent.site is None)
        )
    if sent.origin is None and sent.site is None:
        return sent.login == "bearer"
    listed = sent.origin == FRIEND and by_script and not credentials
    return sent.origin == OWN or listed or (sent.origin is None and by_header)


def has_token(sent: Sent) -> bool:
    """Whether it carries the CSRF token of the login that comes along, if it needs one."""
    in_form = sent.is_form and sent.proof == "in the form"
    return sent.login != "cookie" or in_form or sent.proof == "in the header"


def expected(sent: Sent, path: str) -> int:
    if not is_trusted(sent, credentials=path == CHECK):
        return 403
    if sent.body in ("application/json", "text/plain"):
        return 415
    if path == PRIVATE and not sent.login:
        return 401
    token_counts = path == PRIVATE or (path == FORM and sent.is_form)
    return 204 if has_token(sent) or not token_counts else 403


def send(client: FlaskClient, path: str, sent: Sent, token: str, bearer: dict[str, str]) -> int:
    headers = {"Origin": sent.origin, "Sec-Fetch-Site": sent.site}
    headers |= {
        "in the header": {"X-CSRF-Token": token},
        "wrong": {"X-CSRF-Token": "0" * 64},
        "Authorization": {"Authorization": "Basic eDp5"},
    }.get(sent.proof, {})
    if sent.login == "bearer":
        headers |= bearer
    fields = {"title": "a"} | ({"csrf_token": token} if sent.proof == "in the form" else {})
    body = {"data": fields if sent.is_form else b"{}"} if sent.body else {}
    return client.post(
        path,
        content_type=sent.body,
        headers={name: value for name, value in headers.items() if value is not None},
        **body,
    ).status_code


def test_exactly_the_writes_that_this_site_has_sent_pass(
    app: Flask, client: FlaskClient, subtests: pytest.Subtests
) -> None:
    stranger = app.test_client()
    bearer, token = log_in(stranger), log_in_by_form(client)["X-CSRF-Token"]
    for path in (FORM, PRIVATE, CHECK):
        with subtests.test(path):
            statuses = [
                (
                    sent,
                    send(client if sent.login == "cookie" else stranger, path, sent, token, bearer),
                )
                for sent in EVERY_WRITE
            ]
            assert statuses == [(sent, expected(sent, path)) for sent in EVERY_WRITE]


def post_form(client: FlaskClient, path: str = FORM, **headers: str) -> int:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(path, data={"title": "a"}, headers=sent).status_code


def test_no_foreign_form_passes_with_a_login(client: FlaskClient) -> None:
    fields = {"csrf_token": log_in_by_form(client)["X-CSRF-Token"]}
    for origin in STRANGERS:
        assert post_form(client, Origin=origin, Sec_Fetch_Site="same-origin") == 403
        # The token alone does not let another site's form pass.
        assert client.post(FORM, data=fields, headers={"Origin": origin}).status_code == 403


def test_a_form_of_no_browser_passes_with_a_bearer_token_alone(client: FlaskClient) -> None:
    # Nothing but the cookie logs this client in, and a bearer token takes its place.
    fields = {"csrf_token": log_in_by_form(client)["X-CSRF-Token"]}
    for scheme, expected in {
        **dict.fromkeys(("Bearer x", "bearer x", "BEARER  "), 401),
        **dict.fromkeys(
            ("Basic eDp5", "Bearer", "Bearerx", "Bearer\tx", "Digest Bearer x", ""), 403
        ),
    }.items():
        headers = {"Authorization": scheme}
        assert (scheme, client.post(PRIVATE, data=fields, headers=headers).status_code) == (
            scheme,
            expected,
        )


def test_an_anonymous_visitor_gets_no_cookie(app: Flask) -> None:
    visitor = app.test_client()
    for answer in (
        visitor.post(FORM, data={"title": "a"}, headers={"Origin": OWN}),
        visitor.post(FORM, data={"title": "a"}, headers={"Origin": STRANGER}),
        visitor.get("/"),
    ):
        assert "Set-Cookie" not in answer.headers


def test_a_websocket_is_opened_by_pages_of_this_site_alone(client: FlaskClient) -> None:
    # Browsers send cookies along with the handshake of any site, and CORS does not apply.
    handshake = {"Upgrade": "websocket", "Connection": "Upgrade"}
    for origin, expected in {OWN: 204, FRIEND: 403, STRANGER: 403, "null": 403, "": 403}.items():
        headers = handshake | {"Origin": origin}
        assert client.get(SOCKET, headers=headers).status_code == expected
    assert client.get(SOCKET, headers=handshake).status_code == 403
    for upgrade in ("WebSocket", "h2c, websocket"):
        headers = {"Upgrade": upgrade, "Origin": STRANGER}
        assert client.get(WRITE, headers=headers).status_code == 403
