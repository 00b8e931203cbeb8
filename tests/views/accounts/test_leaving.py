"""The page on which people take their data with them and delete the account, and its JSON."""

from typing import cast

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient
from secure_flask import Role, current_user, db, login_required
from secure_flask.accounts import personal_data
from sqlalchemy import QueuePool, select
from werkzeug.test import TestResponse

from app.models import User
from core import routes
from tests.page_elements import Elements
from views.conftest import (
    OWN,
    OWN_PAGE,
    USERNAME,
    MakeApp,
    add_user,
    every_token_type,
    grow_old,
    is_logged_in,
    log_in,
    log_in_by_form,
    post,
)

DATA, PAGE = "/me/data", "/account/delete"
OTHER = "bob"

Headers = dict[str, str]


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """An app with two users, and no mail yet."""
    app = make_app(PROPAGATE_EXCEPTIONS=False)
    add_user(app, OTHER)
    return app


def leave(client: FlaskClient, headers: Headers) -> TestResponse:
    return client.delete(routes.ME, headers=OWN_PAGE | headers)


def names(app: Flask) -> set[str]:
    with app.app_context():
        return set(db.session.scalars(select(User.name)))


@every_token_type
def test_a_user_deletes_the_account_and_a_browser_forgets_it(
    app: Flask, client: FlaskClient, token_type: str
) -> None:
    elsewhere = app.test_client()
    credentials = log_in(elsewhere)
    answer = leave(client, log_in(client))
    assert (answer.status_code, names(app)) == (204, {OTHER})
    assert not is_logged_in(elsewhere, credentials)
    headers = answer.headers
    assert ("Clear-Site-Data" in headers) is (token_type == "session")
    assert ("Max-Age=0" in headers.get("Set-Cookie", "")) is (token_type == "session")


@pytest.mark.asvs("7.5.1")
def test_strangers_and_old_logins_get_and_delete_nothing(app: Flask, client: FlaskClient) -> None:
    answers = [leave(client, {}), client.get(DATA)]
    credentials = log_in(client)
    grow_old(app)
    answers += [leave(client, credentials), client.get(DATA, headers=credentials)]
    assert [answer.status_code for answer in answers] == [401] * 4
    assert not any("account" in answer.text for answer in answers)
    # On the page they enter the password first.
    log_in_by_form(client)
    grow_old(app)
    answers = [client.get(PAGE, headers=OWN), post(client, PAGE)]
    assert [each.status_code for each in answers] == [303, 303]
    assert [each.location.partition("?")[0] for each in answers] == [routes.REAUTHENTICATE] * 2
    assert names(app) == {USERNAME, OTHER}


def test_the_page_offers_the_data_and_its_form_deletes_the_account(
    app: Flask, client: FlaskClient
) -> None:
    log_in_by_form(client)
    page = client.get(PAGE).text
    assert DATA in [link["href"] for link in Elements(page).of("a")]
    answer = post(client, PAGE)
    assert answer.status_code == 200
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    # The page of somebody who is not logged in.
    assert routes.LOGOUT not in answer.text
    assert names(app) == {OTHER}
    assert not is_logged_in(client, OWN_PAGE)


@pytest.mark.asvs("14.2.2")
def test_the_data_are_a_file_that_no_cache_keeps(app: Flask) -> None:
    client = app.test_client()
    answer = client.get(DATA, headers=log_in(client))
    assert answer.get_json()["account"]["name"] == USERNAME
    assert answer.headers["Content-Disposition"] == 'attachment; filename="personal-data.json"'
    assert answer.cache_control.no_store
    assert answer.headers["Content-Type"] == "application/json"


def test_a_client_that_goes_halfway_leaves_nothing_open(file_app: Flask) -> None:
    client = file_app.test_client()
    credentials = log_in(client)
    client.head(DATA, headers=credentials)
    with client.get(DATA, headers=credentials, buffered=False) as answer:
        assert next(answer.iter_encoded()).startswith(b'{"account"')
    assert client.get(DATA, headers=credentials).get_json()["account"]["name"] == USERNAME
    with file_app.app_context():
        assert cast(QueuePool, db.engine.pool).checkedout() == 0


def test_an_address_downloads_twenty_times_a_minute(client: FlaskClient) -> None:
    credentials = log_in(client)
    statuses = [client.get(DATA, headers=credentials).status_code for _ in range(21)]
    assert statuses == [200] * 20 + [429]


def test_what_a_view_has_begun_is_neither_stored_nor_undone_by_the_data(make_app: MakeApp) -> None:
    """Of two roles that a view adds, the one is stored that the view commits."""
    app = make_app()

    def view() -> Response:
        db.session.add(Role(name="stored"))
        data = personal_data(current_user)
        db.session.commit()
        db.session.add(Role(name="dropped"))
        return Response(data)

    app.add_url_rule("/own-data", view_func=login_required(view))
    client = app.test_client()
    assert client.get("/own-data", headers=log_in(client)).get_json(force=True)["account"]
    with app.app_context():
        assert db.session.scalars(select(Role.name)).all() == ["stored"]
