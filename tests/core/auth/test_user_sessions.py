"""Flask's session: it goes on with its visitor, and nobody gets what another user left in it."""

import copy
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
import secure_flask
from flask import Blueprint, Flask, flash, get_flashed_messages, request, session
from flask.sessions import SecureCookieSessionInterface, SessionMixin
from flask.testing import FlaskClient
from secure_flask import current_user, has_recent_login, log_out, login_required, public
from secure_flask.auth import logins
from secure_flask.auth.logins import Login
from secure_flask.auth.user_sessions import OWNER
from secure_flask.database import db
from secure_flask.web.csrf import csrf_exempt
from sqlalchemy import delete
from sqlalchemy.exc import OperationalError

from core import routes
from core.conftest import (
    OWN_PAGE,
    PASSWORD,
    MakeApp,
    add_user,
    log_in,
    log_in_by_form,
    stored_user,
)

OTHER = "mallory"


class ServerSide(SecureCookieSessionInterface):
    """As of an extension: the cookie holds a number, and this process what it stands for."""

    def __init__(self) -> None:
        self.stored: dict[str, dict[str, Any]] = {}

    def open_session(self, app: Flask, request: Any) -> Any:
        return self.session_class(self.stored.get(request.cookies.get(self.get_cookie_name(app))))

    def save_session(self, app: Flask, session: SessionMixin, response: Any) -> None:
        number = request.cookies.get(self.get_cookie_name(app)) or str(len(self.stored))
        self.stored[number] = dict(session)
        response.set_cookie(self.get_cookie_name(app), number)


def write(note: str) -> str:
    session["note"] = note
    return ""


def read() -> str:
    return str(session.get("note"))


def leave() -> str:
    log_out()
    flash("See you")
    return ""


def add_pages(app: Flask) -> Flask:
    app.add_url_rule("/probe/write/<note>", view_func=public(write))
    app.add_url_rule("/probe/read", view_func=public(read))
    app.add_url_rule("/probe/mine", view_func=login_required(lambda: read()), endpoint="mine")
    app.add_url_rule("/probe/leave", view_func=login_required(leave))
    app.add_url_rule("/probe/told", "told", public(lambda: str(get_flashed_messages())))
    return app


@pytest.fixture(params=["cookie", "extension"])
def app(make_app: MakeApp, request: pytest.FixtureRequest) -> Flask:
    """With Flask's own sessions, or with those of an extension that was set up later."""
    app = make_app()
    if request.param == "extension":
        app.session_interface = ServerSide()
    add_user(app, OTHER)
    return add_pages(app)


def end_logins(app: Flask) -> None:
    """All logins run out."""
    with app.app_context():
        db.session.execute(delete(Login))
        db.session.commit()


@pytest.mark.parametrize("by", [log_in, log_in_by_form])
def test_what_a_visitor_put_into_a_cart_is_there_after_the_login(
    client: FlaskClient, by: Any
) -> None:
    client.get("/probe/write/cart")
    by(client)
    assert client.get("/probe/mine").text == "cart"
    assert client.get("/probe/read").text == "cart"


def test_what_a_user_writes_stays_the_users_through_a_new_password(client: FlaskClient) -> None:
    log_in(client)
    client.get("/probe/write/draft")
    change = {"current_password": PASSWORD, "new_password": "another long password"}
    assert client.post(routes.PASSWORD, json=change, headers=OWN_PAGE).status_code == 200
    assert client.get("/probe/mine").text == "draft"


