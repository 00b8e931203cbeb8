"""A role that demands a second factor, given while its user is logged in."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import roles_required

from core import routes
from core.accounts.devices import STEP, code_of
from views.accounts.devices import (
    WAN_SIGNIN,
    WAN_VERIFY,
    add_app,
    add_passkey,
    login_of,
    send_code,
    use,
)
from views.accounts.people import STRONG, Headers, begin_login, give_address, send
from views.accounts.test_factor_changes import INVITATION
from views.conftest import (
    LOGIN,
    OWN,
    PASSWORD,
    MakeApp,
    Wait,
    assert_leads_to,
    every_token_type,
    give_roles,
    log_in_by_form,
    post,
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

    return app


def opens(client: FlaskClient, credentials: Headers) -> int:
    return client.get(BOSS, headers=credentials).status_code


@with_and_without_bearer
def test_a_browser_is_led_to_the_login(app: Flask, client: FlaskClient) -> None:
    log_in_by_form(client)
    give_roles(app, "boss")
    login = f"/login?next={BOSS}"
    assert_leads_to(client.get(BOSS, headers=OWN), login)
    assert "<form" in client.get(login, headers=OWN).text.partition("<main")[2]
    step = post(client, login, **LOGIN)
    assert_leads_to(step, f"/tf-validate?next={BOSS}")
    invitation = client.get(step.headers["Location"], headers=OWN)
    assert_leads_to(invitation, f"{INVITATION}?next={BOSS}")


@pytest.mark.asvs("6.3.3")
@every_token_type
def test_only_a_login_by_both_factors_opens_what_its_role_may_and_goes_on(
    app: Flask, client: FlaskClient, credentials: Headers, wait: Wait
) -> None:
    """Also with a new password, and after it was confirmed."""
    secret = add_app(client, credentials)
    device = add_passkey(client, credentials)
    give_roles(app, "boss")
    wait(STEP)
    statuses = [opens(client, credentials)]
    credentials = login_of(send_code(client, begin_login(client), code_of(secret)))
    statuses.append(opens(client, credentials))
    change: dict[str, object] = {"current_password": PASSWORD, "new_password": STRONG}
    credentials = login_of(send(client, routes.PASSWORD, change, credentials))
    statuses.append(opens(client, credentials))
    wait(STEP)
    begun = send(client, routes.REAUTHENTICATE, {"password": STRONG}, credentials).get_json()
    credentials = login_of(send_code(client, {"tf_token": begun["tf_token"]}, code_of(secret)))
    statuses.append(opens(client, credentials))
    statuses.append(opens(client, login_of(use(client, WAN_VERIFY, device, credentials))))
    done = use(client, WAN_SIGNIN, device)
    statuses.append(opens(client, login_of(done)))
    if "refresh_token" in done.get_json():
        body = {"refresh_token": done.get_json()["refresh_token"]}
        statuses.append(opens(client, login_of(client.post(routes.REFRESH, json=body))))
    assert statuses == [401] + [200] * (len(statuses) - 1)
