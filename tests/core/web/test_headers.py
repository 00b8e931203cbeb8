"""The headers that every answer carries, as a browser receives them."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, Response, abort, redirect, request, send_from_directory
from flask.testing import FlaskClient
from flask.typing import ResponseReturnValue
from secure_flask import assets, current_user
from secure_flask.auth.access import login_required, public
from secure_flask.csp_levels import PARANOID, STRICT
from secure_flask.web.origins import PolicyError

from core import routes
from core.conftest import TOKEN_TYPES, MakeApp, log_in

# A path below /_test/ and what it is answered with.
STATUSES = {
    "answer": 200,
    "stream": 200,
    "extension": 200,
    "moved": 302,
    "unmodified": 304,
    "no/route": 404,
    "forbidden": 403,
    "crash": 500,
}
# What no browser may miss, as the text is sent; Cache-Control is that of an answer to one client.
EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Origin-Agent-Cluster": "?1",
    "X-Permitted-Cross-Domain-Policies": "none",
    "X-XSS-Protection": "0",
    "Cache-Control": "no-store, max-age=0",
}.items()


@pytest.fixture(scope="module")
def app(make_app: MakeApp) -> Flask:
    """An app with an answer of every kind."""
    app = make_app(HEADER_CHANGES={"X-Everywhere": "yes"})
    app.config["PROPAGATE_EXCEPTIONS"] = False  # a crash is answered, as in production

    @app.before_request
    def extension() -> Response | None:
        return Response("by itself") if request.path == "/_test/extension" else None

    @app.get("/_test/answer")
    @public
    def answer() -> Response:
        return Response("", request.args.get("status", 200), request.args.to_dict())

    @app.get("/_test/<name>")
    @public
    def view(name: str) -> ResponseReturnValue:
        if name == "crash":
            raise ZeroDivisionError
        if name == "forbidden":
            abort(403)
        unmodified, stream = Response(status=304), Response(iter(["a", "b"]))
        return {"stream": stream, "moved": redirect("/"), "unmodified": unmodified}[name]

    return app


def test_no_answer_goes_without_the_headers(client: FlaskClient, subtests: pytest.Subtests) -> None:
    for name, status in STATUSES.items():
        with subtests.test(name):
            answer = client.get(f"/_test/{name}")
            assert answer.status_code == status
            assert answer.headers["X-Everywhere"] == "yes"
            assert dict(answer.headers).items() >= EVERYWHERE
            assert status == 304 or "Content-Security-Policy" in answer.headers


def test_an_answer_with_a_body_names_its_type_and_a_text_its_characters(
    client: FlaskClient, subtests: pytest.Subtests
) -> None:
    for name in STATUSES:
        for accept in ("text/html", "application/json"):
            with subtests.test(name, accept=accept):
                answer = client.get(f"/_test/{name}", headers={"Accept": accept})
                kind = answer.mimetype or ""
                assert kind or not answer.data
                assert not kind.startswith("text/") or "charset" in answer.mimetype_params


def test_what_a_view_sets_itself_stands_alone(client: FlaskClient) -> None:
    for name, value in (
        ("Content-Security-Policy", "default-src 'none'; sandbox"),
        ("x-frame-options", "DENY"),
        ("Cache-Control", "private, max-age=60"),
        ("X-Everywhere", "mine"),
    ):
        own = {"Content-Type": "text/html", name: value}
        answer = client.get("/_test/answer", query_string=own)
        assert answer.headers.getlist(name) == [value]


def referrer_policy(client: FlaskClient, content_type: str, status: str = "200") -> str | None:
    sent = {"Content-Type": content_type, "status": status}
    return client.get("/_test/answer", query_string=sent).headers.get("Referrer-Policy")


def test_pages_and_the_rest_differ(client: FlaskClient) -> None:
    # `no-referrer` on a page would send `Origin: null` with its forms.
    for content_type in ("text/html", "TEXT/HTML; charset=utf-8", "application/xhtml+xml"):
        assert referrer_policy(client, content_type) == "strict-origin-when-cross-origin"
    for content_type, status in (("application/json", "200"), ("text/html", "204")):
        assert referrer_policy(client, content_type, status) == "no-referrer"
    assert referrer_policy(client, "text/html", "304") is None


def test_the_policy_replaces_adds_and_removes_headers(make_app: MakeApp) -> None:
    changes = {
        "Permissions-Policy": "camera=(self)",
        "X-New": "1",
        "Origin-Agent-Cluster": None,
        "Referrer-Policy": "same-origin",
    }
    client = make_app(HEADER_CHANGES=changes).test_client()
    page, other = client.get("/").headers, client.get(routes.HEALTHZ).headers
    for headers in (page, other):
        assert headers["Permissions-Policy"] == "camera=(self)"
        assert headers["X-New"] == "1"
        assert "Origin-Agent-Cluster" not in headers
        assert headers["X-Content-Type-Options"] == "nosniff"
    assert (page["Referrer-Policy"], other["Referrer-Policy"]) == ("same-origin", "no-referrer")


def test_only_pages_that_load_nothing_from_elsewhere_are_isolated(make_app: MakeApp) -> None:
    for policy, isolated in (
        ({"CSP": PARANOID}, True),
        ({"CSP": PARANOID, "CSP_SOURCES": ["https://cdn.example"]}, False),
        ({"CSP": PARANOID, "CSP_CHANGES": {"img-src": ["https://cdn.example"]}}, False),
        ({"CSP": STRICT}, False),
    ):
        headers = make_app(**policy).test_client().get("/").headers
        assert ("Cross-Origin-Embedder-Policy" in headers) is isolated


def test_a_malformed_header_stops_the_app(make_app: MakeApp, subtests: pytest.Subtests) -> None:
    for name in ("", "X One", "X-One:", "X-One\r\nX-Two", "X-Öne"):
        with subtests.test(name), pytest.raises(PolicyError, match="no header is called"):
            make_app(HEADER_CHANGES={name: "1"})
    for value in ("1\r\nX-Two: 2", "\u00e9", "\u20ac"):
        for name in ("X-One", "Strict-Transport-Security"):
            with subtests.test(value, name=name), pytest.raises(PolicyError, match=f"{name} holds"):
                make_app(HEADER_CHANGES={name: value})


CACHING = "/_test/caching"


@pytest.mark.parametrize("token_type", TOKEN_TYPES)
def test_what_a_login_got_is_not_stored(make_app: MakeApp, token_type: str) -> None:
    app = make_app(TOKEN_TYPE=token_type, SEND_FILE_MAX_AGE_DEFAULT=3600)
    folder = assets.folder(app)
    views: dict[str, Callable[[], Any]] = {
        "file": login_required(lambda: send_from_directory(folder, "page.css")),
        "seen": public(lambda: send_from_directory(folder, "page.css") if current_user else ""),
        "public": public(lambda: send_from_directory(folder, "page.css")),
        "private": login_required(lambda: ("", {"Cache-Control": "private, max-age=60"})),
    }
    for name, view in views.items():
        app.add_url_rule(f"{CACHING}/{name}", name, view)
    client = app.test_client()
    credentials = log_in(client)
    kept = {name: client.get(f"{CACHING}/{name}", headers=credentials) for name in views}
    assert {name: answer.headers["Cache-Control"] for name, answer in kept.items()} == {
        "file": "no-store, max-age=0",
        "seen": "no-store, max-age=0",
        "public": "public, max-age=3600",
        # A view that says so itself.
        "private": "private, max-age=60",
    }
    again = {**credentials, "If-None-Match": kept["file"].headers["ETag"]}
    answer = client.get(f"{CACHING}/file", headers=again)
    assert (answer.status_code, answer.cache_control.no_store) == (304, True)


def test_a_change_counts_in_any_spelling(make_app: MakeApp) -> None:
    app = make_app(HEADER_CHANGES={"permissions-POLICY": "camera=(self)", "x-xss-protection": None})
    headers = app.test_client().get("/").headers
    assert headers.getlist("Permissions-Policy") == ["camera=(self)"]
    assert "X-XSS-Protection" not in headers


@pytest.mark.parametrize("name", ["X-Frame-Options", "content-security-policy"])
def test_a_header_that_another_value_decides_is_refused(make_app: MakeApp, name: str) -> None:
    with pytest.raises(PolicyError, match=r"set .* instead"):
        make_app(HEADER_CHANGES={name: None})
