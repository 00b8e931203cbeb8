"""The headers that every answer carries, as a browser receives them."""

from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from flask import (
    Flask,
    Response,
    abort,
    redirect,
    request,
    send_from_directory,
)
from flask.testing import FlaskClient
from flask.typing import ResponseReturnValue
from secure_flask import assets, csp_nonce, current_user, testing
from secure_flask.auth.access import login_required, public
from secure_flask.csp_levels import NONCE, NONE, PARANOID, SELF, STRICT, Level
from secure_flask.web.csp import csp
from secure_flask.web.headers import SecurityHeaders
from secure_flask.web.origins import PolicyError
from werkzeug.test import Client
from werkzeug.wrappers import Response as AnyResponse

from core import routes
from core.conftest import PRODUCTION, MakeApp, every_token_type, log_in

# A path below /_test/ and what it is answered with.
STATUSES = {
    "answer": 200,
    "stream": 200,
    "extension": 200,
    "moved": 303,
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
# Features that reach devices, the machine or its network.
DENIED = [
    *("camera", "display-capture", "geolocation", "hid", "idle-detection", "local-fonts"),
    *("local-network", "loopback-network", "microphone", "screen-wake-lock", "serial", "unload"),
    *("usb", "window-management", "xr-spatial-tracking"),
]
TILES, PHOTOS = "https://tiles.example", "https://photos.example"
PARTNER = "https://partner.example"
LOCAL = "http://localhost:3000"
NOBODY = (NONE, "DENY")


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
        return {"stream": stream, "moved": redirect("/", 303), "unmodified": unmodified}[name]

    return app


@pytest.mark.asvs("3.4.3", "3.4.4", "3.4.8", "4.1.1", "14.2.2", "14.3.2")
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
    own = {
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "x-frame-options": "DENY",
        "Cache-Control": "private, max-age=60",
        "X-Everywhere": "mine",
    }
    sent = {"Content-Type": "text/html", **own}
    headers = client.get("/_test/answer", query_string=sent).headers
    assert {name: headers.getlist(name) for name in own} == {name: [own[name]] for name in own}


def referrer_policy(client: FlaskClient, content_type: str, status: str = "200") -> str | None:
    sent = {"Content-Type": content_type, "status": status}
    return client.get("/_test/answer", query_string=sent).headers.get("Referrer-Policy")


@pytest.mark.asvs("3.4.5")
def test_pages_and_the_rest_differ(client: FlaskClient) -> None:
    # `no-referrer` on a page would send `Origin: null` with its forms.
    pages = ("text/html", "TEXT/HTML; charset=utf-8", "application/xhtml+xml")
    sent = {page: referrer_policy(client, page) for page in pages}
    assert sent == dict.fromkeys(pages, "strict-origin-when-cross-origin")
    assert referrer_policy(client, "application/json") == "no-referrer"
    assert referrer_policy(client, "text/html", "204") == "no-referrer"
    assert referrer_policy(client, "text/html", "304") is None


@pytest.mark.parametrize("hsts", ["max-age=63072000", None])
def test_the_policy_replaces_adds_and_removes_headers_in_any_spelling(
    make_app: MakeApp,
    hsts: str | None,
    subtests: pytest.Subtests,
) -> None:
    changes = {
        "permissions-POLICY": "camera=(self)",
        "X-New": "1",
        "origin-agent-cluster": None,
        "Referrer-Policy": "same-origin",
        "strict-transport-security": hsts,
    }
    client = make_app(HEADER_CHANGES=changes).test_client()
    for path, referrer in (("/", "same-origin"), (routes.HEALTHZ, "no-referrer")):
        with subtests.test(path=path, referrer=referrer):
            headers = client.get(path, base_url="https://localhost").headers
            assert headers.getlist("Permissions-Policy") == ["camera=(self)"]
            assert headers["X-New"] == "1"
            assert "Origin-Agent-Cluster" not in headers
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Referrer-Policy"] == referrer
            assert headers.get("Strict-Transport-Security") == hsts
            # No answer over http has this one.
            assert "Strict-Transport-Security" not in client.get(path).headers


def test_no_page_may_use_what_none_needs(client: FlaskClient) -> None:
    sent = client.get("/").headers["Permissions-Policy"].split(", ")
    assert {f"{feature}=()" for feature in DENIED} <= {*sent}


def test_only_pages_that_load_nothing_from_elsewhere_are_isolated(make_app: MakeApp) -> None:
    images, none = {"img-src": [TILES]}, {"connect-src": [SELF], "img-src": [NONE]}
    cases: list[tuple[dict[str, Any], bool]] = [
        ({"CSP": PARANOID}, True),
        ({"CSP": PARANOID, "CSP_SOURCES": [TILES]}, False),
        ({"CSP": PARANOID, "CSP_CHANGES": images}, False),
        ({"CSP": PARANOID, "CSP_CHANGES": none}, True),
        ({"CSP": STRICT}, False),
    ]
    sent = [make_app(**policy).test_client().get("/").headers for policy, _ in cases]
    isolated = ["Cross-Origin-Embedder-Policy" in headers for headers in sent]
    assert isolated == [expected for _, expected in cases]


def test_a_view_that_names_another_site_is_not_isolated_unless_the_policy_says_so(
    make_app: MakeApp,
    subtests: pytest.Subtests,
) -> None:
    name, kept = "Cross-Origin-Embedder-Policy", "require-corp"
    policies = {
        "map": (csp(img_src=[TILES]), None),
        "anything": (csp(img_src=["*"]), None),
        "intranet": (csp(img_src=["intranet"]), None),
        "form": (csp(form_action=[TILES]), kept),
        "drawn": (csp(img_src=[SELF, "data:", "blob:"]), kept),
    }
    for changes in {}, {name: "credentialless"}:
        with subtests.test(changes=changes):
            app = make_app(CSP=PARANOID, HEADER_CHANGES=changes)
            for path, (own, _) in policies.items():
                app.add_url_rule(f"/_test/{path}", path, own(public(lambda: "")))
            client = app.test_client()
            got = {path: client.get(f"/_test/{path}").headers.get(name) for path in policies}
            assert got == {path: changes.get(name, sent) for path, (_, sent) in policies.items()}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        *(({name: "1"}, "no header is called") for name in ("", "X One", "X:", "X\r\nY", "X-Ö")),
        *(({"X-One": value}, "X-One holds") for value in ("1\r\nX-Two: 2", "\u00e9", "\u20ac")),
        *(({"X-Frame-Size": value}, "X-Frame-Size is empty; write None") for value in ("", " ")),
        ({"Strict-Transport-Security": "max-age=1\r\nX-Two: 2"}, "Strict-Transport-Security holds"),
        ({"X-Frame-Options": None}, "set FRAME_ANCESTORS instead"),
        ({"Connection-Allowlist": None}, "set LINKS instead"),
        ({"connection-allowlist-report-only": None}, "set CSP_CANDIDATE instead"),
        ({"content-security-policy": None}, "set CSP_CHANGES instead"),
        ({"cache-control": "public"}, "in the view instead"),
        ({"Content-Type": "text/html"}, "in the view instead"),
        ({"content-length": "0"}, "in the view instead"),
    ],
)
def test_a_header_that_cannot_be_sent_or_is_decided_elsewhere_stops_the_app(
    make_app: MakeApp, changes: dict[str, str | None], words: str
) -> None:
    with pytest.raises(PolicyError, match=words):
        make_app(HEADER_CHANGES=changes)


