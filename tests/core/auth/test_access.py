"""Who may call a view: a logged-in user, and everybody only where the view is marked so."""

from itertools import product
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from flask import Blueprint, Flask
from flask.testing import FlaskClient
from flask.views import MethodView
from secure_flask import current_user, testing
from secure_flask.auth.access import login_required, public, recent_login, roles_required
from secure_flask.database import db
from secure_flask.web.origins import PolicyError
from werkzeug.test import TestResponse

from core import routes
from core.conftest import (
    OWN_PAGE,
    PASSWORD,
    PRODUCTION,
    Lines,
    MakeApp,
    Wait,
    add_user,
    every_token_type,
    give_roles,
    headers_of,
    is_logged_in,
    log_in,
    stored_user,
)

MADE_UP = ["", "x", "Bearer", "Bearer ", "Basic YWRhOmE=", "a" * 90, "é", "\x7f", "null"]
SESSION_IDS = ["", "x", '"', "a" * 4000, "é", "\xff", "a=b; c", "%00", "null"]
MADE_UP += [f"dev-session={value}" for value in SESSION_IDS]
PRIVATE, RECENT = "/probe/diary", "/_test/recent"
AS_BROWSERS = "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8"
PAGES = {"LOGIN_PAGE": "site.page", "REAUTHENTICATION_PAGE": "site.reauthentication_page"}


@pytest.fixture
def app(make_app: MakeApp, token_type: str) -> Flask:
    """One that each test here may add views to."""
    return make_app(TOKEN_TYPE=token_type, **PAGES)


@pytest.fixture
def reached(app: Flask) -> list[str]:
    """Who came through to the views at `/probe/…`."""
    names: list[str] = []

    @app.route("/probe/<page>", methods=["GET", "POST"])
    @login_required
    def private(page: str) -> str:
        names.append(current_user.name)
        return f"{page} of {current_user.name}"

    return names


@pytest.mark.asvs("7.2.1", "8.3.1")
def test_a_stranger_gets_401_and_no_further(client: FlaskClient, reached: list[str]) -> None:
    answers = [client.open(PRIVATE, method=method) for method in ("GET", "HEAD", "POST")]
    assert [answer.status_code for answer in answers] == [401] * 3
    # `Basic` would make browsers ask for a password.
    assert [answer.headers["WWW-Authenticate"] for answer in answers] == ["Bearer"] * 3
    assert reached == []


@pytest.mark.asvs("7.2.1")
@every_token_type
def test_a_made_up_credential_is_401(app: Flask, reached: list[str]) -> None:
    # A client that keeps cookies would send its own in place of the header.
    client = app.test_client(use_cookies=False)
    expected = dict.fromkeys(product(("Authorization", "Cookie"), MADE_UP, ("GET", "POST")), 401)
    assert expected == {
        (name, sent, method): client.open(
            PRIVATE, method=method, headers={**OWN_PAGE, name: sent}
        ).status_code
        for name, sent, method in expected
    }
    assert reached == []


@pytest.mark.asvs("7.4.2")
@every_token_type
@pytest.mark.parametrize("change", ["disabled", "deleted"])
def test_a_disabled_or_deleted_user_is_out_at_once(
    app: Flask, client: FlaskClient, reached: list[str], change: str
) -> None:
    credentials = log_in(client)
    with stored_user(app) as user:
        if change == "deleted":
            db.session.delete(user)
        user.disabled = True
    assert client.get(PRIVATE, headers=credentials).status_code == 401
    assert reached == []


def view() -> str:
    """A view as an extension has it: without a mark of this app's."""
    return "in"


def another() -> Any:
    """Another view each time, since a mark stays on its function."""
    return lambda: view()


class Mixed(MethodView):
    """Some methods are open and some are not."""

    @public
    def get(self) -> str:
        return view()

    def post(self) -> str:
        return view()

    head = options = post


class Open(MethodView):
    decorators = [public]  # noqa: RUF012 (Flask's own way)

    def get(self) -> str:
        return view()

    @login_required
    def delete(self) -> str:
        return view()


