"""`/sessions`: a user's own logins, seen and ended one by one or all but this."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import db
from secure_flask.auth.logins import LAST_USED_STEP
from secure_flask.web import cookies
from sqlalchemy import text

from core import routes
from views.conftest import (
    OWN_PAGE,
    Wait,
    add_user,
    every_token_type,
    grow_old,
    is_logged_in,
    log_in,
    log_in_by_form,
)

pytestmark = every_token_type

Login = tuple[FlaskClient, dict[str, str]]

OTHER = "bob"


@pytest.fixture
def app(app: Flask) -> Flask:
    """An app with two users."""
    add_user(app, OTHER)
    return app


def login(app: Flask, **body: str) -> Login:
    client = app.test_client()
    return client, log_in(client, **body)


def shown_to(login: Login) -> list[dict[str, Any]]:
    client, credentials = login
    answer = client.get(routes.SESSIONS, headers=credentials)
    assert answer.status_code == 200
    return list(answer.get_json()["sessions"])


def ids_shown_to(login: Login) -> list[str]:
    return [session["id"] for session in shown_to(login)]


def id_of(login: Login) -> str:
    (own,) = (session["id"] for session in shown_to(login) if session["current"])
    return str(own)


def delete(login: Login, session_id: str = "") -> int:
    """End one login, or all but this."""
    client, credentials = login
    path = f"{routes.SESSIONS}/{session_id}" if session_id else routes.SESSIONS
    return client.delete(path, headers=credentials).status_code


def alive(*logins: Login) -> list[bool]:
    return [is_logged_in(*login) for login in logins]


def test_the_newest_comes_first_and_this_one_is_marked(app: Flask, wait: Wait) -> None:
    logins = []
    for _ in range(3):
        logins.append(login(app))
        wait(1)
    assert ids_shown_to(logins[1]) == [id_of(login) for login in reversed(logins)]
    assert [session["current"] for session in shown_to(logins[1])] == [False, True, False]


def test_a_login_shows_when_it_began_was_used_and_ends(app: Flask, wait: Wait) -> None:
    here = login(app)
    wait(1)
    login(app)
    wait(LAST_USED_STEP - 1)
    unused, used = shown_to(here)
    assert used["last_used"] == used["issued"] + LAST_USED_STEP
    assert unused["last_used"] == unused["issued"]
    assert unused["expires"] > unused["issued"]


def test_what_was_logged_out_or_lay_idle_is_not_shown(
    app: Flask, wait: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, credentials = login(app)
    client.post(routes.LOGOUT, headers=credentials)
    assert len(shown_to(login(app))) == 1
    monkeypatch.setitem(app.config, "LOGIN_IDLE", 600)
    wait(600)
    assert len(shown_to(login(app))) == 1


def test_no_user_sees_or_ends_anothers(app: Flask) -> None:
    ours, theirs = login(app), login(app, username=OTHER)
    assert ids_shown_to(ours) == [id_of(ours)]
    assert ids_shown_to(theirs) == [id_of(theirs)]
    assert delete(ours, id_of(theirs)) == 404
    assert alive(theirs) == [True]


def test_an_id_logs_nobody_in(app: Flask) -> None:
    session_id = id_of(login(app))
    with app.test_request_context():
        cookie = f"{cookies.name_of('session')}={session_id}"
    shown = {"Authorization": f"Bearer {session_id}", "Cookie": cookie}
    assert not is_logged_in(app.test_client(use_cookies=False), shown)


def test_a_login_shows_its_client_and_the_database_hides_it(app: Flask) -> None:
    client = app.test_client()
    client.environ_base |= {"HTTP_USER_AGENT": "Firefox/140.0 Linux", "REMOTE_ADDR": "203.0.113.77"}
    (shown,) = shown_to((client, log_in(client)))
    assert shown["client"] == "Firefox on Linux, 203.0.113.*"
    with app.app_context():
        (stored,) = db.session.execute(text("SELECT client FROM logins")).scalars()
        assert "Firefox" not in str(stored)
        assert "203.0.113" not in str(stored)


def test_an_old_login_ends_no_other(app: Flask) -> None:
    here, other = login(app), login(app)
    grow_old(app)
    assert (delete(here), delete(here, id_of(other))) == (401, 401)
    assert alive(here, other) == [True, True]
    assert len(shown_to(here)) == 2


def test_ending_one_ends_that_one_alone(app: Flask) -> None:
    here, lost, other = login(app), login(app), login(app)
    lost_id = id_of(lost)
    assert delete(here, lost_id) == 204
    assert alive(here, lost, other) == [True, False, True]
    assert lost_id not in ids_shown_to(here)
    assert delete(here, lost_id) == 404
    assert delete(here, id_of(here)) == 204
    assert alive(here, other) == [False, True]


def test_what_no_login_is_called_is_not_found(app: Flask, subtests: pytest.Subtests) -> None:
    here = login(app)
    for session_id in ("0" * 32, "1", "%00", "'", "%25", "\u00e9", "x" * 2000):
        with subtests.test(session_id[:9]):
            assert delete(here, session_id) == 404
            assert alive(here) == [True]


def test_ending_all_leaves_this_one_and_other_users(app: Flask) -> None:
    here, *others = (login(app) for _ in range(3))
    theirs = login(app, username=OTHER)
    assert delete(here) == 204
    assert alive(here, *others, theirs) == [True, False, False, True]
    assert ids_shown_to(here) == [id_of(here)]
    assert delete(here) == 204
    assert alive(here) == [True]


def test_strangers_are_sent_away(app: Flask) -> None:
    here, stranger = login(app), (app.test_client(), dict[str, str]())
    assert stranger[0].get(routes.SESSIONS).status_code == 401
    assert (delete(stranger), delete(stranger, id_of(here))) == (401, 401)
    assert alive(here) == [True]


def test_logins_of_pages_and_of_programs_are_in_one_list_and_end_each_other(app: Flask) -> None:
    page = log_in_by_form(app.test_client())
    on_page: Login = (page, OWN_PAGE)
    program = login(app)
    assert len(shown_to(on_page)) == 2
    assert delete(program, id_of(on_page)) == 204
    assert alive(on_page, program) == [False, True]
    log_in_by_form(page)
    assert delete(on_page) == 204
    assert alive(on_page, program) == [True, False]


def test_a_bearer_token_that_is_wrong_never_falls_back_to_the_cookie(app: Flask) -> None:
    page = log_in_by_form(app.test_client())
    wrong: Login = (page, {"Authorization": "Bearer wrong", **OWN_PAGE})
    assert alive(wrong) == [False]
    assert delete(wrong) == 401
    assert page.post(routes.LOGOUT, headers=wrong[1]).status_code == 401
    assert is_logged_in(page)
