"""The audit log, as an investigator reads it: what happened, where and to whom, and no secret."""

import sys
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient

from app.auth import throttle, users
from app.crypto import decrypt
from app.db import db
from tests.conftest import LOGIN, PASSWORD, PRODUCTION, SECRETS, USERNAME, Lines, MakeApp, log_in

Scene = Callable[[FlaskClient], object]

# What somebody typed into the field for the name.
TYPED = "hunter2 is not a name"
WRONG, NEW = "quite another password", "seven owls in a well"
STRANGER = "https://evil.example"


@pytest.fixture(scope="module")
def shared_app(make_app: MakeApp) -> Flask:
    """Production, which also notes each token and cookie that it gives."""
    app = make_app(**PRODUCTION)
    app.config["PROPAGATE_EXCEPTIONS"] = False  # a crash is answered, as in production
    given = app.extensions["given"] = []

    @app.after_request
    def note(answer: Response) -> Response:
        body = answer.get_json(silent=True) or {}
        given.extend(body[name] for name in ("token", "refresh_token") if name in body)
        cookies = answer.headers.getlist("Set-Cookie")
        given.extend(cookie.partition("=")[2].partition(";")[0] for cookie in cookies)
        return answer

    @app.get("/reset/<code>")
    def crash(code: str) -> str:
        raise RuntimeError("out of order")

    app.add_url_rule("/note", view_func=lambda: decrypt(b"ten pounds", context="notes.text"))
    return app


def attempt(client: FlaskClient, **changes: str) -> int:
    return client.post("/login", json={**LOGIN, **changes}).status_code


def throttled(client: FlaskClient) -> None:
    statuses = [attempt(client, password=WRONG) for _ in range(6)]
    assert statuses == [401] * 5 + [429]


def change_password(client: FlaskClient, current: str) -> None:
    body = {"current_password": current, "new_password": NEW}
    client.post("/password", json=body, headers=log_in(client))


def end_another_login(client: FlaskClient) -> None:
    log_in(client.application.test_client())
    credentials = log_in(client)
    sessions = client.get("/sessions", headers=credentials).get_json()["sessions"]
    [other] = [session["id"] for session in sessions if not session["current"]]
    client.delete(f"/sessions/{other}", headers=credentials)


def log_in_too_often(client: FlaskClient) -> None:
    for _ in range(client.application.config["MAX_LOGINS"] + 1):
        log_in(client.application.test_client())


def preflight(client: FlaskClient) -> None:
    headers = {"Origin": STRANGER, "Access-Control-Request-Method": "POST"}
    client.options("/login", headers=headers)


def run(client: FlaskClient, *arguments: str) -> None:
    result = client.application.test_cli_runner().invoke(args=["user", *arguments], input=NEW)
    assert result.exit_code == 0
    sys.stderr.write(result.stderr)


SCENES: dict[str, tuple[Scene, dict[str, Any]]] = {
    "login": (
        lambda client: attempt(client),
        {"event": "authn_login_success", "level": "info", "route": "/login", "whose": USERNAME},
    ),
    "wrong password": (
        lambda client: attempt(client, password=WRONG),
        {"event": "authn_login_fail", "level": "warning", "route": "/login"},
    ),
    "unknown name": (
        lambda client: attempt(client, username=TYPED),
        {"event": "authn_login_fail", "request_method": "POST", "source_ip": "127.0.0.1"},
    ),
    "throttled": (
        throttled,
        {"event": "excess_rate_limit_exceeded", "level": "warning", "route": "/login"},
    ),
    "logout": (
        lambda client: client.post("/logout", headers=log_in(client)),
        {"event": "session_expired", "reason": "logout", "whose": USERNAME},
    ),
    "password change": (
        lambda client: change_password(client, PASSWORD),
        {"event": "authn_password_change", "level": "info", "whose": USERNAME},
    ),
    "wrong current password": (
        lambda client: change_password(client, WRONG),
        {"event": "authn_password_change_fail", "level": "warning", "whose": USERNAME},
    ),
    "another login ended": (
        end_another_login,
        {"event": "session_expired", "reason": "revoked", "whose": USERNAME},
    ),
    "all others ended": (
        lambda client: client.delete("/sessions", headers=log_in(client)),
        {"event": "session_expired", "reason": "revoked", "session": "all others"},
    ),
    "too many logins": (
        log_in_too_often,
        {"event": "session_expired", "reason": "too many logins", "whose": USERNAME},
    ),
    "cross-site write": (
        lambda client: client.post("/login", json=LOGIN, headers={"Origin": STRANGER}),
        {"event": "authz_fail", "reason": "cross-site write", "origin": STRANGER},
    ),
    "preflight": (
        preflight,
        {"event": "malicious_cors", "level": "warning", "origin": STRANGER, "route": "/login"},
    ),
    "undecryptable": (
        lambda client: client.get("/note"),
        {"event": "crypt_decrypt_fail", "level": "error", "context": "notes.text"},
    ),
    "crash": (
        lambda client: client.get(f"/reset/{WRONG}", query_string={"token": NEW}, data=PASSWORD),
        {"event": "sys_crash", "level": "error", "route": "/reset/<code>"},
    ),
    "flask user create": (
        lambda client: run(client, "create", "grace", "--password-stdin"),
        {"event": "user_created", "by": "command line", "whose": "grace"},
    ),
    "flask user password": (
        lambda client: run(client, "password", USERNAME, "--password-stdin"),
        {"event": "authn_password_change", "by": "command line", "whose": USERNAME},
    ),
    "flask user disable": (
        lambda client: run(client, "disable", USERNAME),
        {"event": "user_updated", "change": "disabled", "whose": USERNAME},
    ),
    "flask user enable": (
        lambda client: run(client, "enable", USERNAME),
        {"event": "user_updated", "change": "enabled", "whose": USERNAME},
    ),
    "flask user logout": (
        lambda client: run(client, "logout", USERNAME),
        {"event": "session_expired", "reason": "revoked", "by": "command line"},
    ),
}


