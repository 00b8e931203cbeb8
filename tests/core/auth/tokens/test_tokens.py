"""Which credential logs in what: the cookie pages, TOKEN_TYPE programs, and never one the other."""

import sys

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import current_user
from secure_flask.auth import logins, tokens
from secure_flask.auth.access import public
from secure_flask.auth.logins import Login
from secure_flask.database import db
from secure_flask.policy import Policy
from secure_flask.web.origins import PolicyError
from sqlalchemy import select

from core import routes
from core.auth.tokens.test_opaque import well_formed
from core.auth.tokens.test_session import session_id
from core.conftest import (
    LOGIN,
    OWN_PAGE,
    USERNAME,
    MakeApp,
    Wait,
    add_user,
    every_token_type,
    is_logged_in,
    log_in,
    log_in_by_form,
    stored_user,
)

WHO = "/probe/who"

each_bearer = pytest.mark.parametrize("token_type", ["opaque", "jwt"])


@pytest.fixture
def app(make_app: MakeApp, token_type: str) -> Flask:
    """An app with two users, and a page for everybody that says who is logged in."""
    app = make_app(TOKEN_TYPE=token_type)
    app.add_url_rule(WHO, "who", public(lambda: f"{current_user and current_user.name}"))
    add_user(app, "bob")
    return app


def who(client: FlaskClient, **headers: str) -> str:
    return client.get(WHO, headers=headers).text


def kinds(app: Flask) -> list[str]:
    with app.app_context():
        return list(db.session.scalars(select(Login.kind).order_by(Login.kind.desc())))


@every_token_type
def test_pages_log_in_by_cookie_whatever_programs_get(app: Flask, client: FlaskClient) -> None:
    log_in_by_form(client)
    assert kinds(app) == ["session"]
    assert who(client) == USERNAME
    assert client.post(routes.LOGOUT).status_code == 403
    assert client.post(routes.LOGOUT, headers=OWN_PAGE).status_code == 204
    assert not is_logged_in(client, {})


@each_bearer
def test_a_login_by_json_neither_reads_nor_sets_a_cookie(app: Flask, client: FlaskClient) -> None:
    log_in_by_form(client)
    bodies = (LOGIN, {**LOGIN, "keep": True}, {**LOGIN, "password": "a wrong one"})
    answers = [client.post(routes.LOGIN, json=body, headers=OWN_PAGE) for body in bodies]
    got = [(answer.status_code, "Set-Cookie" in answer.headers) for answer in answers]
    assert got == [(200, False), (200, False), (401, False)]
    assert is_logged_in(client, {})
    kind = "opaque" if app.config["TOKEN_TYPE"] == "opaque" else "refresh"
    assert kinds(app) == ["session", kind, kind]


@every_token_type
def test_a_program_keeps_its_login_as_long_as_a_page_does(app: Flask, wait: Wait) -> None:
    for keep in (False, True):
        app.test_client().post(routes.LOGIN, json={**LOGIN, "keep": keep})
    wait(Policy.model_fields["KEPT_LIFETIME"].default - 1)
    with stored_user(app) as user:
        assert [login.kept for login in logins.logins_of(user)] == [True]
    wait(1)
    with stored_user(app) as user:
        assert logins.logins_of(user) == []


@every_token_type
def test_a_wrong_bearer_token_never_falls_back_to_a_cookie(
    client: FlaskClient, subtests: pytest.Subtests
) -> None:
    log_in_by_form(client)
    wrong = (session_id(client), well_formed("a" * 43), "", " ", "x", "a.b.c")
    for sent in (f"{scheme} {each}" for scheme in ("Bearer", "bearer", "BEARER") for each in wrong):
        with subtests.test(sent=sent):
            headers = {**OWN_PAGE, "Authorization": sent}
            assert client.get(routes.ME, headers=headers).status_code == 401, sent
            assert client.post(routes.LOGOUT, headers=headers).status_code == 401, sent
            form = {**headers, "Origin": "http://localhost"}
            answer = client.post(routes.LOGOUT, data={"a": "b"}, headers=form)
            assert (answer.status_code, who(client, **headers)) == (401, "None"), sent
    assert is_logged_in(client, {})


def test_with_the_type_session_every_bearer_request_is_401(app: Flask, client: FlaskClient) -> None:
    log_in(client)
    secret = well_formed(logins.new_secret())
    with stored_user(app) as user:
        logins.start_login(user, "opaque", secret)
    assert not is_logged_in(client, {"Authorization": f"Bearer {session_id(client)}"})
    assert not is_logged_in(client, {"Authorization": f"Bearer {secret}"})
    answer = client.post(routes.REFRESH, json={"refresh_token": secret}, headers=OWN_PAGE)
    assert answer.status_code == 404


@pytest.fixture
def _not_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that has made no app with jwt."""
    for each in ("jwt_token", "refresh"):
        monkeypatch.delitem(sys.modules, f"{tokens.__name__}.{each}", raising=False)
        monkeypatch.delattr(tokens, each, raising=False)


@pytest.mark.usefixtures("_not_imported")
def test_a_library_that_is_missing_is_named_with_the_command_that_adds_it(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "jwt", None)
    with pytest.raises(PolicyError, match=r"'jwt' needs pyjwt: .*`.venv/bin/uv add pyjwt`"):
        make_app(TOKEN_TYPE="jwt")
    # The other types do not need it.
    assert make_app(TOKEN_TYPE="opaque")


@pytest.mark.usefixtures("_not_imported")
def test_another_module_that_is_missing_is_named_as_python_does(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "hmac", None)
    with pytest.raises(ModuleNotFoundError, match="hmac"):
        make_app(TOKEN_TYPE="jwt")
