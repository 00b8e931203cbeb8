"""The audit log, as an investigator reads it: what happened, where, whose account, and no secret."""

import json
import logging
import sys
from collections.abc import Callable
from functools import partial

import pytest
from flask import Flask, Response
from flask.ctx import AppContext
from flask.testing import FlaskClient
from limits import parse
from secure_flask.auth import places
from secure_flask.auth.access import login_required, public, roles_required
from secure_flask.auth.authentication import set_password
from secure_flask.auth.user_changes import create_user
from secure_flask.database import db
from secure_flask.web import audit

from core import routes
from core.conftest import (
    LOGIN,
    OWN_PAGE,
    PASSWORD,
    PRODUCTION,
    SECRETS,
    TOKEN_TYPES,
    USERNAME,
    Lines,
    MakeApp,
    log_in,
    protect,
)
from core.users import User

Scene = Callable[[FlaskClient], object]

# What somebody typed into the field for the name.
TYPED = "hunter2 is not a name"
WRONG, NEW = "quite another password", "seven owls sit in a deep dry well"
STRANGER, NO_ROUTE = "https://evil.example", "/_test/nowhere"


@pytest.fixture(scope="module")
def shared_app(make_app: MakeApp, request: pytest.FixtureRequest) -> Flask:
    """Production, which also notes each token and cookie that it gives."""
    limits = {"login_rate_limit": "2 per minute", "MAX_LOGINS": 2}
    token_type = getattr(request, "param", "session")
    app = make_app(**PRODUCTION, **limits, TOKEN_TYPE=token_type)
    app.config["PROPAGATE_EXCEPTIONS"] = False  # a crash is answered, as in production
    given = app.extensions["given"] = []

    @app.after_request
    def note(answer: Response) -> Response:
        body = answer.get_json(silent=True) or {}
        given.extend(body[name] for name in ("token", "refresh_token") if name in body)
        cookies = answer.headers.getlist("Set-Cookie")
        given.extend(cookie.partition("=")[2].partition(";")[0] for cookie in cookies)
        return answer

    @app.get("/_test/crash/<code>")
    @login_required
    def fail(code: str) -> str:
        db.session.close()  # what the line says of the user needs no database
        raise RuntimeError("out of order")

    app.add_url_rule("/_test/staff", "staff", roles_required("probe-boss")(lambda: ""))

    return app


def attempt(client: FlaskClient, **changes: str) -> int:
    sent = {**LOGIN, **changes}
    return client.post(routes.LOGIN, json=sent, headers=OWN_PAGE).status_code


def without_a_place(client: FlaskClient) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(places, "MAX_WAIT", 0)
        patch.setattr(places, "MAX_RUNNING", 0)
        assert attempt(client) == 503


def throttled(client: FlaskClient) -> None:
    statuses = [attempt(client, password=WRONG) for _ in range(3)]
    assert statuses == [401, 401, 429]


def call(method: str, path: str, client: FlaskClient) -> None:
    """Call a route as somebody who is logged in."""
    client.open(path, method=method, headers=log_in(client), query_string={"token": NEW})


def change_password(client: FlaskClient, current: str = PASSWORD) -> None:
    body = {"current_password": current, "new_password": NEW}
    client.post(routes.PASSWORD, json=body, headers=log_in(client))


def enter_again(password: str, client: FlaskClient) -> None:
    path = routes.REAUTHENTICATE
    client.post(path, json={"password": password}, headers=log_in(client))


def end_another(client: FlaskClient) -> None:
    log_in(client.application.test_client())
    credentials = log_in(client)
    sessions = client.get(routes.SESSIONS, headers=credentials).get_json()["sessions"]
    [other] = [session["id"] for session in sessions if not session["current"]]
    client.delete(f"{routes.SESSIONS}/{other}", headers=credentials)


def log_in_too_often(client: FlaskClient) -> None:
    for _ in range(3):
        log_in(client.application.test_client())


def write_from_elsewhere(client: FlaskClient, address: str = "192.0.2.1") -> None:
    source = {"REMOTE_ADDR": address}
    client.post(NO_ROUTE, headers={"Origin": STRANGER}, environ_overrides=source)


def preflight(client: FlaskClient) -> None:
    headers = {"Origin": STRANGER, "Access-Control-Request-Method": "POST"}
    client.options(routes.LOGIN, headers=headers)


def flask_user(arguments: str, client: FlaskClient) -> None:
    command = ["user", *arguments.split()]
    result = client.application.test_cli_runner().invoke(args=command, input=NEW)
    assert result.exit_code == 0
    sys.stderr.write(result.stderr)