@pytest.mark.asvs("16.2.1", "16.3.1", "16.3.2", "16.3.3", "16.3.4")
@pytest.mark.parametrize(("scene", "expected"), SCENES.values(), ids=SCENES)
def test_it_is_one_line(
    client: FlaskClient, lines: Lines, scene: Scene, expected: dict[str, Any]
) -> None:
    scene(client)
    [line] = [line for line in lines() if line["event"] == expected["event"]]
    expected = {**expected, "logger": "app.audit"}
    if whose := expected.pop("whose", None):
        expected["user_id"] = id_of(client.application, whose)
    assert expected.items() <= line.items()


@pytest.mark.asvs("16.2.5")
@pytest.mark.parametrize("scene", [scene for scene, _ in SCENES.values()], ids=SCENES)
def test_no_secret_is_in_any_line(
    client: FlaskClient, capsys: pytest.CaptureFixture[str], scene: Scene
) -> None:
    scene(client)
    given = filter(None, client.application.extensions["given"])
    written = capsys.readouterr().err
    assert written
    for secret in (TYPED, PASSWORD, WRONG, NEW, *SECRETS.values(), *given):
        assert secret not in written


def test_a_name_is_the_same_hash_in_each_line_and_another_elsewhere(
    client: FlaskClient, lines: Lines, make_app: MakeApp
) -> None:
    attempt(client, username=TYPED)
    attempt(client, username=TYPED)
    attempt(client)
    first, second, other = (line["account"] for line in lines())
    assert first == second != other
    elsewhere = make_app(**PRODUCTION, secret_key="another-0123456789-abcdefghijklmnopqrs")
    attempt(elsewhere.test_client(), username=TYPED)
    [line] = lines()
    assert line["account"] != first


def test_a_login_says_whose_failures_came_before(client: FlaskClient, lines: Lines) -> None:
    attempt(client, password=WRONG)
    attempt(client)
    failed, good = lines()
    assert failed["account"] == good["account"]
    assert "user_id" not in failed


def test_a_preflight_that_is_granted_is_no_alarm(make_app: MakeApp, lines: Lines) -> None:
    preflight(make_app(**PRODUCTION, CORS_ORIGINS=[STRANGER]).test_client())
    assert lines() == []


def test_the_address_is_told_as_it_is(client: FlaskClient, lines: Lines) -> None:
    address = "2001:db8:1:2:aaaa:bbbb:cccc:dddd"
    client.post("/login", json=LOGIN, environ_overrides={"REMOTE_ADDR": address})
    assert [line["source_ip"] for line in lines()] == [address]


def test_neither_is_plain_use(client: FlaskClient, lines: Lines) -> None:
    for path in ("/", "/me", "/nowhere", "/static/page.css"):
        client.get(path, headers={"Origin": STRANGER})
    assert lines() == []


@pytest.mark.asvs("16.2.5")
def test_an_origin_that_no_browser_sends_is_not_repeated(client: FlaskClient, lines: Lines) -> None:
    for sent in (PASSWORD, f"https://ada:{NEW}@evil.example", f"{STRANGER}/{NEW}", "x" * 9000):
        headers = {"Origin": sent, "Access-Control-Request-Method": "POST"}
        client.post("/login", json=LOGIN, headers=headers)
        client.options("/login", headers=headers)
        assert [line["origin"] for line in lines()] == ["malformed"] * 2
    for sent in ("null", "http://evil.example:8080", "chrome-extension://abcdefghijklmnop"):
        client.post("/login", json=LOGIN, headers={"Origin": sent})
        assert [line["origin"] for line in lines()] == [sent]


def test_one_address_cannot_fill_the_log(client: FlaskClient, lines: Lines) -> None:
    def attack(address: str) -> None:
        source = {"REMOTE_ADDR": address}
        client.post("/logout", headers={"Origin": STRANGER}, environ_overrides=source)

    for _ in range(70):
        attack("192.0.2.1")
    assert len(lines()) == 60
    attack("192.0.2.2")
    assert len(lines()) == 1


def test_one_site_of_ipv6_cannot_fill_the_log(client: FlaskClient, lines: Lines) -> None:
    for number in range(70):
        source = {"REMOTE_ADDR": f"2001:db8:1:{number:x}::1"}
        client.post("/logout", headers={"Origin": STRANGER}, environ_overrides=source)
    assert len(lines()) == 60


def test_a_crash_tells_where_and_shows_no_variables(client: FlaskClient, lines: Lines) -> None:
    client.get(f"/reset/{WRONG}")
    [line] = lines()
    assert line["exception"].endswith("RuntimeError: out of order")
    assert "in crash" in line["exception"]
    assert WRONG not in str(line)


def test_a_database_that_is_away_hides_nobody(
    app: Flask, client: FlaskClient, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        db.session.rollback()
        db.session.close()
        raise RuntimeError

    credentials = log_in(client)
    monkeypatch.setattr(throttle, "attempt", away)
    body = {"current_password": PASSWORD, "new_password": NEW}
    assert client.post("/password", json=body, headers=credentials).status_code == 500
    [line] = [line for line in lines() if line["event"] == "sys_crash"]
    assert line["user_id"] == id_of(app, USERNAME)


def id_of(app: Flask, name: str) -> str:
    with app.app_context():
        user = users.find(name)
        assert user is not None
        assert isinstance(user.id, UUID)
        return str(user.id)
