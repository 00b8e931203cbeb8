"""What people download about themselves: everything that is theirs, and no secret."""

import base64
import json
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update
from werkzeug.test import TestResponse

from app.auth import users
from app.auth.grants import Grant
from app.db import db
from app.security.origins import PolicyError
from tests import routes
from tests.accounts.leaving import full_account
from tests.conftest import PASSWORD, USERNAME, MakeApp, log_in, stored_user

PATH = routes.path_of("personal_data.download")
OTHER = "bob"


def download(app: Flask, username: str = USERNAME) -> TestResponse:
    client = app.test_client()
    return client.get(PATH, headers=log_in(client, username=username))


def data(app: Flask) -> dict[str, Any]:
    """What a user with one row in each table gets, whose second factor is not asked for here."""
    client = app.test_client()
    credentials = log_in(client)
    full_account.fill(app)
    return dict(client.get(PATH, headers=credentials).get_json())


@pytest.mark.asvs("14.2.2")
def test_it_is_a_file_that_no_cache_keeps(app: Flask) -> None:
    answer = download(app)
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"] == 'attachment; filename="personal-data.json"'
    assert answer.cache_control.no_store


def test_all_that_the_account_has_is_in_it(app: Flask) -> None:
    found = data(app)
    account = found["account"]
    assert (account["name"], account["email"]) == (USERNAME, full_account.EMAIL)
    assert found["roles"] == [full_account.ROLE]
    assert [login["current"] for login in found["logins"]] == [True]
    assert [(each["name"], each["usage"]) for each in found["passkeys"]] == [("Phone", "secondary")]
    assert (found["authenticator_app"], found["recovery_codes"]) == (True, 1)
    assert (found["unconfirmed_emails"], found["trusted_networks"]) == ([full_account.NEW_EMAIL], 1)


def test_no_secret_is_in_it(app: Flask) -> None:
    text = json.dumps(data(app))
    with stored_user(app) as user:
        stored = [user.password_hash, full_account.TOTP_SECRET]
        for raw in (full_account.HASH, full_account.CREDENTIAL, user.email_encrypted):
            stored += [raw.hex(), base64.b64encode(raw).decode().rstrip("=")]
    assert [secret for secret in stored if secret in text] == []


def test_rows_of_your_tables_are_in_it_as_their_owner_knows_them(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with full_account.own_tables(app, monkeypatch):
        full_account.add_note(app)
        tables = download(app).get_json()["tables"]
    [note], [star] = tables["probe_notes"], tables["probe_stars"]
    assert note.keys() == {"id", "owner_id", "written", "picture", "phone", "facts"}
    assert (note["phone"], note["facts"]) == ("555 0100", {"owls": 7})
    assert (note["written"], note["picture"]) == ("2027-01-31T12:30:00", "_w==")
    assert star["note_id"] == note["id"]


@pytest.mark.asvs("8.2.2")
def test_rows_of_others_are_not_in_it(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    with app.app_context():
        users.create(OTHER, PASSWORD)
    with full_account.own_tables(app, monkeypatch):
        full_account.add_note(app)
        full_account.add_note(app, OTHER, phone="555 0199")
        tables = download(app, OTHER).get_json()["tables"]
    assert [note["phone"] for note in tables["probe_notes"]] == ["555 0199"]
    assert len(tables["probe_stars"]) == 1


@pytest.mark.asvs("7.5.1")
def test_strangers_and_old_logins_get_nothing(app: Flask, client: FlaskClient) -> None:
    assert client.get(PATH).status_code == 401
    credentials = log_in(client)
    with app.app_context():
        db.session.execute(update(Grant).values(issued=Grant.issued - 301))
        db.session.commit()
    refused = client.get(PATH, headers=credentials)
    assert (refused.status_code, "account" in refused.text) == (401, False)


@pytest.mark.parametrize(
    "named",
    [{"probe_nothing": "owner_id"}, {"grants": "user_id"}, {"users": "id"}, ["tasks"]],
    ids=["no table", "a table of accounts", "a column that refers to nobody", "a list"],
)
def test_a_name_that_fits_no_table_stops_the_app(make_app: MakeApp, named: object) -> None:
    with pytest.raises(PolicyError, match=r"policy\.py: PERSONAL_DATA .* Write "):
        make_app(PERSONAL_DATA=named)
