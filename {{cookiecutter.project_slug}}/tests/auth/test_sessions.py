"""A user's own logins: seen, and ended one by one or all but this."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.auth import tokens, users
from app.security import cookies
from tests.conftest import PASSWORD, Wait, log_in

Login = tuple[FlaskClient, dict[str, str]]

OTHER = "bob"


@pytest.fixture
def app(app: Flask) -> Flask:
    """An app with two users."""
    with app.app_context():
        users.create(OTHER, PASSWORD)
    return app


def login(app: Flask, **body: str) -> Login:
    client = app.test_client()
    return client, log_in(client, **body)


def shown_to(login: Login) -> list[dict[str, Any]]:
    client, credentials = login
    answer = client.get("/sessions", headers=credentials)
    assert answer.status_code == 200
    assert isinstance(answer.json, dict)
    assert answer.json.keys() == {"sessions"}
    return list(answer.json["sessions"])


def id_of(login: Login) -> str:
    (own,) = (session["id"] for session in shown_to(login) if session["current"])
    return str(own)


def delete(login: Login, path: str) -> int:
    client, credentials = login
    return client.delete(path, headers=credentials).status_code


def alive(*logins: Login) -> list[bool]:
    return [
        client.get("/me", headers=credentials).status_code == 200 for client, credentials in logins
    ]


def test_the_newest_comes_first_and_this_one_is_marked(app: Flask, wait: Wait) -> None:
    logins = []
    for _ in range(3):
        logins.append(login(app))
        wait(1)
    first, second, third = map(id_of, logins)
    assert [session["id"] for session in shown_to(logins[1])] == [third, second, first]
    assert [session["current"] for session in shown_to(logins[1])] == [False, True, False]


def test_logins_of_the_same_second_keep_their_order(app: Flask, wait: Wait) -> None:
    ids = [id_of(login(app)) for _ in range(3)]
    assert [session["id"] for session in shown_to(login(app))][1:] == ids[::-1]


@pytest.mark.asvs("7.5.2")
def test_a_login_shows_when_it_began_was_used_and_ends(app: Flask, wait: Wait) -> None:
    here, other = login(app), login(app)
    wait(60)
    (session,) = (session for session in shown_to(here) if session["current"])
    (unused,) = (session for session in shown_to(here) if not session["current"])
    assert session.keys() == {"id", "issued", "last_used", "expires", "current"}
    assert session["last_used"] == session["issued"] + 60
    assert unused["last_used"] == unused["issued"]
    assert unused["expires"] > unused["issued"]
    assert alive(here, other) == [True, True]


def test_what_has_expired_is_not_shown(app: Flask, wait: Wait) -> None:
    (old,) = shown_to(login(app))
    wait(old["expires"] - old["issued"])
    assert [session["current"] for session in shown_to(login(app))] == [True]


def test_what_lay_idle_is_not_shown(
    app: Flask, wait: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "IDLE", 600)
    login(app)
    wait(600)
    assert [session["current"] for session in shown_to(login(app))] == [True]


def test_what_was_logged_out_is_not_shown(app: Flask) -> None:
    (client, credentials), here = login(app), login(app)
    client.post("/logout", headers=credentials)
    assert [session["current"] for session in shown_to(here)] == [True]


def test_no_user_sees_anothers(app: Flask) -> None:
    ours, theirs = login(app), login(app, username=OTHER)
    assert [session["id"] for session in shown_to(ours)] == [id_of(ours)]
    assert [session["id"] for session in shown_to(theirs)] == [id_of(theirs)]
    assert id_of(ours) != id_of(theirs)


def test_an_id_logs_nobody_in(app: Flask) -> None:
    session_id = id_of(login(app))
    with app.test_request_context():
        cookie = f"{cookies.name_of('session')}={session_id}"
    shown = {"Authorization": f"Bearer {session_id}", "Cookie": cookie}
    client = app.test_client(use_cookies=False)
    assert client.get("/me", headers=shown).status_code == 401


@pytest.mark.asvs("7.5.2")
def test_ending_one_ends_that_one_alone(app: Flask) -> None:
    here, lost, other = login(app), login(app), login(app)
    theirs = login(app, username=OTHER)
    lost_id = id_of(lost)
    assert delete(here, f"/sessions/{lost_id}") == 204
    assert alive(here, lost, other, theirs) == [True, False, True, True]
    assert lost_id not in [session["id"] for session in shown_to(here)]
    assert delete(here, f"/sessions/{lost_id}") == 404


def test_this_one_can_be_ended_too(app: Flask) -> None:
    here, other = login(app), login(app)
    assert delete(here, f"/sessions/{id_of(here)}") == 204
    assert alive(here, other) == [False, True]


def test_anothers_login_is_not_found_and_lives(app: Flask) -> None:
    (client, credentials), theirs = login(app), login(app, username=OTHER)
    answer = client.delete(f"/sessions/{id_of(theirs)}", headers=credentials)
    assert (answer.status_code, answer.json) == (404, {"error": "Not Found"})
    assert alive(theirs) == [True]


@pytest.mark.parametrize("session_id", ["0" * 32, "1", "%00", "'", "%25", "\u00e9", "x" * 2000])
def test_what_no_login_is_called_is_not_found(app: Flask, session_id: str) -> None:
    here = login(app)
    assert delete(here, f"/sessions/{session_id}") == 404
    assert alive(here) == [True]


def test_ending_all_leaves_this_one_and_other_users(app: Flask) -> None:
    here, *others = (login(app) for _ in range(3))
    theirs = login(app, username=OTHER)
    assert delete(here, "/sessions") == 204
    assert alive(here, *others, theirs) == [True, False, False, True]
    assert [session["id"] for session in shown_to(here)] == [id_of(here)]


def test_ending_all_when_there_is_no_other_is_fine(app: Flask) -> None:
    here = login(app)
    assert delete(here, "/sessions") == 204
    assert alive(here) == [True]


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/sessions"), ("DELETE", "/sessions"), ("DELETE", "/sessions/1")]
)
def test_strangers_are_sent_away(app: Flask, method: str, path: str) -> None:
    here = login(app)
    answer = app.test_client().open(path, method=method)
    assert (answer.status_code, answer.json) == (401, {"error": "Authentication required"})
    assert alive(here) == [True]