@pytest.mark.parametrize("wrote", ["as a visitor", "as a user"])
def test_where_a_login_has_run_out_nobody_else_reads_what_it_left(
    app: Flask, client: FlaskClient, wrote: str
) -> None:
    app.register_error_handler(401, lambda error: (read(), 401))
    if wrote == "as a user":
        log_in(client)
    client.get("/probe/write/draft")
    if wrote == "as a visitor":
        log_in(client)
    end_logins(app)
    before = client.get_cookie("dev-flask")
    # The page of a refusal shows nothing of it.
    assert client.get("/probe/mine").text == "None"
    assert client.get("/probe/read").text == "None"
    # The same browser, as it was before that page.
    assert before
    client.set_cookie("dev-flask", before.value)
    log_in(client, username=OTHER)
    assert client.get("/probe/mine").text == "None"
    assert client.get("/probe/read").text == "None"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        pytest.param("GET", "/static/missing.css", 404, id="a static file that is missing"),
        pytest.param("POST", "/probe/written", 403, id="a write of another site"),
    ],
)
def test_nor_does_the_page_of_an_error_before_anybody_asks_who_it_is(
    app: Flask, client: FlaskClient, method: str, path: str, status: int
) -> None:
    app.register_error_handler(status, lambda error: (read(), status))
    app.add_url_rule("/probe/written", "written", public(read), methods=["POST"])
    login = log_in(client)
    client.get("/probe/write/draft")
    foreign = {"Origin": "https://other.test"}
    refused = client.open(path, method=method, headers=foreign, json={})
    assert (refused.status_code, refused.text) == (status, "None")
    # The user's next page has it still.
    assert client.get("/probe/mine", headers=login).text == "draft"


@pytest.mark.parametrize("address", ["/probe/static", "/probe/static/<filename>"])
def test_nor_does_a_view_that_is_called_static(
    app: Flask, client: FlaskClient, address: str
) -> None:
    site = Blueprint("about", __name__)
    site.add_url_rule(address, "static", public(lambda filename=None: read()))
    app.register_blueprint(site)
    log_in(client)
    client.get("/probe/write/draft")
    end_logins(app)
    assert client.get(address.replace("<filename>", "a")).text == "None"


def test_a_report_of_a_browser_leaves_the_session_of_its_user(client: FlaskClient) -> None:
    log_in(client)
    client.get("/probe/write/draft")
    # A browser sends the cookies with a report, and a page of a sibling host can do so too.
    send = partial(client.post, routes.REPORTS, headers={"Origin": "https://evil.localhost"})
    kind = "application/csp-report"
    answers = [
        *(send(data=body, content_type=kind) for body in (b"{", b" " * 20_000)),
        send(data=b"x", content_type="text/plain"),
        *(send(data=b"[]", content_type=kind) for _ in range(61)),
    ]
    statuses = [answer.status_code for answer in answers]
    assert {400, 413, 415, 204, 429} == {*statuses}
    assert [answer.headers.getlist("Set-Cookie") for answer in answers] == [[]] * len(answers)
    assert client.get("/probe/mine").text == "draft"


def test_a_view_that_any_site_may_call_finds_the_session_of_a_user_empty_and_replaces_none(
    app: Flask, client: FlaskClient
) -> None:
    """As a webhook, which requests with the cookies of a user may reach."""
    view = public(csrf_exempt(lambda note="": write(note) if note else read()))
    app.add_url_rule("/probe/hook", "hook", view, methods=["GET", "POST"])
    app.add_url_rule("/probe/hook/<note>", "writing_hook", view, methods=["POST"])
    # With who has no login it keeps a session.
    client.post("/probe/hook/first")
    assert client.post("/probe/hook").text == "first"
    log_in(client)
    client.get("/probe/write/draft")
    answers = [client.get("/probe/hook"), client.post("/probe/hook")]
    assert [answer.text for answer in answers] == ["None"] * 2
    assert [answer.headers.getlist("Set-Cookie") for answer in answers] == [[]] * 2
    assert client.post("/probe/hook/foreign").status_code == 200
    assert client.get("/probe/mine").text == "draft"


def test_a_logout_empties_it_and_a_message_of_that_view_is_shown(client: FlaskClient) -> None:
    log_in(client)
    client.get("/probe/write/draft")
    client.get("/probe/leave")
    assert client.get("/probe/told").text == "['See you']"
    assert client.get("/probe/read").text == "None"


