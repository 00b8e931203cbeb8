"""The account: users see themselves, end their logins and change their password."""

import secrets
import time
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import testing
from werkzeug.test import TestResponse

from tests.conftest import BROWSER, NAME, PASSWORD, MakeApp, add_user, log_in
from tests.probes import KEEP_STATUS

WRONG = "not this password either"


def call(client: FlaskClient, endpoint: str, method: str = "GET", **options: Any) -> TestResponse:
    """Call a route of the account by its endpoint; parameters go before the options of a request."""
    values = {name: options.pop(name) for name in ("login_id",) if name in options}
    path = testing.path_of(client.application, f"account.{endpoint}", **values)
    return client.open(path, method=method, **options)


def is_logged_in(client: FlaskClient) -> bool:
    return call(client, "me").status_code == 200


def logins(client: FlaskClient) -> list[dict[str, Any]]:
    return list(call(client, "list_sessions").get_json()["sessions"])


def change_password(client: FlaskClient, current: str, new: str) -> TestResponse:
    return call(client, "change", "POST", json={"current_password": current, "new_password": new})


@pytest.fixture
def new_password(app: Flask) -> str:
    # The letters are in no row of keys. Without vowels they contain no name of a user.
    digits = [secrets.choice("0123456789") for _ in range(app.config["PASSWORD_MIN_LENGTH"])]
    return "zgkvxbwmfhqt" + "".join(digits)


def test_users_see_themselves_without_the_hash_of_their_password(ada: FlaskClient) -> None:
    me = call(ada, "me")
    assert me.get_json()["username"] == NAME
    assert "argon2" not in me.text


def test_the_page_names_the_user(ada: FlaskClient) -> None:
    page = call(ada, "show", headers=BROWSER)
    assert page.status_code == 200
    assert NAME in page.text


@pytest.mark.parametrize("endpoint", ["me", "list_sessions", "show"])
def test_a_visitor_sees_nothing(client: FlaskClient, endpoint: str) -> None:
    assert call(client, endpoint).status_code == 401


def test_users_see_where_they_are_logged_in(app: Flask, ada: FlaskClient) -> None:
    log_in(app)
    assert sorted(login["current"] for login in logins(ada)) == [False, True]


def test_users_end_one_of_their_logins(app: Flask, ada: FlaskClient) -> None:
    stolen = log_in(app)
    [other] = [login["id"] for login in logins(ada) if not login["current"]]
    assert call(ada, "end_session", "DELETE", login_id=other).status_code == 204
    assert not is_logged_in(stolen)
    assert is_logged_in(ada)


def test_users_end_all_their_other_logins(app: Flask, ada: FlaskClient) -> None:
    others = [log_in(app) for _ in range(2)]
    assert call(ada, "end_other_sessions", "DELETE").status_code == 204
    assert [is_logged_in(each) for each in (ada, *others)] == [True, False, False]


def test_nobody_ends_the_login_of_another_user(app: Flask, ada: FlaskClient) -> None:
    add_user(app, "bob")
    bob = log_in(app, "bob")
    [login] = logins(ada)
    refused = call(bob, "end_session", "DELETE", login_id=login["id"])
    assert refused.status_code == 404, KEEP_STATUS
    assert call(bob, "end_other_sessions", "DELETE").status_code == 204
    assert is_logged_in(ada)


def test_a_new_password_replaces_the_old_one_and_ends_the_other_logins(
    app: Flask, ada: FlaskClient, new_password: str
) -> None:
    thief = log_in(app)
    assert change_password(ada, PASSWORD, new_password).status_code == 200
    assert not is_logged_in(thief)
    assert is_logged_in(log_in(app, password=new_password))
    with pytest.raises(AssertionError, match="401"):
        log_in(app)


def test_the_current_password_is_needed_to_change_it(
    app: Flask, ada: FlaskClient, new_password: str
) -> None:
    assert change_password(ada, WRONG, new_password).status_code == 403
    assert is_logged_in(log_in(app))


def test_a_weak_password_is_refused(app: Flask, ada: FlaskClient) -> None:
    short = secrets.token_urlsafe(99)[: app.config["PASSWORD_MIN_LENGTH"] - 1]
    weak = (short, "", app.config["PROJECT_NAME"] * 5)
    statuses = {each: change_password(ada, PASSWORD, each).status_code for each in weak}
    # A model refuses an empty one.
    assert statuses == dict.fromkeys(weak, 400) | {"": app.config["INVALID_STATUS"]}


def test_the_page_changes_the_password(app: Flask, ada: FlaskClient, new_password: str) -> None:
    form = {"current_password": PASSWORD, "new_password": new_password}
    response = call(ada, "change_by_form", "POST", data=form, headers=BROWSER)
    assert response.status_code == 303
    assert is_logged_in(log_in(app, password=new_password))


def test_an_old_login_has_to_show_the_password_again(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, new_password: str
) -> None:
    """A thief who finds an open browser does not get the account."""
    app = make_app(TOKEN_TYPE="session", LOGIN_IDLE=None, LOGIN_LIFETIME=None)
    ada = log_in(app)
    later = time.time() + 59 * 60
    monkeypatch.setattr(time, "time", lambda: later)
    assert is_logged_in(ada)
    assert change_password(ada, PASSWORD, new_password).status_code == 401
    again = testing.path_of(app, "login.enter_password_again")
    assert ada.post(again, json={"password": WRONG}).status_code == 403
    renewed = ada.post(again, json={"password": PASSWORD})
    assert renewed.status_code == 200
    assert change_password(ada, PASSWORD, new_password).status_code == 200


def test_password_managers_find_the_page(client: FlaskClient) -> None:
    response = client.get("/.well-known/change-password")
    assert response.location == testing.path_of(client.application, "account.show"), (
        "This address is fixed: register the view in a blueprint without url_prefix."
    )
