"""The session type: a cookie that no script can read, and a CSRF token beside it."""

from hashlib import sha256

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import Cookie, TestResponse

from app.auth import users
from app.auth.grants import Grant
from app.auth.tokens import IDLE, LIFETIME
from app.db import db
from tests.conftest import LOGIN, PASSWORD, MakeApp, Wait, log_in

DEVELOPMENT, PRODUCTION = "dev-session", "__Host-session"
FLAGS = {"HttpOnly", "SameSite=Lax", "Path=/"}


@pytest.fixture(scope="module")
def shared_app(make_app: MakeApp) -> Flask:
    """With a page that shows the CSRF token of its templates and nothing else."""
    app = make_app()

    @app.get("/page")
    def page() -> str:
        context: dict[str, str] = {}
        app.update_template_context(context)
        return context.get("csrf_token", "")

    return app


@pytest.mark.asvs("3.3.1", "3.3.2", "3.3.3", "3.3.4")
def test_the_production_cookie_is_bound_to_host_and_https(production: FlaskClient) -> None:
    name, flags = set_cookie(production.post("/login", json=LOGIN))
    assert name == PRODUCTION
    assert flags == {*FLAGS, "Secure", f"Max-Age={LIFETIME}"}


def test_the_development_cookie_works_over_http(client: FlaskClient) -> None:
    name, flags = set_cookie(client.post("/login", json=LOGIN))
    assert name == DEVELOPMENT
    assert flags == {*FLAGS, f"Max-Age={LIFETIME}"}


def test_logout_expires_the_cookie_with_the_flags_it_was_set_with(
    production: FlaskClient,
) -> None:
    answer = production.post("/logout", headers=log_in(production))
    name, flags = set_cookie(answer)
    assert name == PRODUCTION
    assert flags == {*FLAGS, "Secure", "Max-Age=0"}


def test_only_logging_in_and_out_set_a_cookie(client: FlaskClient, token: str) -> None:
    for path in ("/", "/me", "/healthz", "/missing"):
        assert "Set-Cookie" not in client.get(path).headers


@pytest.mark.asvs("3.3.4")
def test_no_body_holds_the_session_id(client: FlaskClient) -> None:
    bodies = [client.post("/login", json=LOGIN).text]
    bodies += [client.get(path).text for path in ("/me", "/")]
    assert session_id(client) not in "".join(bodies)


@pytest.mark.asvs("7.2.3")
def test_the_session_id_has_256_bits(client: FlaskClient, token: str) -> None:
    assert len(session_id(client)) == 43


def test_the_token_of_a_login_is_its_csrf_token(client: FlaskClient, token: str) -> None:
    assert client.get("/me").get_json()["csrf_token"] == token


def test_a_page_gets_the_csrf_token_in_another_form_each_time(
    client: FlaskClient, token: str
) -> None:
    shown = [client.get("/page").text for _ in range(2)]
    assert len({token, *shown}) == 3
    for sent in shown:
        assert client.delete("/sessions", headers={"X-CSRF-Token": sent}).status_code == 204
    assert token != session_id(client)


def test_a_stranger_gets_no_csrf_token(client: FlaskClient) -> None:
    assert client.get("/page").text == ""


def test_reading_needs_the_cookie_alone(client: FlaskClient, token: str) -> None:
    assert client.get("/me").status_code == 200


def test_a_csrf_token_serves_again_and_again(client: FlaskClient) -> None:
    credentials = log_in(client)
    for _ in range(3):
        answer = client.post("/api/greetings", json={"to": "all"}, headers=credentials)
        assert answer.status_code == 200


@pytest.mark.parametrize("sent", ["", "x", "0" * 64, "é", "null", "Bearer x"])
def test_a_write_with_a_wrong_csrf_token_is_403(client: FlaskClient, token: str, sent: str) -> None:
    assert_write_is_refused(client, {"X-CSRF-Token": sent})


@pytest.mark.asvs("3.5.1")
def test_a_write_without_a_csrf_token_is_403(client: FlaskClient, token: str) -> None:
    assert_write_is_refused(client, {})


def test_a_part_of_the_csrf_token_is_not_enough(client: FlaskClient, token: str) -> None:
    assert_write_is_refused(client, {"X-CSRF-Token": token[:63]})
    assert_write_is_refused(client, {"X-CSRF-Token": token[1:]})


def test_the_session_id_is_no_csrf_token(client: FlaskClient, token: str) -> None:
    assert_write_is_refused(client, {"X-CSRF-Token": session_id(client)})


def test_such_a_write_is_in_the_log_and_what_it_sent_is_not(
    production: FlaskClient, capsys: pytest.CaptureFixture[str]
) -> None:
    log_in(production)
    assert production.post("/logout", headers={"X-CSRF-Token": "made-up"}).status_code == 403
    line = capsys.readouterr().err.splitlines()[-1]
    assert '"authz_fail"' in line
    assert '"reason": "CSRF token"' in line
    assert "made-up" not in line


def test_the_csrf_token_of_another_login_is_403(
    app: Flask, client: FlaskClient, token: str
) -> None:
    assert_write_is_refused(client, log_in(app.test_client()))


def test_the_csrf_token_of_another_user_is_403(app: Flask, client: FlaskClient, token: str) -> None:
    with app.app_context():
        users.create("mallory", PASSWORD)
    assert_write_is_refused(client, log_in(app.test_client(), username="mallory"))