def test_what_is_written_into_the_config_later_is_not_sent(make_app: MakeApp) -> None:
    app = make_app()
    app.add_url_rule("/_test/map", "map", csp(img_src=[TILES])(public(lambda: "a map")))
    client = app.test_client()
    # Nothing would check it any more.
    with testing.thawed(app, HEADER_CHANGES={"X-Late": "1"}, CSP={"script-src": ["*"]}):
        sent = {path: client.get(path).headers for path in ("/", "/_test/map")}
    assert [path for path, headers in sent.items() if "X-Late" in headers] == []
    policies = {path: headers["Content-Security-Policy"] for path, headers in sent.items()}
    assert [path for path, policy in policies.items() if "script-src 'nonce-" in policy] == [*sent]


CACHING = "/_test/caching"


@pytest.mark.asvs("14.2.2", "14.3.2")
@every_token_type
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


@pytest.mark.asvs("3.4.6")
@pytest.mark.parametrize(
    ("ancestors", "option"),
    [([NONE], "DENY"), ([SELF], "SAMEORIGIN"), ([PARTNER], None), ([SELF, PARTNER], None)],
)
def test_both_headers_of_framing_say_the_same(
    make_app: MakeApp,
    ancestors: list[str],
    option: str | None,
    subtests: pytest.Subtests,
) -> None:
    expected = (" ".join(ancestors), option)
    assert framing(framed(make_app(FRAME_ANCESTORS=ancestors))) == expected
    # A view decides for itself, whatever the policy says.
    for others in ([NONE], [PARTNER]):
        with subtests.test(others=others):
            assert framing(with_own(make_app(FRAME_ANCESTORS=others), *ancestors)) == expected