WRONGLY, AS_UNKNOWN = partial(attempt, password=WRONG), partial(attempt, username=TYPED)
MISTYPE, AGAIN_WRONGLY = partial(change_password, current=WRONG), partial(enter_again, WRONG)
LOG_OUT, END_OTHERS = partial(call, "POST", routes.LOGOUT), partial(call, "DELETE", routes.SESSIONS)
WITHOUT_ROLE = partial(call, "GET", "/_test/staff")
CRASH = partial(call, "GET", f"/_test/crash/{WRONG}")

# What happens, the event of its line, and other fields; `whose` stands for the id of a user.
SCENES: dict[str, tuple[Scene, str, dict[str, str]]] = {
    "login": (attempt, "authn_login_success", {"level": "info", "whose": USERNAME}),
    "wrong password": (WRONGLY, "authn_login_fail", {"level": "warning"}),
    "unknown name": (AS_UNKNOWN, "authn_login_fail", {"request_method": "POST"}),
    "no place": (without_a_place, "sys_too_busy", {"route": routes.LOGIN}),
    "throttled": (throttled, "authn_login_fail_max", {"reason": "password"}),
    "logout": (LOG_OUT, "session_logout", {"level": "info", "whose": USERNAME}),
    "password change": (change_password, "authn_password_change", {"whose": USERNAME}),
    "wrong current password": (MISTYPE, "authn_password_change_fail", {"whose": USERNAME}),
    "wrong password again": (AGAIN_WRONGLY, "authn_login_fail", {"whose": USERNAME}),
    "another login ended": (end_another, "session_expired", {"reason": "revoked"}),
    "all others ended": (END_OTHERS, "session_expired", {"session": "all others"}),
    "too many logins": (log_in_too_often, "excess_sessions_exceeded", {"whose": USERNAME}),
    "cross-site write": (write_from_elsewhere, "malicious_csrf", {"value": STRANGER}),
    "missing role": (WITHOUT_ROLE, "authz_fail", {"roles": "probe-boss", "whose": USERNAME}),
    "preflight": (preflight, "malicious_cors", {"level": "warning", "origin": STRANGER}),
    "crash": (CRASH, "sys_crash", {"whose": USERNAME, "route": "/_test/crash/<code>"}),
}
ROLES_GIVEN = {"former": "", "roles": "probe-boss", "whose": USERNAME}
COMMANDS = {
    "create grace --password-stdin": ("user_created", {"whose": "grace"}),
    f"password {USERNAME} --password-stdin": ("authn_password_change", {"whose": USERNAME}),
    f"disable {USERNAME}": ("user_updated", {"change": "disabled", "whose": USERNAME}),
    f"enable {USERNAME}": ("user_updated", {"change": "enabled", "whose": USERNAME}),
    f"roles {USERNAME} probe-boss": ("authz_change", ROLES_GIVEN),
    f"logout {USERNAME}": ("session_expired", {"reason": "revoked"}),
    f"delete {USERNAME}": ("user_deleted", {}),
}
for arguments, (event, fields) in COMMANDS.items():
    SCENES[arguments] = (partial(flask_user, arguments), event, {"by": "command line", **fields})