def test_a_csrf_token_counts_in_its_header_alone(client: FlaskClient, token: str) -> None:
    fields = {"X-CSRF-Token": token, "csrf_token": token, "token": token}
    client.set_cookie("X-CSRF-Token", token)
    assert client.post("/logout", query_string=fields).status_code == 403
    assert client.post("/logout", json=fields).status_code == 403
    assert client.get("/me").status_code == 200


@pytest.mark.asvs("7.2.4")
def test_a_new_login_needs_no_csrf_token_and_ends_the_old_one(
    app: Flask, client: FlaskClient
) -> None:
    credentials = log_in(client)
    old = session_id(client)
    assert client.post("/login", json=LOGIN).status_code == 200
    assert session_id(client) != old
    thief = app.test_client()
    thief.set_cookie(DEVELOPMENT, old)
    assert thief.get("/me", headers=credentials).status_code == 401


def test_a_failed_login_leaves_the_old_one(client: FlaskClient, token: str) -> None:
    client.post("/login", json={**LOGIN, "password": "a wrong long password"})
    assert client.get("/me").status_code == 200


def test_a_planted_session_id_is_not_taken_over(client: FlaskClient) -> None:
    client.set_cookie(DEVELOPMENT, "planted")
    client.post("/login", json=LOGIN)
    assert session_id(client) != "planted"


@pytest.mark.asvs("7.3.1")
def test_an_hour_without_a_request_ends_it(client: FlaskClient, wait: Wait) -> None:
    log_in(client)
    wait(IDLE - 1)
    assert client.get("/me").status_code == 200
    wait(IDLE)
    assert client.get("/me").status_code == 401
    assert client.get("/page").text == ""


@pytest.mark.asvs("7.3.2")
def test_twelve_hours_end_it_however_busy(client: FlaskClient, wait: Wait) -> None:
    log_in(client)
    step = IDLE // 2
    for _ in range(LIFETIME // step - 1):
        wait(step)
        assert client.get("/me").status_code == 200
    wait(step)
    assert client.get("/me").status_code == 401


def test_the_table_holds_a_hash_of_the_id_until_logout(app: Flask, client: FlaskClient) -> None:
    credentials = log_in(client)
    assert stored_hashes(app) == [sha256(session_id(client).encode()).digest()]
    client.post("/logout", headers=credentials)
    assert stored_hashes(app) == []


@pytest.mark.asvs("7.4.1")
def test_the_cookie_is_dead_after_logout(app: Flask, client: FlaskClient) -> None:
    credentials = log_in(client)
    kept = session_id(client)
    client.post("/logout", headers=credentials)
    assert client.get_cookie(DEVELOPMENT) is None
    client.set_cookie(DEVELOPMENT, kept)
    assert client.get("/me", headers=credentials).status_code == 401


@pytest.mark.asvs("14.2.1")
@pytest.mark.parametrize("field", ["token", "access_token", "session", DEVELOPMENT])
def test_a_session_id_elsewhere_than_in_its_cookie_is_401(
    app: Flask, client: FlaskClient, token: str, field: str
) -> None:
    secret, elsewhere = session_id(client), app.test_client()
    assert elsewhere.get("/me", query_string={field: secret}).status_code == 401
    assert elsewhere.post("/logout", json={field: secret}).status_code == 401
    assert elsewhere.get("/me", headers={field: secret}).status_code == 401


@pytest.mark.parametrize("name", ["session", PRODUCTION, "DEV-SESSION", "dev-flask", "token"])
def test_a_cookie_of_another_name_is_401(
    app: Flask, client: FlaskClient, token: str, name: str
) -> None:
    elsewhere = app.test_client()
    elsewhere.set_cookie(name, session_id(client))
    assert elsewhere.get("/me").status_code == 401


def test_neither_id_nor_csrf_token_is_a_bearer_token(
    app: Flask, client: FlaskClient, token: str
) -> None:
    for secret in (session_id(client), token):
        headers = {"Authorization": f"Bearer {secret}", "X-CSRF-Token": token}
        assert app.test_client().get("/me", headers=headers).status_code == 401


@pytest.mark.parametrize("value", ["", '"', "a" * 4000, "é", "\xff", "a=b; c", "%00", "null"])
def test_a_damaged_cookie_is_401(client: FlaskClient, value: str) -> None:
    answer = client.get("/me", headers={"Cookie": f"{DEVELOPMENT}={value}"})
    assert answer.status_code == 401


def set_cookie(answer: TestResponse) -> tuple[str, set[str]]:
    """Name and flags of the one cookie that an answer sets."""
    [header] = answer.headers.getlist("Set-Cookie")
    pair, *flags = header.split("; ")
    return pair.partition("=")[0], {flag for flag in flags if not flag.startswith("Expires=")}


def session_id(client: FlaskClient) -> str:
    cookie = client.get_cookie(DEVELOPMENT)
    assert isinstance(cookie, Cookie)
    return cookie.value


def stored_hashes(app: Flask) -> list[bytes]:
    with app.app_context():
        return list(db.session.scalars(select(Grant.secret_hash)))


def assert_write_is_refused(client: FlaskClient, headers: dict[str, str]) -> None:
    assert client.post("/logout", headers=headers).status_code == 403
    assert client.get("/me").status_code == 200