class Closed(MethodView):
    decorators = [login_required]  # noqa: RUF012 (Flask's own way)

    @public
    def get(self) -> str:
        return view()

    def post(self) -> str:
        return view()


# Views by endpoint, and the status of a stranger's GET. The policy opens the listed ones.
LISTED = ["listed", "listed_but_closed", "extension.listed"]
VIEWS: dict[str, tuple[Any, int]] = {
    "unmarked": (another(), 401),
    "login_required": (login_required(another()), 401),
    "recent_login": (recent_login(another()), 401),
    "public": (public(another()), 200),
    "listed": (another(), 200),
    "listed_but_closed": (login_required(another()), 401),
    "extension.listed": (another(), 200),
    "extension.other": (another(), 401),
}


@pytest.mark.asvs("8.2.1")
def test_a_view_is_closed_unless_a_mark_or_the_policy_opens_it(make_app: MakeApp) -> None:
    app = make_app(PUBLIC_ENDPOINTS=dict.fromkeys(LISTED, "For this test."))
    extension = Blueprint("extension", __name__)
    for name, (each, _) in VIEWS.items():
        target: Any = extension if "." in name else app
        target.add_url_rule(f"/_test/{name}", name.rpartition(".")[2], each)
    app.register_blueprint(extension)
    logged_in = app.test_client()
    credentials = log_in(logged_in)
    strangers = {name: app.test_client().get(f"/_test/{name}").status_code for name in VIEWS}
    assert strangers == {name: status for name, (_, status) in VIEWS.items()}
    users = {name: logged_in.get(f"/_test/{name}", headers=credentials).text for name in VIEWS}
    assert users == dict.fromkeys(VIEWS, "in")


def unmarked_answers(app: Flask) -> tuple[TestResponse, TestResponse]:
    """What a stranger gets from a view without a mark, and from one that is marked as closed."""
    app.add_url_rule("/_test/unmarked", "unmarked", another())
    app.add_url_rule("/_test/marked", "marked", login_required(another()))
    client = app.test_client()
    return client.get("/_test/unmarked"), client.get("/_test/marked")