def test_a_session_without_an_owner_is_no_users(app: Flask, client: FlaskClient) -> None:
    """As where a response to the visitor comes after the login."""
    client.get("/probe/write/draft")
    visitors = client.get_cookie("dev-flask")
    assert visitors
    stored = copy.deepcopy(vars(app.session_interface.inner))  # type: ignore[attr-defined]
    log_in(client)
    client.set_cookie("dev-flask", visitors.value)
    vars(app.session_interface.inner).update(stored)  # type: ignore[attr-defined]
    assert client.get("/probe/mine").text == "None"


@pytest.mark.parametrize("asks", ["first when it is saved", "in the view too"])
def test_while_the_database_is_away_nothing_is_stored_without_its_owner(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch, asks: str
) -> None:
    def fail(*arguments: object) -> None:
        raise OperationalError("SELECT", {}, OSError("away"))

    def draft() -> str:
        with suppress(OperationalError):
            has_recent_login()
        return write("draft")

    app.add_url_rule("/probe/draft", view_func=public(draft))
    log_in(client)
    with monkeypatch.context() as away:
        away.setattr(logins, "find_login_by_secret", fail)
        client.get("/probe/write/draft" if asks == "first when it is saved" else "/probe/draft")
    end_logins(app)
    assert client.get("/probe/read").text == "None"


def test_a_static_file_reads_no_session_and_keeps_its_cache(client: FlaskClient) -> None:
    client.get("/probe/write/cart")
    log_in(client)
    answer = client.get("/static/page.css")
    assert answer.status_code == 200
    assert "Cookie" not in answer.vary
    assert "no-store" not in str(answer.cache_control)


# A login by a token leaves the browser's cookies to the user who had them.


@pytest.fixture
def switched(make_app: MakeApp) -> Flask:
    """An app whose view logs another user in by a token, and writes into the session."""
    app = add_pages(make_app(TOKEN_TYPE="opaque"))
    add_user(app, OTHER)

    def switch() -> dict[str, Any]:
        body = secure_flask.log_in(OTHER, PASSWORD)
        session["added"] = "by the view"
        return {**body, "user": current_user.name}

    app.add_url_rule("/probe/switch", "switch", public(switch), methods=["POST"])
    app.add_url_rule("/probe/all", "all", public(lambda: {**session}))
    return app


def test_a_login_by_a_token_gives_the_session_of_a_user_to_nobody_else(switched: Flask) -> None:
    client = log_in_by_form(switched.test_client())
    client.get("/probe/write/draft")
    answer = client.post("/probe/switch", json={}, headers=OWN_PAGE)
    assert answer.get_json()["user"] == OTHER
    # The cookie still is Ada's, and the session has stayed with it.
    with stored_user(switched) as ada:
        shown = {"note": "draft", "added": "by the view", OWNER: str(ada.id)}
    assert client.get("/probe/all").get_json() == shown
    # Nor does the other user get it by the own cookie.
    kept = client.get_cookie("dev-flask")
    assert kept
    other = log_in_by_form(switched.test_client(), username=OTHER)
    other.set_cookie("dev-flask", kept.value)
    assert other.get("/probe/all").get_json() == {}


def test_a_login_by_a_token_leaves_a_visitors_session_with_the_visitor(switched: Flask) -> None:
    client = switched.test_client()
    client.get("/probe/write/cart")
    client.post("/probe/switch", json={}, headers=OWN_PAGE)
    assert client.get("/probe/all").get_json() == {"note": "cart", "added": "by the view"}


def test_a_login_by_cookie_over_that_of_another_user_takes_no_session_along(
    make_app: MakeApp,
) -> None:
    app = add_pages(make_app())
    add_user(app, OTHER)

    def switch() -> str:
        secure_flask.log_in(OTHER, PASSWORD)
        return write("of the new user")

    app.add_url_rule("/probe/switch", "switch", public(switch), methods=["POST"])
    app.add_url_rule("/probe/all", "all", public(lambda: {**session}))
    client = log_in_by_form(app.test_client())
    client.get("/probe/write/draft")
    client.post("/probe/switch", json={}, headers=OWN_PAGE)
    with stored_user(app, OTHER) as bob:
        shown = {"note": "of the new user", OWNER: str(bob.id)}
        assert client.get("/probe/all").get_json() == shown
