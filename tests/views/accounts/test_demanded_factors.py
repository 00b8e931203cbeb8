"""A role that demands a second factor, given while its user is logged in.

As by an owner who writes `user.roles`, or a new name in SECOND_FACTOR_ROLES: `flask user roles`
ends all logins by itself.
"""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import Role, current_user, db, login_required, public, roles_required
from secure_flask.auth.login_table import Login
from sqlalchemy import select, update

from core import routes
from core.accounts.devices import STEP, code_of
from core.accounts.observing import statements
from views.accounts.devices import (
    WAN_SIGNIN,
    WAN_VERIFY,
    Passkey,
    add_app,
    add_passkey,
    answer,
    begin_setup,
    challenge,
    login_of,
    send_code,
    use,
)
from views.accounts.people import STRONG, TF_SETUP, Headers, begin_login, give_address, send
from views.accounts.test_factor_changes import INVITATION, invite
from views.conftest import (
    LOGIN,
    OWN,
    PASSWORD,
    USERNAME,
    MakeApp,
    Wait,
    assert_leads_to,
    every_token_type,
    give_roles,
    is_logged_in,
    log_in,
    log_in_by_form,
    post,
    stored_user,
    with_and_without_bearer,
)

BOSS = "/probe/boss"


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """An app with a view of a role that demands a second factor, which its user gets later."""
    app = make_app(SECOND_FACTOR_ROLES=["boss"])
    give_address(app)

    @app.get(BOSS)
    @roles_required("boss")
    def boss() -> str:
        return "secret"

    @app.get("/probe/visitor")
    @public
    def visitor() -> str:
        return ", ".join(current_user.role_names) if current_user else "nobody"

    @app.get("/probe/plain")
    @login_required
    def plain() -> str:
        return ""

    return app


def opens(client: FlaskClient, credentials: Headers) -> int:
    return client.get(BOSS, headers=credentials).status_code


@pytest.mark.asvs("6.3.3")
@every_token_type
def test_a_login_that_began_by_password_alone_is_refused(
    app: Flask, client: FlaskClient, credentials: Headers
) -> None:
    assert opens(client, credentials) == 403
    give_roles(app, "boss")
    assert opens(client, credentials) == 401
    assert not is_logged_in(client, credentials)
    # A public view does not see the role either.
    assert client.get("/probe/visitor", headers=credentials).text == "nobody"


@pytest.mark.parametrize("token_type", ["jwt"])
def test_such_a_login_is_not_refreshed(app: Flask, client: FlaskClient) -> None:
    issued = client.post(routes.LOGIN, json=LOGIN).get_json()
    body = {"refresh_token": issued["refresh_token"]}
    give_roles(app, "boss")
    assert client.post(routes.REFRESH, json=body).status_code == 401
    with stored_user(app) as user:
        user.roles = []
    # It has not ended: without the role it goes on.
    assert client.post(routes.REFRESH, json=body).status_code == 200


@every_token_type
def test_such_a_login_sets_up_no_first_factor_and_an_invitation_leads_on(
    app: Flask, client: FlaskClient, credentials: Headers
) -> None:
    secret, path = begin_setup(client, credentials)
    begun = challenge(client, "/wan-register", credentials)
    give_roles(app, "boss")
    for tried in (
        send(client, TF_SETUP, {"setup": "authenticator"}, credentials),
        send(client, path, {"code": code_of(secret)}, credentials),
        send(client, "/wan-register", {}, credentials),
        answer(client, "/wan-register", begun, Passkey(client), credentials),
        send(client, routes.REAUTHENTICATE, {"password": PASSWORD}, credentials),
        send(
            client,
            routes.PASSWORD,
            {"current_password": PASSWORD, "new_password": STRONG},
            credentials,
        ),
    ):
        assert tried.status_code == 401
    half = begin_login(client)
    assert send(client, INVITATION, {"code": invite(app), **half}).status_code == 204
    secret, path = begin_setup(client, **half)
    done = login_of(send_code(client, half, code_of(secret), path))
    assert opens(client, done) == 200
    with app.app_context():
        assert [login.second_factor for login in db.session.scalars(select(Login))] == [True]


@with_and_without_bearer
def test_a_browser_is_led_to_the_login(app: Flask, client: FlaskClient) -> None:
    log_in_by_form(client)
    give_roles(app, "boss")
    assert_leads_to(client.get(BOSS, headers=OWN), f"/login?next={BOSS}")
    step = post(client, f"/login?next={BOSS}", **LOGIN)
    assert_leads_to(step, f"/tf-validate?next={BOSS}")
    invitation = client.get(step.headers["Location"], headers=OWN)
    assert_leads_to(invitation, f"{INVITATION}?next={BOSS}")