@pytest.mark.asvs("3.4.6")
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


def nonce_in(answer: AnyResponse) -> str:
    return answer.headers["Content-Security-Policy"].split("'nonce-")[1].partition("'")[0]


def ask(app: Flask, environ: dict[str, Any]) -> AnyResponse:
    """What an app answers in this very environment, of which `Response.from_app` makes a copy."""
    started: list[Any] = []
    chunks = list(app.wsgi_app(environ, lambda *given: started.extend(given)))  # type: ignore[arg-type]
    return AnyResponse(chunks, started[0], started[1])


@pytest.fixture
def shop(make_app: MakeApp) -> Flask:
    """An app of its own, which another one calls or asks first."""
    app = make_app(FRAME_ANCESTORS=[SELF])

    @app.get("/shop")
    @csp(img_src=[PHOTOS])
    @public
    def shop() -> str:
        return csp_nonce()

    @app.get("/elsewhere")
    @csp(img_src=[PHOTOS])
    @public
    def elsewhere() -> str:
        abort(404)

    return app


def test_a_page_that_asks_another_app_keeps_its_policy_and_nonce(
    make_app: MakeApp, shop: Flask
) -> None:
    asked: list[AnyResponse] = []
    app = make_app()

    @app.get("/shop")
    @csp(font_src=[TILES])
    @public
    def around() -> str:
        asked.append(ask(shop, request.environ))
        return csp_nonce()

    page = app.test_client().get("/shop")
    policy, inner = page.headers["Content-Security-Policy"], asked[0]
    assert (f"font-src {TILES};" in policy, PHOTOS in policy) == (True, False)
    assert nonce_in(page) == page.text
    assert page.headers["X-Frame-Options"] == "DENY"
    inner_policy = inner.headers["Content-Security-Policy"]
    assert (f"img-src {PHOTOS};" in inner_policy, TILES in inner_policy) == (True, False)
    assert nonce_in(inner) == inner.get_data(as_text=True) != page.text
    assert inner.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert inner.headers["X-Request-ID"] != page.headers["X-Request-ID"]


def test_what_an_app_within_another_answers_has_each_header_once(
    make_app: MakeApp, shop: Flask
) -> None:
    app = make_app()
    within = public(lambda: Response.from_app(shop.wsgi_app, request.environ))
    app.add_url_rule("/shop", view_func=within)
    page = app.test_client().get("/shop")
    assert nonce_in(page) == page.text
    names = [name.lower() for name, _ in page.headers]
    assert len(names) == len(set(names))


