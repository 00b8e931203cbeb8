"""The page of people beside self-service accounts: second factors, and who may leave."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from core import routes
from views.accounts.conftest import OTHER
from views.accounts.devices import add_app
from views.conftest import (
    OWN,
    OWN_PAGE,
    Configure,
    add_user,
    give_roles,
    log_in,
    log_in_by_form,
    post,
    stored_user,
)

INVITE = "flask user factors NAME --invite"
LEAVE = "/account/delete"
ONLY_ADMIN = "You are the only admin. Make somebody else an admin first"


@pytest.fixture
def admin(app: Flask, client: FlaskClient) -> FlaskClient:
    give_roles(app, "admin")
    add_user(app, OTHER)
    return log_in_by_form(client)


def shown(admin: FlaskClient) -> str:
    with stored_user(admin.application, OTHER) as user:
        path = f"/people/{user.id}"
    return admin.get(path, headers=OWN).text


def test_the_page_of_a_person_says_which_role_demands_a_second_step_and_how_to_begin(
    admin: FlaskClient, configure: Configure
) -> None:
    assert "second step" not in shown(admin)
    app = admin.application
    configure(app, SECOND_FACTOR_ROLES=["editor"])
    assert "demands a second step at login: editor" in shown(admin)
    other = app.test_client()
    credentials = log_in(other, username=OTHER)
    said = [INVITE in shown(admin)]
    give_roles(app, "editor", to=OTHER)
    said.append(INVITE in shown(admin))
    give_roles(app, to=OTHER)
    add_app(other, credentials)
    give_roles(app, "editor", to=OTHER)
    said.append(INVITE in shown(admin))
    # Who has a second step needs no code.
    assert said == [False, True, False]


@pytest.mark.parametrize(
    ("roles", "disabled", "leaves"),
    [((), False, False), (("admin",), True, False), (("admin",), False, True)],
)
def test_the_last_admin_who_can_log_in_cannot_leave(
    app: Flask, admin: FlaskClient, roles: tuple[str, ...], disabled: bool, leaves: bool
) -> None:
    give_roles(app, *roles, to=OTHER)
    with stored_user(app, OTHER) as user:
        user.disabled = disabled
    answer = post(admin, LEAVE)
    assert (answer.status_code, ONLY_ADMIN in answer.text) == (200 if leaves else 409, not leaves)
    if not leaves:
        assert admin.delete(routes.ME, headers=OWN_PAGE).status_code == 409
        described = admin.get(routes.OPENAPI).get_json()["paths"]
        assert "409" in described[routes.ME]["delete"]["responses"]
