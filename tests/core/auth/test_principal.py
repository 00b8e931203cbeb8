"""The login of a request is found once, where something asks for it, and no view can change it."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import Any

import pytest
from flask import (
    Flask,
    Response,
    current_app,
    g,
    render_template_string,
    send_from_directory,
    session,
    stream_with_context,
)
from flask.testing import FlaskClient
from secure_flask import (
    Role,
    change_password,
    current_user,
    end_login,
    end_other_logins,
    has_recent_login,
    list_logins,
    log_out,
    login_required,
    public,
    reauthenticate,
)
from secure_flask.auth import logins
from secure_flask.auth.logins import LAST_USED_STEP, Login
from secure_flask.database import db, engine_options
from sqlalchemy import select, text, update
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from core.conftest import PASSWORD, USERNAME, MakeApp, every_token_type, log_in
from core.standing_clock import clock
from core.statements import statements_of
from core.users import User

NEW = "another good long password"

WHO = "{{ current_user.name if current_user else 'nobody' }}"


def who() -> str:
    return f"{current_user.name} {render_template_string(WHO)}"


ASKED: dict[str, Callable[[], object]] = {
    "log_out": log_out,
    "list_logins": list_logins,
    "end_other_logins": end_other_logins,
    "reauthenticate": lambda: reauthenticate(PASSWORD),
    "change_password": lambda: change_password(PASSWORD, NEW),
    "end_login": lambda: end_login("0" * 32),
}


@pytest.fixture
def app(make_app: MakeApp, token_type: str) -> Flask:
    """An app that each test adds views to."""
    return make_app(TOKEN_TYPE=token_type)


def number_of_statements(client: FlaskClient, path: str, credentials: dict[str, str]) -> int:
    with statements_of(client.application) as counted:
        assert client.get(path, headers=credentials).status_code == 200
    return len(counted.statements)


@every_token_type
def test_a_page_that_asks_three_times_looks_it_up_once(app: Flask, client: FlaskClient) -> None:
    def three_times() -> str:
        again = render_template_string(WHO)
        return f"{current_user.name} {has_recent_login()} {again}"

    app.add_url_rule("/probe/once", "once", login_required(lambda: ""))
    app.add_url_rule("/probe/often", "often", login_required(three_times))
    credentials = log_in(client)
    once = number_of_statements(client, "/probe/once", credentials)
    assert number_of_statements(client, "/probe/often", credentials) == once


def test_a_public_file_and_page_that_ask_for_nobody_look_nothing_up(app: Flask) -> None:
    app.add_url_rule("/probe/plain", "plain", public(lambda: "plain"))
    a_file = public(lambda: send_from_directory(app.root_path, "site.py"))
    app.add_url_rule("/probe/file", "file", a_file)
    client = app.test_client()
    credentials = log_in(client)
    assert number_of_statements(client, "/probe/plain", credentials) == 0
    assert number_of_statements(client, "/probe/file", credentials) == 0


def test_what_a_view_puts_into_g_changes_nothing(app: Flask, client: FlaskClient) -> None:
    @app.before_request
    def load_logged_in_user() -> None:
        # As in Flask's tutorial.
        g.user = None
        g.login = None
        g.user_id = None

    app.add_url_rule("/probe/who", "who", login_required(lambda: who()))
    app.add_url_rule(
        "/probe/change", "change", login_required(lambda: change_password(PASSWORD, NEW))
    )
    credentials = log_in(client)
    assert client.get("/probe/who", headers=credentials).text == f"{USERNAME} {USERNAME}"
    assert client.get("/probe/change", headers=credentials).status_code == 200


def test_a_public_view_that_needs_a_login_answers_401_to_a_visitor_and_serves_a_user(
    app: Flask, client: FlaskClient
) -> None:
    view = public(lambda name: {"answer": ASKED[name](), "recent": has_recent_login()})
    app.add_url_rule("/probe/<name>", "asked", view)
    app.add_url_rule("/probe/recent", "recent", public(lambda: [has_recent_login()]))
    visits = {name: client.get(f"/probe/{name}").status_code for name in ASKED}
    assert visits == dict.fromkeys(ASKED, 401)
    assert client.get("/probe/recent").get_json() == [False]
    answer = client.get("/probe/list_logins", headers=log_in(client))
    assert (answer.status_code, answer.get_json()["recent"]) == (200, True)


def test_outside_a_request_nobody_is_logged_in(app: Flask) -> None:
    with app.app_context():
        assert not current_user
        assert render_template_string(WHO) == "nobody"


# The session is the view's, also where the login was used a while ago and this use is stored.


def add_and_roll_back() -> str:
    db.session.add(Role(name="unwanted"))
    there = who()
    db.session.rollback()
    return there


def flush_and_roll_back() -> str:
    db.session.add(Role(name="unwanted"))
    db.session.flush()
    there = who()
    db.session.rollback()
    return there


def leave_an_invalid_row_pending() -> str:
    db.session.add(Role(name=None))
    return who()


def hold_a_lock_meanwhile() -> str:
    db.session.execute(update(User).values(disabled=False))
    there = who()
    db.session.commit()
    return there


def change_the_row_of_the_login() -> str:
    db.session.execute(update(Login).values(kept=True))
    there = who()
    db.session.commit()
    return there


def swallow_a_failed_statement() -> str:
    with suppress(SQLAlchemyError):
        db.session.execute(text("SELECT nothing FROM nowhere"))
    if current_app.config["DATABASE_URL"].startswith("postgresql"):
        # PostgreSQL answers nothing more until then, as in any Flask app.
        db.session.rollback()
    return who()


VIEWS = [
    add_and_roll_back,
    flush_and_roll_back,
    leave_an_invalid_row_pending,
    hold_a_lock_meanwhile,
    change_the_row_of_the_login,
    swallow_a_failed_statement,
]
KINDS = {"memory": "sqlite:///:memory:", "file": "sqlite:///{folder}/app.db"}
if "TEST_DATABASE_URL" in os.environ:
    KINDS["postgresql"] = os.environ["TEST_DATABASE_URL"]


@pytest.fixture(params=[*KINDS.values()], ids=[*KINDS])
def database_app(make_app: MakeApp, tmp_path: Path, request: pytest.FixtureRequest) -> Flask:
    return make_app(database_url=request.param.format(folder=tmp_path))


def logged_in_a_while_ago(app: Flask) -> tuple[FlaskClient, dict[str, str], int]:
    """A client, and when its login was used: two minutes ago."""
    client = app.test_client()
    credentials = log_in(client)
    then = int(clock.now()) - 2 * LAST_USED_STEP
    with app.app_context():
        db.session.execute(update(Login).values(last_used=then))
        db.session.commit()
    return client, credentials, then


def last_used(app: Flask) -> int:
    with app.app_context():
        return db.session.scalars(select(Login.last_used)).one()


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_stores_what_it_commits_and_nothing_else(
    database_app: Flask, view: Callable[[], str]
) -> None:
    database_app.add_url_rule("/probe", "probe", public(wraps(view)(lambda: view())))
    client, credentials, then = logged_in_a_while_ago(database_app)
    answer = client.get("/probe", headers=credentials)
    assert (answer.status_code, answer.text) == (200, f"{USERNAME} {USERNAME}")
    with database_app.app_context():
        assert db.session.scalars(select(Role)).all() == []
        changed = view is change_the_row_of_the_login
        assert db.session.scalars(select(Login.kept)).one() is changed
    assert last_used(database_app) > then


def test_a_view_that_a_lock_keeps_from_nothing_is_not_kept_by_the_time_of_its_login(
    make_app: MakeApp,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    # Who waited for the lock would wait until the test ends.
    monkeypatch.setattr(engine_options, "BUSY_TIMEOUT", 60 * 60)
    url = os.environ.get("TEST_DATABASE_URL", f"sqlite:///{tmp_path}/app.db")
    app = make_app(database_url=url)
    app.add_url_rule("/probe", "probe", login_required(lambda: who()))
    client, credentials, then = logged_in_a_while_ago(app)
    with app.app_context():
        engine = db.engine
    with engine.begin() as other:
        other.execute(update(Login).values(kept=False))
        assert client.get("/probe", headers=credentials).status_code == 200
    assert "last_used of a login is not stored" in caplog.text
    assert last_used(app) == then
    # The next request stores it.
    assert client.get("/probe", headers=credentials).status_code == 200
    assert last_used(app) > then


def fail(*arguments: object, **options: object) -> None:
    raise OperationalError("SELECT", {}, OSError("away"))


def test_a_lookup_that_fails_is_no_visitor_but_the_page_of_an_error_asks_once(
    app: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    @app.errorhandler(404)
    def not_found(error: Exception) -> tuple[str, int]:
        return f"{render_template_string(WHO)} {render_template_string(WHO)}", 404

    app.add_url_rule("/probe", "probe", public(lambda: render_template_string(WHO)))
    client = app.test_client()
    credentials = log_in(client)
    monkeypatch.setattr(logins, "find_login_by_secret", fail)
    answer = client.get("/nowhere", headers=credentials)
    assert (answer.status_code, answer.text) == (404, "nobody nobody")
    assert caplog.text.count("sys_crash") == 1
    assert client.get("/probe", headers=credentials).status_code == 503


def share(response: Response) -> Response:
    response.headers["Cache-Control"] = "public, max-age=60"
    return response


def greet(response: Response) -> Response:
    response.headers["X-User"] = current_user.name if current_user else "nobody"
    return response


def remember() -> str:
    session["seen"] = True
    return ""


@pytest.mark.parametrize(
    ("view", "functions"),
    [(has_recent_login, [share]), (str, [greet, share]), (remember, [share])],
    ids=["the view", "a function after it", "the session that it saves"],
)
def test_no_cache_keeps_what_names_a_user_wherever_it_was_asked_for(
    make_app: MakeApp, view: Callable[[], object], functions: list[Any]
) -> None:
    app = make_app()
    for function in functions:
        app.after_request(function)
    app.add_url_rule("/probe/page", "page", public(lambda: str(view())))
    client = app.test_client()
    assert client.get("/probe/page").cache_control.public
    login = log_in(client)
    assert client.get("/probe/page", headers=login).cache_control.no_store


def greeting() -> Iterator[str]:
    yield f"Welcome, {current_user.name if current_user else 'stranger'}"


@every_token_type
def test_no_cache_keeps_a_stream_that_names_a_user_after_the_headers(
    app: Flask, client: FlaskClient
) -> None:
    stream = public(lambda: share(Response(stream_with_context(greeting()))))
    app.add_url_rule("/probe/stream", "stream", stream)
    visitors = client.get("/probe/stream")
    users = client.get("/probe/stream", headers=log_in(client))
    assert (visitors.text, visitors.cache_control.public) == ("Welcome, stranger", True)
    assert (users.text, users.cache_control.no_store) == (f"Welcome, {USERNAME}", True)