def test_an_app_that_sends_one_list_of_headers_again_gets_another_nonce(make_app: MakeApp) -> None:
    app = make_app()
    always = [("Content-Type", "text/html")]

    def mounted(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", always)
        return [b""]

    app.wsgi_app = mounted  # type: ignore[method-assign]
    client = Client(SecurityHeaders(app))
    first, second = client.get("/"), client.get("/")
    assert nonce_in(first) != nonce_in(second)
    assert first.headers["X-Request-ID"] != second.headers["X-Request-ID"]


HASHES_DEMANDED = "blocked-destinations=(script), endpoints=(csp)"
DEMANDED = {"Integrity-Policy": HASHES_DEMANDED}
ON_TRIAL = {"Integrity-Policy-Report-Only": HASHES_DEMANDED}
CHAT = "https://chat.example"
OWN = Level("OWN", {"script-src": [NONCE]}, integrity=True)


def integrity_policy(app: Flask, path: str = "/") -> dict[str, str]:
    """The Integrity-Policy of a response, by the name of the header."""
    headers = app.test_client().get(path).headers
    return {name: headers[name] for name in DEMANDED | ON_TRIAL if name in headers}


STYLES_TOO = "blocked-destinations=(script style), endpoints=(csp)"
NOT_PARANOID = PARANOID._replace(integrity=False)
# A policy, and the Integrity-Policy of its pages by the name of the header.
INTEGRITIES: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({"CSP": PARANOID}, DEMANDED),
    ({"CSP": STRICT}, {}),
    ({"CSP": STRICT, "CSP_CANDIDATE": PARANOID}, ON_TRIAL),
    ({"CSP": PARANOID, "csp_report_only": True}, ON_TRIAL),
    ({"CSP": OWN}, DEMANDED),
    ({"CSP": NOT_PARANOID}, {}),
    ({"CSP": dict(PARANOID.directives)}, {}),
    # Styles, images and fonts need no hash.
    ({"CSP": PARANOID, "CSP_SOURCES": [TILES]}, DEMANDED),
    ({"CSP": PARANOID, "CSP_CHANGES": {"script-src": [SELF]}}, DEMANDED),
    ({"CSP": PARANOID, "CSP_CHANGES": {"script-src": [CHAT]}}, {}),
    ({"CSP": PARANOID, "CSP_CHANGES": {"script-src-elem": [NONCE, CHAT]}}, {}),
    ({"CSP": PARANOID, "HEADER_CHANGES": {"integrity-policy": None}}, {}),
    (
        {"CSP": PARANOID, "HEADER_CHANGES": {"integrity-policy": STYLES_TOO}},
        {"Integrity-Policy": STYLES_TOO},
    ),
]


@pytest.mark.parametrize(("policy", "expected"), INTEGRITIES)
def test_the_level_and_the_scripts_of_other_sites_decide_on_integrity(
    make_app: MakeApp, policy: dict[str, object], expected: dict[str, str]
) -> None:
    assert integrity_policy(make_app(**policy)) == expected


def test_only_pages_without_a_script_of_another_site_have_an_integrity_policy(
    make_app: MakeApp,
    subtests: pytest.Subtests,
) -> None:
    app = make_app(CSP=PARANOID, CSP_CANDIDATE=PARANOID)
    for name, own in {"chat": {"script_src": [NONCE, CHAT]}, "map": {"img_src": [TILES]}}.items():
        app.add_url_rule(f"/_test/{name}", name, csp(**own)(public(lambda: "a page")))
    # Firefox shows JSON by scripts without hashes.
    for path in (routes.HEALTHZ, "/static/page.css", "/_test/chat"):
        with subtests.test(path=path):
            assert integrity_policy(app, path) == {}
    assert integrity_policy(app, "/_test/map") == DEMANDED | ON_TRIAL
