"""The headers that every answer carries, as a browser receives them."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, Response, abort, redirect, request, send_from_directory
from flask.testing import FlaskClient
from flask.typing import ResponseReturnValue
from secure_flask import assets, current_user
from secure_flask.auth.access import login_required, public
from secure_flask.csp_levels import NONE, PARANOID, SELF, STRICT
from secure_flask.web.csp import csp
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


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
@pytest.mark.parametrize(("name", "status"), STATUSES.items(), ids=STATUSES)
def test_no_answer_goes_without_the_headers_and_its_type(
    client: FlaskClient, name: str, status: int, accept: str
) -> None:
    answer = client.get(f"/_test/{name}", headers={"Accept": accept})
    assert answer.status_code == status
    assert answer.headers["X-Everywhere"] == "yes"
    assert dict(answer.headers).items() >= EVERYWHERE
    assert status == 304 or "Content-Security-Policy" in answer.headers
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


def test_the_policy_replaces_adds_and_removes_headers_in_any_spelling(make_app: MakeApp) -> None:
    changes = {
        "permissions-POLICY": "camera=(self)",
        "X-New": "1",
        "origin-agent-cluster": None,
        "Referrer-Policy": "same-origin",
    }
    client = make_app(HEADER_CHANGES=changes).test_client()
    page, other = client.get("/").headers, client.get(routes.HEALTHZ).headers
    for headers in (page, other):
        assert headers.getlist("Permissions-Policy") == ["camera=(self)"]
        assert headers["X-New"] == "1"
        assert "Origin-Agent-Cluster" not in headers
        assert headers["X-Content-Type-Options"] == "nosniff"
    assert (page["Referrer-Policy"], other["Referrer-Policy"]) == ("same-origin", "no-referrer")


def test_only_pages_that_load_nothing_from_elsewhere_are_isolated(make_app: MakeApp) -> None:
    for policy, isolated in (
        ({"CSP": PARANOID}, True),
        ({"CSP": PARANOID, "CSP_SOURCES": ["https://cdn.example"]}, False),
        ({"CSP": PARANOID, "CSP_CHANGES": {"img-src": ["https://cdn.example"]}}, False),
        ({"CSP": PARANOID, "CSP_CHANGES": {"connect-src": [SELF], "img-src": [NONE]}}, True),
        ({"CSP": STRICT}, False),
    ):
        headers = make_app(**policy).test_client().get("/").headers
        assert ("Cross-Origin-Embedder-Policy" in headers) is isolated


def test_a_view_that_names_another_site_is_not_isolated_unless_the_policy_says_so(
    make_app: MakeApp,
) -> None:
    name, tiles = "Cross-Origin-Embedder-Policy", ["https://tiles.example"]
    changed, kept = "credentialless", "require-corp"
    policies = {
        "map": (csp(img_src=tiles), None),
        "anything": (csp(img_src=["*"]), None),
        "intranet": (csp(img_src=["intranet"]), None),
        "form": (csp(form_action=tiles), kept),
        "drawn": (csp(img_src=[SELF, "data:", "blob:"]), kept),
    }
    for changes in {}, {name: changed}:
        app = make_app(CSP=PARANOID, HEADER_CHANGES=changes)
        for path, (own, _) in policies.items():
            app.add_url_rule(f"/_test/{path}", path, own(public(lambda: "")))
        client = app.test_client()
        for path, (_, sent) in policies.items():
            got = client.get(f"/_test/{path}").headers.get(name)
            assert (path, got) == (path, changes.get(name, sent))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        *(({name: "1"}, "no header is called") for name in ("", "X One", "X:", "X\r\nY", "X-Ö")),
        *(({"X-One": value}, "X-One holds") for value in ("1\r\nX-Two: 2", "\u00e9", "\u20ac")),
        ({"Strict-Transport-Security": "max-age=1\r\nX-Two: 2"}, "Strict-Transport-Security holds"),
        ({"X-Frame-Options": None}, "set FRAME_ANCESTORS instead"),
        ({"content-security-policy": None}, "set CSP_CHANGES instead"),
        ({"cache-control": "public"}, "in the view instead"),
    ],
)
def test_a_header_that_cannot_be_sent_or_is_decided_elsewhere_stops_the_app(
    make_app: MakeApp, changes: dict[str, str | None], words: str
) -> None:
    with pytest.raises(PolicyError, match=words):
        make_app(HEADER_CHANGES=changes)


CACHING = "/_test/caching"


@pytest.mark.parametrize("token_type", TOKEN_TYPES)
def test_what_a_login_got_is_not_stored(make_app: MakeApp, token_type: str) -> None:
    app = make_app(TOKEN_TYPE=token_type, SEND_FILE_MAX_AGE_DEFAULT=3600)
    folder = assets.asset_folder(app)
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