def test_a_role_that_the_policy_names_later_counts_too(
    app: Flask, client: FlaskClient, credentials: Headers
) -> None:
    give_roles(app, "boss", "editor")
    app.config["SECOND_FACTOR_ROLES"] = []
    assert opens(client, credentials) == 200
    app.config["SECOND_FACTOR_ROLES"] = ["editor"]
    assert opens(client, credentials) == 401


@every_token_type
def test_a_login_by_an_app_opens_what_its_role_may(app: Flask, wait: Wait) -> None:
    """Also as it goes on: with a new password, and after it was confirmed."""
    client = app.test_client()
    secret = add_app(client, log_in(client))
    give_roles(app, "boss")
    wait(STEP)
    credentials = login_of(send_code(client, begin_login(client), code_of(secret)))
    assert opens(client, credentials) == 200
    change: dict[str, object] = {"current_password": PASSWORD, "new_password": STRONG}
    credentials = login_of(send(client, routes.PASSWORD, change, credentials))
    assert opens(client, credentials) == 200
    wait(STEP)
    begun = send(client, routes.REAUTHENTICATE, {"password": STRONG}, credentials).get_json()
    credentials = login_of(send_code(client, {"tf_token": begun["tf_token"]}, code_of(secret)))
    assert opens(client, credentials) == 200


@every_token_type
def test_a_login_by_passkey_opens_what_its_role_may(app: Flask) -> None:
    client = app.test_client()
    device = add_passkey(client, log_in(client))
    give_roles(app, "boss")
    credentials = login_of(use(client, WAN_SIGNIN, device))
    assert opens(client, credentials) == 200
    credentials = login_of(use(client, WAN_VERIFY, device, credentials))
    assert opens(client, credentials) == 200


@pytest.mark.parametrize("token_type", ["jwt"])
def test_a_refreshed_login_by_an_app_opens_what_its_role_may(app: Flask, wait: Wait) -> None:
    client = app.test_client()
    secret = add_app(client, log_in(client))
    give_roles(app, "boss")
    wait(STEP)
    issued = send_code(client, begin_login(client), code_of(secret)).get_json()
    body = {"refresh_token": issued["refresh_token"]}
    fresh = client.post(routes.REFRESH, json=body)
    assert opens(client, login_of(fresh)) == 200


def test_a_kept_login_by_an_app_opens_what_its_role_may(app: Flask, wait: Wait) -> None:
    client = app.test_client()
    secret = add_app(client, log_in(client))
    give_roles(app, "boss")
    wait(STEP)
    step = post(client, "/login", **LOGIN, keep="y")
    assert post(client, step.headers["Location"], code=code_of(secret)).status_code == 303
    with app.app_context():
        kept = select(Login.kept, Login.second_factor)
        assert db.session.execute(kept).all() == [(True, True)]
    assert opens(client, {}) == 200


def test_a_factor_that_was_added_to_a_login_by_password_does_not_count_before_the_next(
    app: Flask, client: FlaskClient, credentials: Headers
) -> None:
    add_app(client, credentials)
    assert is_logged_in(client, credentials)
    give_roles(app, "boss")
    assert opens(client, credentials) == 401


def test_roles_are_read_for_logins_by_password_alone_and_only_where_a_role_demands_a_factor(
    app: Flask, client: FlaskClient, credentials: Headers
) -> None:
    numbers = []
    for demanding, second_factor in (([], False), (["boss"], True), (["boss"], False)):
        app.config["SECOND_FACTOR_ROLES"] = demanding
        with app.app_context():
            db.session.execute(update(Login).values(second_factor=second_factor))
            db.session.commit()
        with statements(app) as sent:
            assert client.get("/probe/plain", headers=credentials).status_code == 200
        numbers.append(len(sent))
    assert numbers == [1, 1, 2]


def test_the_command_says_what_a_role_that_demands_a_factor_asks_for(app: Flask) -> None:
    with app.app_context():
        db.session.add_all([Role(name="boss"), Role(name="editor")])
        db.session.commit()
    runner = app.test_cli_runner()
    said = runner.invoke(args=["user", "roles", USERNAME, "boss"]).output
    assert f"flask user factors {USERNAME} --invite" in said
    said = runner.invoke(args=["user", "roles", USERNAME, "editor"]).output
    assert "--invite" not in said
