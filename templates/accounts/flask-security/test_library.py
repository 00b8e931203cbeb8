"""Flask-Security: that it checks what it is asked to, and does nothing of its own accord."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import flask
import flask_login
import flask_security
import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_login import LoginManager
from flask_principal import Principal
from flask_security.tf_plugin import generate_tf_validity_token
from pydantic import BaseModel
from werkzeug.test import TestResponse

from app.accounts.factors import factor_checks
from app.security import rate_limiter
from app.security.view_options import options_of
from tests import routes
from tests.accounts.factors.software_passkeys import (
    WAN_REGISTER,
    WAN_SIGNIN,
    add_passkey,
    log_in_by_passkey,
)
from tests.accounts.people import (
    ADDRESS,
    CONFIRM,
    RECOVERY,
    REGISTER,
    REGISTRATION,
    RESET,
    TF_SETUP,
    TF_VALIDATE,
    TOTP_STEP,
    Headers,
    add_recovery_codes,
    begin_login,
    code_of,
    headers_of,
    send_code,
)
from tests.accounts.test_credentials import HOSTILE
from tests.conftest import LOGIN, PRODUCTION, MakeApp, Wait, is_logged_in, log_in, stored_user

pytestmark = pytest.mark.usefixtures("unhurried")

LIBRARIES = ("flask_security", "flask_login", "flask_principal")
# Names that library.py and library_views.py use although they are private.
PRIVATE: list[tuple[object, str]] = [
    (Principal, "_on_before_request"),
    (Principal, "_on_identity_changed"),
    (LoginManager, "_update_remember_cookie"),
    (flask.Request, "_cached_json"),
]


def own_posts(app: Flask) -> Iterator[tuple[str, Any]]:
    """The path of each route of app/accounts that takes POST, and the model of its JSON."""
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        if "POST" in (rule.methods or ()) and view.__module__.startswith("app.accounts"):
            path = routes.path_of(rule.endpoint, **dict.fromkeys(rule.arguments, "x" * 43))
            with app.test_request_context():
                yield path, (options_of(view, "POST").consumes or {}).get("application/json")


def test_the_private_names_that_this_project_uses_are_there(app: Flask) -> None:
    for owner, name in PRIVATE:
        assert hasattr(owner, name), (
            f"{owner} has no {name} any more: see app/accounts/factors/library.py."
        )
    with app.app_context():
        totp = app.extensions["security"].totp_factory
        secret = factor_checks.unencrypted(totp.generate_totp_secret())
    assert json.loads(secret)["key"]


def test_json_that_was_read_is_not_read_again(app: Flask) -> None:
    with app.test_request_context(json={"sent": True}):
        flask.request._cached_json = ({"given": True}, {"given": True})
        assert flask.request.get_json() == {"given": True}


def test_no_view_of_the_library_has_an_address_and_no_command_a_name(app: Flask) -> None:
    modules = {view.__module__ for view in app.view_functions.values()}
    assert not [module for module in modules if module.startswith(LIBRARIES)]
    assert not {"users", "roles"} & app.cli.commands.keys()


def test_requests_for_other_views_do_not_pass_through_it(app: Flask) -> None:
    hooks = [
        *app.before_request_funcs.get(None, []),
        *app.after_request_funcs.get(None, []),
        *app.teardown_request_funcs.get(None, []),
        *app.template_context_processors[None],
    ]
    assert [hook for hook in hooks if str(hook.__module__).startswith(LIBRARIES)] == []


@pytest.mark.asvs("6.3.6")
def test_mail_and_sms_are_no_second_factors(client: FlaskClient, credentials: Headers) -> None:
    for setup in ("email", "mail", "sms", "google_authenticator", ""):
        answer = client.post(TF_SETUP, json={"setup": setup}, headers=credentials)
        assert (setup, answer.status_code) == (setup, 400)
    body = {"setup": "authenticator", "phone": "+15555550100"}
    assert client.post(TF_SETUP, json=body, headers=credentials).status_code == 400


@pytest.mark.asvs("6.3.4", "7.2.1")
def test_the_librarys_own_logins_log_nobody_in(
    app: Flask, stranger: FlaskClient, address: str
) -> None:
    with stored_user(app) as user:
        known, remembered = str(user.id), flask_login.encode_cookie(str(user.id))
        token = flask_security.UserMixin.get_auth_token(user)
    assert token
    with stranger.session_transaction() as session:
        session.update(_user_id=known, _fresh=True, fs_paa=9e9, fs_cc="set", _id=known)
    cookies = "; ".join(f"{name}={remembered}" for name in ("remember_token", "__Host-remember"))
    ways: list[dict[str, Any]] = [
        {},
        {"headers": {"Cookie": cookies}},
        {"headers": {"Authentication-Token": token}},
        {"headers": {"Authorization": f"Bearer {token}"}},
        {"headers": {"Authorization": f"Token {token}"}},
        {"query_string": {"auth_token": token}},
    ]
    for way in ways:
        for path in (routes.ME, routes.SESSIONS, routes.path_of("passkeys.show")):
            assert stranger.get(path, **way).status_code == 401
        for path, body in ((WAN_REGISTER, {"name": "x"}), (TF_SETUP, {"setup": "disable"})):
            assert stranger.post(path, json=body, **way).status_code == 401


@pytest.mark.asvs("6.3.3")
def test_what_the_library_would_keep_between_two_factors_completes_no_login(
    app: Flask, stranger: FlaskClient, secret: str
) -> None:
    with stored_user(app) as user:
        known = str(user.id)
        valid = generate_tf_validity_token(known)
    with stranger.session_transaction() as session:
        session.update(tf_user_id=known, tf_state="ready", tf_primary_method="authenticator")
    made_up = {"tf_token": "x" * 43} if "tf_token" in begin_login(app.test_client()) else {}
    assert send_code(stranger, made_up, code_of(secret)).status_code == 401
    assert stranger.post(WAN_SIGNIN, json={}).get_json()["is_secondary"] is False
    # It spares a device the second factor.
    stranger.set_cookie("tf_validity", valid)
    assert "tf_required" in stranger.post(routes.LOGIN, json=LOGIN).get_json()


def test_a_visitor_gets_no_cookie(app: Flask, address: str) -> None:
    known = {"email": ADDRESS}
    tries: list[tuple[str, dict[str, str]]] = [
        (REGISTER, REGISTRATION),
        (CONFIRM, known),
        (RESET, known),
        (WAN_SIGNIN, {}),
        (routes.LOGIN, {**LOGIN, "password": "a wrong long password"}),
    ]
    for path, body in tries:
        client = app.test_client()
        assert "Set-Cookie" not in client.post(path, json=body).headers
    for path, _ in own_posts(app):
        client = app.test_client()
        for body in ({}, {"code": "123456"}, {"credential": "{}"}):
            assert "Set-Cookie" not in client.post(path, json=body).headers
            assert "Set-Cookie" not in client.get(path).headers


@pytest.mark.usefixtures("clock")
def test_nothing_of_the_library_is_left_in_a_cookie(
    app: Flask, secret: str, client: FlaskClient, credentials: Headers
) -> None:
    codes = add_recovery_codes(client, credentials)
    key = add_passkey(client, credentials, usage="secondary")
    passkey = add_passkey(client, credentials, name="laptop")
    ways: list[Callable[[FlaskClient], TestResponse]] = [
        lambda other: send_code(other, begin_login(other), code_of(secret)),
        lambda other: send_code(other, begin_login(other), codes[0], RECOVERY),
        lambda other: log_in_by_passkey(other, key, **begin_login(other)),
        lambda other: log_in_by_passkey(other, passkey),
    ]
    for way in ways:
        other = app.test_client()
        answer = way(other)
        assert is_logged_in(other, headers_of(answer))
        given = {cookie.partition("=")[0] for cookie in answer.headers.getlist("Set-Cookie")}
        assert given <= {"dev-session", "dev-half"}
        # At most the cookie of the login itself; that of a half login has ended.
        for name in ("dev-flask", "dev-half", "session", "remember_token", "tf_validity"):
            assert (name, other.get_cookie(name)) == (name, None)


def test_the_owners_own_session_is_kept_from_it(client: FlaskClient, credentials: Headers) -> None:
    with client.session_transaction() as session:
        session["basket"] = ["tea"]
    before = client.get_cookie("dev-flask")
    answer = client.post(TF_SETUP, json={"setup": "authenticator"}, headers=credentials)
    assert answer.status_code == 200
    assert client.get_cookie("dev-flask") == before
    with client.session_transaction() as session:
        assert dict(session) == {"basket": ["tea"]}


def test_its_json_is_put_in_our_words(client: FlaskClient, credentials: Headers) -> None:
    answer = client.post(TF_SETUP, json={"setup": "authenticator"}, headers=credentials)
    assert not {"response", "meta", "user", "csrf_token"} & answer.get_json().keys()
    for body in ({"setup": "disabled"}, {}):
        answer = client.post(TF_SETUP, json=body, headers=credentials)
        assert answer.get_json().keys() <= {"error", "fields"}


@pytest.mark.asvs("16.5.3")
def test_an_odd_body_is_refused_on_every_route(
    app: Flask, client: FlaskClient, credentials: Headers, subtests: pytest.Subtests
) -> None:
    for path, model in own_posts(app):
        with subtests.test(path):
            for odd in [*ODD, *wrong_members(model)] if model else []:
                rate_limiter.init_app(app)
                answer = client.post(path, data=odd, headers=credentials | JSON)
                assert (odd[:60], answer.status_code in (400, 401)) == (odd[:60], True)
                assert answer.get_json().keys() <= {"error", "fields"}
                assert answer.cache_control.no_store


JSON = {"Content-Type": "application/json"}
ODD = [b"", b"[]", b"1", b"null", b'"x"', b"{", b"\xff", b"NaN", b'{"x": 1, "x": 1}']
ODD += [b"[" * 5000 + b"]" * 5000, b'{"x": ' * 5000 + b"1" + b"}" * 5000]


def wrong_members(model: type[BaseModel]) -> list[bytes]:
    """The JSON of a body with one member of a wrong type, or one too many, each time."""
    fields = model.model_fields
    good = dict.fromkeys(fields, "x")
    values: list[Any] = [None, 1, [], "\0"]
    bodies = [{**good, name: value} for name in fields for value in values]
    # A member that may be absent may be null.
    wrong = [body for body in bodies if not (None in body.values() and not required(fields, body))]
    return [json.dumps(body).encode() for body in [*wrong, {**good, "admin": True}]]


def required(fields: dict[str, Any], body: dict[str, Any]) -> bool:
    return any(fields[name].is_required() for name, value in body.items() if value is None)


def test_production_serves_all_of_it_over_https(make_app: MakeApp) -> None:
    client = make_app(**PRODUCTION).test_client()
    credentials = log_in(client)
    begun = client.post(WAN_SIGNIN, json={})
    assert begun.get_json()["credential_options"]["rpId"] == "localhost"
    answer = client.post(TF_SETUP, json={"setup": "authenticator"}, headers=credentials)
    assert answer.status_code == 200
    assert client.post(TF_VALIDATE, json={"code": "1"}).status_code in (400, 401)


@pytest.mark.asvs("3.7.2")
def test_no_second_step_leads_to_another_site(
    app: Flask, client: FlaskClient, credentials: Headers, secret: str, clock: Wait
) -> None:
    passkey = add_passkey(client, credentials)
    # Credentials are tried with all of them.
    for target in HOSTILE[::4]:
        clock(TOTP_STEP)
        other = app.test_client()
        query = {"next": target}
        half = begin_login(other)
        code = {**half, "code": code_of(secret)}
        begun = app.test_client().post(WAN_SIGNIN, json={}, query_string=query)
        body = {"credential": passkey.get(begun.get_json()["credential_options"])}
        path = f"{WAN_SIGNIN}/{begun.get_json()['wan_state']}"
        for answer in (
            other.post(TF_VALIDATE, json=code, query_string=query),
            app.test_client().post(path, json=body, query_string=query),
        ):
            assert (target, answer.status_code) == (target, 200)
            assert "evil" not in answer.text + str(answer.headers)
            assert "Location" not in answer.headers
