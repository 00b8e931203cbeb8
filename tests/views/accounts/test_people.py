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
    MakeApp,
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


def test_the_page_of_a_person_says_which_role_demands_a_second_step(
    make_app: MakeApp,
) -> None:
    app = make_app(SECOND_FACTOR_ROLES=["editor"])
    give_roles(app, "admin")
    add_user(app, OTHER)
    admin = log_in_by_form(app.test_client())
    assert "demands a second step at login: editor" in shown(admin)
    assert INVITE not in shown(admin)
    give_roles(app, "editor", to=OTHER)
    assert INVITE in shown(admin)


def test_who_has_a_second_step_needs_no_code(make_app: MakeApp) -> None:
    app = make_app(SECOND_FACTOR_ROLES=["editor"])
    give_roles(app, "admin")
    add_user(app, OTHER)
    other = app.test_client()
    add_app(other, log_in(other, username=OTHER))
    give_roles(app, "editor", to=OTHER)
    assert INVITE not in shown(log_in_by_form(app.test_client()))


def test_where_no_role_demands_one_the_page_says_nothing_of_it(admin: FlaskClient) -> None:
    assert "second step" not in shown(admin)


def test_the_only_admin_cannot_leave(app: Flask, admin: FlaskClient) -> None:
    answer = post(admin, LEAVE)
    assert answer.status_code == 409
    assert ONLY_ADMIN in answer.text
    assert admin.get("/people", headers=OWN).status_code == 200


def test_an_admin_who_is_locked_out_is_none_who_is_left(app: Flask, admin: FlaskClient) -> None:
    give_roles(app, "admin", to=OTHER)
    with stored_user(app, OTHER) as user:
        user.disabled = True
    assert admin.delete(routes.ME, headers=OWN_PAGE).status_code == 409


@pytest.mark.parametrize("role", ["admin", "editor"])
def test_others_leave(app: Flask, admin: FlaskClient, role: str) -> None:
    give_roles(app, role, to=OTHER)
    other = log_in_by_form(app.test_client(), username=OTHER)
    assert post(other, LEAVE).status_code == 200
    assert admin.get("/people", headers=OWN).status_code == 200


def test_of_two_admins_one_leaves(app: Flask, admin: FlaskClient) -> None:
    give_roles(app, "admin", to=OTHER)
    assert post(admin, LEAVE).status_code == 200


@pytest.mark.parametrize(("path", "method"), [(LEAVE, "post"), (routes.ME, "delete")])
def test_the_openapi_document_says_that_who_leaves_may_be_refused(
    client: FlaskClient, path: str, method: str
) -> None:
    described = client.get("/openapi.json").get_json()["paths"][path][method]
    assert "409" in described["responses"]
