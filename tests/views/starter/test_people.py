"""What the page of people keeps beyond its own tests in the project."""

from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import db
from sqlalchemy import update

from app import people
from app.models import User
from views.conftest import (
    OWN,
    USERNAME,
    add_user,
    give_roles,
    grow_old,
    log_in_by_form,
    post,
    stored_user,
)

OTHER = "grace"
ACTIONS = ["roles", "logout", "disable", "enable"]


@pytest.fixture
def admin(app: Flask, client: FlaskClient) -> FlaskClient:
    give_roles(app, "admin")
    add_user(app, OTHER)
    return log_in_by_form(client)


def address(app: Flask, action: str = "") -> str:
    with stored_user(app, OTHER) as user:
        return f"/people/{user.id}/{action}".rstrip("/")


@pytest.mark.parametrize("action", ACTIONS)
def test_of_two_admins_who_lock_each_other_out_at_the_same_moment_one_stays(
    app: Flask, admin: FlaskClient, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    find = people._find_to_change

    def find_later(user_id: UUID) -> User:
        db.session.execute(update(User).where(User.name == USERNAME).values(disabled=True))
        db.session.commit()
        return find(user_id)

    monkeypatch.setattr(people, "_find_to_change", find_later)
    assert post(admin, address(app, action)).status_code == 403
    with stored_user(app, OTHER) as user:
        assert (user.disabled, user.role_names) == (False, [])


@pytest.mark.parametrize("stored", [None, b"damaged"], ids=["no address", "a damaged address"])
def test_a_person_whose_address_does_not_decrypt_is_shown(
    app: Flask, admin: FlaskClient, stored: bytes | None
) -> None:
    with stored_user(app, OTHER) as user:
        user.email_encrypted = stored
    page = admin.get(address(app), headers=OWN)
    assert page.status_code == 200
    assert "<dt>E-mail</dt><dd>None</dd>" in page.text


def test_the_page_of_a_person_asks_for_the_password_first(app: Flask, admin: FlaskClient) -> None:
    grow_old(app)
    answers = [admin.get(address(app), headers=OWN)]
    answers += [post(admin, address(app, action)) for action in ACTIONS]
    led_to = {answer.headers.get("Location", "").partition("?")[0] for answer in answers}
    assert led_to == {"/reauthenticate"}