@pytest.mark.asvs("16.2.1", "16.2.5", "16.3.1", "16.3.2", "16.3.3", "16.3.4")
@pytest.mark.parametrize("shared_app", TOKEN_TYPES, indirect=True)
@pytest.mark.parametrize("name", SCENES)
def test_an_event_is_one_line_without_a_secret(
    client: FlaskClient, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    scene, event, fields = SCENES[name]
    scene(client)
    written = capsys.readouterr().err
    found = [each for each in map(json.loads, written.splitlines()) if each["event"] == event]
    [line] = found
    expected = {"logger": "secure_flask.audit", **fields}
    if whose := expected.pop("whose", None):
        expected["user_id"] = id_of(client.application, whose)
    assert expected.items() <= line.items()
    given = filter(None, client.application.extensions["given"])
    secrets = (TYPED, PASSWORD, WRONG, NEW, *SECRETS.values(), *given)
    assert [secret for secret in secrets if secret in written] == []


def test_a_password_that_a_user_sets_for_another_is_a_line_with_both(
    make_app: MakeApp, lines: Lines
) -> None:
    app = make_app(**PRODUCTION)

    @app.get("/_test/help/<name>")
    @login_required
    def help_user(name: str) -> str:
        user = User.find(name)
        assert user is not None
        set_password(user, PASSWORD)
        return ""

    with app.app_context():
        create_user("bob", PASSWORD)
    call("GET", "/_test/help/bob", app.test_client())
    call("GET", f"/_test/help/{USERNAME}", app.test_client())
    of_bob, own = [each for each in lines() if each["event"] == "authn_password_change"]
    ada = id_of(app, USERNAME)
    assert (of_bob["user_id"], of_bob.get("by")) == (id_of(app, "bob"), ada)
    assert (own["user_id"], own.get("by")) == (ada, None)


def id_of(app: Flask, name: str) -> str:
    with app.app_context():
        user = User.find(name)
        assert user is not None
        return str(user.id)


def test_a_name_is_the_same_hash_in_each_line_and_another_elsewhere(
    client: FlaskClient, lines: Lines, make_app: MakeApp
) -> None:
    elsewhere = make_app(**PRODUCTION, secret_key="Qw8zXn3mVt5bKy2cRj7dHs4gLf9pTa6e")
    attempt(client, password=WRONG)
    attempt(client)
    attempt(elsewhere.test_client())
    failed, good, other = lines()
    assert failed["account"] == good["account"] != other["account"]
    assert "user_id" not in failed


def test_plain_use_and_a_granted_preflight_are_no_alarm(
    make_app: MakeApp, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = make_app(**PRODUCTION, CORS_ORIGINS=[STRANGER]).test_client()
    preflight(client)
    for path in (NO_ROUTE, routes.ME, routes.HEALTHZ):
        client.get(path, headers={"Origin": STRANGER})
    assert lines() == []
    # No login goes unrecorded, however many there are.
    monkeypatch.setattr(audit, "WARNING_RATE_LIMIT", parse("1 per minute"))
    assert [attempt(client) for _ in range(3)] == [200] * 3
    assert [line["event"] for line in lines()].count("authn_login_success") == 3


@pytest.mark.asvs("16.2.5")
def test_an_origin_that_no_browser_sends_is_not_repeated(client: FlaskClient, lines: Lines) -> None:
    too_long = f"https://{'a.' * 150}example"
    for sent in (PASSWORD, f"https://ada:{NEW}@evil.example", f"{STRANGER}/{NEW}", too_long):
        headers = {"Origin": sent, "Access-Control-Request-Method": "POST"}
        client.post(routes.LOGIN, json=LOGIN, headers=headers)
        client.options(routes.LOGIN, headers=headers)
    logged = lines()
    assert [line["value"] for line in logged[::2]] == ["malformed"] * 4
    assert [line["origin"] for line in logged[1::2]] == ["malformed"] * 4
    shown = ["http://evil.example:8080", "chrome-extension://abcdefghijklmnop"]
    for sent in shown:
        client.post(routes.LOGIN, json=LOGIN, headers={"Origin": sent})
    assert [line["value"] for line in lines()] == shown


def test_no_address_and_no_site_of_ipv6_fills_the_log(client: FlaskClient, lines: Lines) -> None:
    addresses = [
        f"2001:db8:1:{number:x}::1" for number in range(audit.WARNING_RATE_LIMIT.amount + 10)
    ]
    for address in addresses:
        write_from_elsewhere(client, address)
    written = lines()
    assert len(written) == audit.WARNING_RATE_LIMIT.amount
    assert written[0]["source_ip"] == addresses[0]
    write_from_elsewhere(client, "192.0.2.2")
    assert len(lines()) == 1


def test_a_log_of_crashes_that_the_app_has_of_its_own_stays(lines: Lines) -> None:
    class Shop(Flask):
        # Flask 3.2 hands over the context, and Flask 3.1 does not.
        def log_exception(self, *ctx: AppContext) -> None:  # type: ignore[override]
            self.logger.error("mine")

    app = protect(Shop("shop"), **PRODUCTION, PROPAGATE_EXCEPTIONS=False)
    app.add_url_rule("/", view_func=public(lambda: str(1 / 0)))
    assert app.test_client().get("/", base_url="https://localhost").status_code == 500
    assert [line["event"] for line in lines()] == ["mine"]


def test_a_handler_of_the_apps_logger_gets_each_crash_as_with_flask(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    got: list[logging.LogRecord] = []
    mails = logging.Handler(logging.ERROR)
    monkeypatch.setattr(mails, "emit", got.append)
    monkeypatch.setattr(app.logger, "handlers", [mails])
    monkeypatch.setattr(audit, "WARNING_RATE_LIMIT", parse("1 per minute"))
    CRASH(client)
    CRASH(client)
    [crash] = got
    assert (crash.levelname, crash.exc_info is not None) == ("ERROR", True)
    assert WRONG not in crash.getMessage()