def test_development_says_how_to_open_a_view_without_a_mark(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    unmarked, marked = unmarked_answers(make_app())
    said = {"hint": unmarked.get_json()["hint"], "log": caplog.text}
    named = ("@public", "'unmarked'", "PUBLIC_ENDPOINTS", f"{__name__}.another")
    assert {where: [each in text for each in named] for where, text in said.items()} == {
        where: [True] * 4 for where in said
    }
    assert marked.json == {"error": "Authentication required"}
    assert "'marked'" not in caplog.text


def test_production_says_no_more_of_a_view_without_a_mark_than_of_another(
    make_app: MakeApp, lines: Lines
) -> None:
    app = make_app(**PRODUCTION)
    lines()
    unmarked, marked = unmarked_answers(app)
    assert (unmarked.status_code, unmarked.data) == (401, marked.data)
    assert lines() == []


def test_a_list_of_public_endpoints_names_each_with_its_reason(
    make_app: MakeApp, subtests: pytest.Subtests
) -> None:
    for listed in (["a.b"], "a.b", None, {"a.b": ""}, {"a.b": " "}, {"a.b": None}, {"a.b": 1}):
        with subtests.test(listed=listed), pytest.raises(PolicyError, match="PUBLIC_ENDPOINTS"):
            make_app(fill=False, PUBLIC_ENDPOINTS=listed)


@pytest.mark.parametrize(
    ("view", "statuses"),
    [
        (Mixed, {"GET": 200, "HEAD": 401, "POST": 401, "OPTIONS": 401}),
        (Closed, {"GET": 200, "HEAD": 200, "POST": 401}),
        (Open, {"GET": 200, "HEAD": 200, "OPTIONS": 200, "DELETE": 401}),
    ],
)
def test_each_method_of_a_class_is_closed_or_open_by_itself(
    app: Flask, view: type[MethodView], statuses: dict[str, int]
) -> None:
    app.add_url_rule("/_test/each", view_func=view.as_view("each"))
    ask = app.test_client().open
    assert {each: ask("/_test/each", method=each).status_code for each in statuses} == statuses


def test_unknown_paths_are_404_and_wrong_methods_405(
    client: FlaskClient, subtests: pytest.Subtests
) -> None:
    for accept in ("*/*", AS_BROWSERS):
        with subtests.test(accept=accept):
            assert client.get("/_test/nowhere", headers={"Accept": accept}).status_code == 404
            assert client.post(routes.ME, headers={"Accept": accept}).status_code == 405


def test_options_is_open_where_flask_answers_it_and_closed_in_a_view(app: Flask) -> None:
    app.add_url_rule("/_test/by_flask", "by_flask", another())
    app.add_url_rule("/_test/by_view", "by_view", another(), methods=["OPTIONS", "GET"])
    by_flask = app.test_client().options("/_test/by_flask")
    assert (by_flask.status_code, "GET" in by_flask.headers["Allow"]) == (200, True)
    assert app.test_client().options("/_test/by_view").status_code == 401


@pytest.mark.parametrize(
    "closed", [login_required, recent_login, recent_login(minutes=1), roles_required("a")]
)
def test_a_view_is_not_marked_as_both(closed: Any) -> None:
    with pytest.raises(TypeError, match="is marked @public, and also"):
        closed(public(another()))
    with pytest.raises(TypeError, match="is marked @public, and also"):
        public(closed(another()))


@pytest.mark.asvs("7.2.1", "8.2.1")
def test_every_route_without_a_mark_refuses_a_stranger(app: Flask, client: FlaskClient) -> None:
    closed = [route for route in testing.routes(app) if not route.public]
    paths = {(route.method, route.path) for route in closed}
    logins = {("DELETE", routes.SESSIONS), ("DELETE", f"{routes.SESSIONS}/1")}
    logins |= {("POST", path) for path in (routes.LOGOUT, routes.REAUTHENTICATE, routes.PASSWORD)}
    keys = {("GET", routes.KEYS), ("POST", routes.KEYS), ("DELETE", f"{routes.KEYS}/1")}
    assert paths >= {("GET", routes.ME), ("GET", routes.SESSIONS), *logins, *keys}
    accepted = {"*/*": 401, AS_BROWSERS: 303}
    answers = {
        (method, path, accept): client.open(path, method=method, headers={"Accept": accept})
        for (method, path), accept in product(paths, accepted)
    }
    got = {case: answer.status_code for case, answer in answers.items()}
    assert got == {case: accepted[case[2]] for case in answers}


# By Accept, whether the client is somebody with a browser.
CLIENTS = {
    AS_BROWSERS: True,
    "text/html": True,
    "text/*": True,
    "TEXT/HTML, */*;q=0.1": True,
    "text/html;q=0.9,application/json;q=0.8": True,
    "application/json,text/html;q=0.9": False,
    "application/json;q=0.5,text/html;q=0.4": False,
    "text/html;q=0.8,application/json;q=0.8": False,
    "text/html;q=0,*/*": False,
    "application/json": False,
    "image/webp,*/*;q=0.8": False,
    "*/*": False,
    "": False,
    "text/html;q=x,/": False,
}


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_a_browser_is_known_by_what_it_prefers(
    client: FlaskClient, method: str, subtests: pytest.Subtests
) -> None:
    answers = {
        accept: client.open(routes.SESSIONS, method=method, headers={"Accept": accept})
        for accept in CLIENTS
    }
    assert {accept: each.mimetype == "text/html" for accept, each in answers.items()} == CLIENTS
    for accept, answer in answers.items():
        with subtests.test(accept=accept, answer=answer):
            assert answer.status_code == (303 if CLIENTS[accept] else 401), accept
            assert "Accept" in ", ".join(answer.headers.getlist("Vary")).split(", ")
            assert answer.cache_control.no_store


def browse(client: FlaskClient, path: str, method: str = "GET", **headers: str) -> TestResponse:
    return client.open(path, method=method, headers={"Accept": AS_BROWSERS, **headers})


def shown_page(answer: TestResponse) -> tuple[str, str | None]:
    """The path to which a browser is sent, and its `next`."""
    assert answer.status_code == 303
    location = urlsplit(answer.headers["Location"])
    assert (location.scheme, location.netloc) == ("", "")
    return location.path, dict(parse_qsl(location.query)).get("next")


def test_a_browser_is_sent_to_the_login_page_and_back_but_to_no_write(
    client: FlaskClient, reached: list[str], subtests: pytest.Subtests
) -> None:
    for path in (PRIVATE, f"{PRIVATE}?a=b&c=%2F%20d", "/probe/a%20b"):
        with subtests.test(path=path):
            for method, back in {"GET": path, "HEAD": path, "POST": None}.items():
                assert shown_page(browse(client, path, method)) == (routes.LOGIN, back)
    assert reached == []


@pytest.fixture
def recent(app: Flask) -> FlaskClient:
    """A client of an app with a view that asks for a login of the last five minutes."""
    app.add_url_rule(RECENT, "recent", recent_login(minutes=5)(another()), methods=["GET", "POST"])
    return app.test_client()


def write(client: FlaskClient, credentials: dict[str, str]) -> int:
    return client.post(RECENT, headers=credentials).status_code


@pytest.mark.asvs("7.5.1")
@every_token_type
def test_an_old_login_is_asked_for_the_password_again(recent: FlaskClient, wait: Wait) -> None:
    credentials = log_in(recent)
    assert write(recent, credentials) == 200
    wait(5 * 60 - 1)
    assert write(recent, credentials) == 200
    wait(2)
    answers = [recent.open(RECENT, method=each, headers=credentials) for each in ("GET", "POST")]
    assert [(each.status_code, [*(each.json or {})]) for each in answers] == [(401, ["error"])] * 2
    # Source: RFC 9470, section 3.
    challenge = 'Bearer error="insufficient_user_authentication", max_age="300"'
    assert [each.headers["WWW-Authenticate"] for each in answers] == [challenge] * 2
    assert is_logged_in(recent, credentials)
    again = recent.post(routes.REAUTHENTICATE, json={"password": PASSWORD}, headers=credentials)
    assert write(recent, headers_of(again.get_json())) == 200


@pytest.mark.asvs("7.5.1")
def test_a_browser_is_sent_to_the_reauthentication_page(recent: FlaskClient, wait: Wait) -> None:
    credentials = log_in(recent)
    wait(5 * 60 + 1)
    page = routes.REAUTHENTICATE
    assert shown_page(browse(recent, f"{RECENT}?a=b")) == (page, f"{RECENT}?a=b")
    assert shown_page(browse(recent, RECENT, "POST", **credentials)) == (page, None)
    # A clock set back makes no login recent.
    wait(-2 * (5 * 60 + 1))
    assert write(recent, credentials) == 401


STAFF = "/_test/staff"


@pytest.fixture
def staff(app: Flask) -> FlaskClient:
    """A client of an app with a view for the staff."""
    demanding = roles_required("probe-boss")(another())
    app.add_url_rule(STAFF, "staff", demanding, methods=["GET", "POST"])
    return app.test_client()


def ask(client: FlaskClient, credentials: dict[str, str], *methods: str) -> list[int]:
    sent = [client.open(STAFF, method=method, headers=credentials) for method in methods]
    return [answer.status_code for answer in sent]


@pytest.mark.asvs("8.2.1", "8.3.1", "8.3.2")
def test_only_a_user_with_the_role_gets_through_as_long_as_it_lasts(
    app: Flask, staff: FlaskClient
) -> None:
    # That another user has the role opens nothing.
    add_user(app, "bob")
    give_roles(app, "probe-boss", to="bob")
    assert ask(staff, {}, "GET", "HEAD", "POST") == [401, 401, 401]
    credentials = log_in(staff)
    assert ask(staff, credentials, "GET", "HEAD", "POST") == [403, 403, 403]
    assert staff.get(STAFF, headers=credentials).get_json().keys() == {"error"}
    # A browser is not sent to log in, which would change nothing.
    page = browse(staff, STAFF)
    assert (page.status_code, page.mimetype) == (403, "text/html")
    give_roles(app, "probe-chief")
    assert ask(staff, credentials, "GET", "HEAD", "POST") == [403, 403, 403]
    give_roles(app, "probe-boss", "probe-chief")
    assert ask(staff, credentials, "GET", "HEAD", "POST") == [200, 200, 200]
    give_roles(app)
    assert ask(staff, credentials, "GET") == [403]
    assert is_logged_in(staff, credentials)


@pytest.mark.asvs("8.2.1")
def test_all_roles_are_demanded_however_the_marks_are_written(
    app: Flask, client: FlaskClient, subtests: pytest.Subtests
) -> None:
    boss, chief = roles_required("probe-boss"), roles_required("probe-chief")
    views = {
        "one-mark": roles_required("probe-boss", "probe-chief")(another()),
        "two-marks": boss(chief(another())),
        "above-a-login": boss(chief(login_required(another()))),
        "below-a-login": login_required(chief(boss(another()))),
        "around-a-recent-login": boss(recent_login(chief(another()))),
    }
    for name, each in views.items():
        app.add_url_rule(f"{STAFF}/{name}", name, each)
    credentials = log_in(client)
    cases = {("probe-boss",): 403, ("probe-chief",): 403, ("probe-boss", "probe-chief"): 200}
    for roles, status in cases.items():
        with subtests.test(roles=roles, status=status):
            give_roles(app, *roles)
            sent = {name: client.get(f"{STAFF}/{name}", headers=credentials) for name in views}
            got = {name: answer.status_code for name, answer in sent.items()}
            assert got == dict.fromkeys(views, status), roles


def test_nobody_enters_the_password_again_only_to_be_refused(app: Flask, wait: Wait) -> None:
    demanding = recent_login(minutes=5)(roles_required("probe-boss")(another()))
    app.add_url_rule(STAFF, "staff", demanding)
    client = app.test_client()
    credentials = log_in(client)
    wait(5 * 60 + 1)
    assert ask(client, credentials, "GET") == [403]
    give_roles(app, "probe-boss")
    assert ask(client, credentials, "GET") == [401]


@pytest.mark.asvs("16.3.2")
def test_the_log_names_the_roles_that_were_missing(make_app: MakeApp, lines: Lines) -> None:
    app = make_app(**PRODUCTION)
    app.add_url_rule(STAFF, "staff", roles_required("probe-boss", "probe-chief")(another()))
    give_roles(app, "probe-boss")
    client = app.test_client()
    credentials = log_in(client)
    lines()
    assert ask(client, credentials, "GET") == [403]
    [line] = lines()
    assert (line["event"], line["reason"]) == ("authz_fail", "missing role")
    assert line["roles"] == "probe-chief"


@pytest.mark.parametrize(
    "names",
    [
        *((), ("",), (None,), (1,), (["admin"],), ("admin", "Admin"), (another(),)),
        *(("2nd",), ("-a",), ("_a",), ("a b",), ("a,b",), ("a\n",), ("é",), ("x" * 81,)),
    ],
)
def test_a_mark_without_a_proper_role_is_refused_at_once(names: Any) -> None:
    with pytest.raises(TypeError, match="name one role or more"):
        roles_required(*names)


@pytest.mark.parametrize("minutes", [0, 0.0, -1, None])
def test_an_age_that_no_login_can_exceed_is_refused_at_once(minutes: Any) -> None:
    with pytest.raises(ValueError, match="more than 0"):
        recent_login(minutes=minutes)
