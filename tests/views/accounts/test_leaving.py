"""People take their data with them; who deletes the account leaves nothing behind."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import Model, db, delete_user, login_required
from secure_flask.accounts import former_addresses, user_deleted
from secure_flask.accounts.leaving import OWN_TABLES
from secure_flask.accounts.outbox import HOUR
from secure_flask.accounts.steps import Step
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.models import User
from core import routes
from core.accounts import full_accounts
from core.accounts.observing import statements
from tests.page_elements import Elements
from views.accounts.people import (
    ADDRESS,
    CHANGE_EMAIL,
    IN_PRODUCTION,
    REGISTER,
    REGISTRATION,
    STRONG,
    delivered,
    give_address,
    link_in,
    mailed_link,
    send,
)
from views.conftest import (
    OWN,
    OWN_PAGE,
    USERNAME,
    Lines,
    MakeApp,
    Wait,
    add_user,
    every_token_type,
    grow_old,
    is_logged_in,
    log_in,
    log_in_by_form,
    post,
    stored_user,
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


def rows_of(app: Flask, user_id: Any) -> set[str]:
    """The tables with a row that refers to a user."""
    keys = [key for table in Model.metadata.tables.values() for key in table.foreign_keys]
    columns = [key.parent for key in keys if key.target_fullname == "users.id"]
    with app.app_context():
        found = [db.session.scalar(select(each).where(each == user_id)) for each in columns]
    return {each.table.name for each, row in zip(columns, found, strict=True) if row}


@pytest.mark.asvs("7.4.2")
@every_token_type
def test_the_account_and_its_logins_are_gone_and_others_stay(app: Flask) -> None:
    clients = [app.test_client() for _ in range(2)]
    logins = [(client, log_in(client)) for client in clients]
    other = app.test_client()
    others = log_in(other, username=OTHER)
    assert leave(*logins[0]).status_code == 204
    assert [is_logged_in(*login) for login in logins] == [False, False]
    assert is_logged_in(other, others)
    assert names(app) == {OTHER}


def test_no_row_of_the_account_is_left(app: Flask, client: FlaskClient) -> None:
    credentials = log_in(client)
    full_accounts.fill(app)
    with stored_user(app) as user:
        user_id = user.id
    assert rows_of(app, user_id) == OWN_TABLES
    leave(client, credentials)
    assert rows_of(app, user_id) == set()


def test_no_link_to_the_address_makes_the_account_again(app: Flask, client: FlaskClient) -> None:
    registration = {**REGISTRATION, "email": ADDRESS.upper()}
    send(client, REGISTER, {**registration})
    link = mailed_link(app)
    send(client, REGISTER, {**registration})
    give_address(app)
    leave(client, log_in(client))
    assert send(client, link, {"new_password": STRONG}).status_code == 404
    assert [mail["To"] for mail in delivered(app)][1:] == [ADDRESS]
    with app.app_context():
        assert db.session.scalars(select(Step)).all() == []


def test_rows_of_your_tables_go_with_their_owner_alone(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with full_accounts.own_tables(app, monkeypatch):
        full_accounts.add_note(app)
        full_accounts.add_note(app, OTHER, phone="555 0199")
        assert leave(client, log_in(client)).status_code == 204
        left = [note.phone for note in db.session.scalars(select(full_accounts.Note))]
        assert left == ["555 0199"]
        assert len(db.session.execute(select(full_accounts.stars)).all()) == 1


@pytest.mark.asvs("2.3.3")
def test_a_row_that_the_database_keeps_undoes_everything(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials = log_in(client)
    give_address(app)
    with full_accounts.own_tables(app, monkeypatch):
        with stored_user(app) as user:
            db.session.execute(full_accounts.bills.insert().values(user_id=user.id))
        assert leave(client, credentials).status_code == 409
        assert names(app) == {USERNAME, OTHER}
    assert is_logged_in(client, credentials)
    assert delivered(app) == []


def test_the_address_gets_one_last_mail(app: Flask, client: FlaskClient) -> None:
    credentials = log_in(client)
    full_accounts.fill(app)
    leave(client, credentials)
    mails = delivered(app)
    # The former address of this week too.
    assert [mail["To"] for mail in mails] == [ADDRESS, full_accounts.FORMER_ADDRESS]
    assert all(USERNAME in mail.get_content() for mail in mails)


def test_a_thief_who_takes_the_address_and_the_account_cannot_hide_it(
    app: Flask, client: FlaskClient
) -> None:
    give_address(app)
    credentials = log_in(client)
    for address in ("thief@example.net", "other@example.net"):
        send(client, "/change-email", {"email": address}, credentials)
        [*_, link] = [mail for mail in delivered(app) if mail["To"] == address]
        assert send(client, link_in(link), {}, credentials).status_code == 200
    seen = len(delivered(app))
    # The account is deleted before the mails about this change are sent.
    send(client, "/change-email", {"email": "third@example.net"}, credentials)
    leave(client, credentials)
    mails = delivered(app)[seen:]
    gone = [mail["To"] for mail in mails if "was deleted" in mail["Subject"]]
    assert sorted(gone) == sorted([ADDRESS, "thief@example.net", "other@example.net"])


def test_an_address_of_more_than_a_week_ago_hears_nothing(
    app: Flask, client: FlaskClient, wait: Wait
) -> None:
    with stored_user(app) as user:
        former_addresses.remember_address(user, "old@example.org")
        wait(former_addresses.KEPT)
        former_addresses.remember_address(user, "former@example.org")
    leave(client, log_in(client))
    assert [mail["To"] for mail in delivered(app)] == ["former@example.org"]
    with app.app_context():
        assert db.session.scalars(select(former_addresses.FormerAddress)).all() == []


@pytest.mark.asvs("7.5.1")
def test_strangers_and_old_logins_get_and_delete_nothing(app: Flask, client: FlaskClient) -> None:
    answers = [leave(client, {}), client.get(DATA)]
    credentials = log_in(client)
    grow_old(app)
    answers += [leave(client, credentials), client.get(DATA, headers=credentials)]
    assert [answer.status_code for answer in answers] == [401] * 4
    assert not any("account" in answer.text for answer in answers)
    assert names(app) == {USERNAME, OTHER}


def test_your_receiver_hears_of_it_while_the_rows_are_there(
    app: Flask, client: FlaskClient
) -> None:
    heard: list[Any] = []

    def receive(user: User) -> None:
        heard.append((user.name, db.session.get(User, user.id) is user))

    with user_deleted.connected_to(receive):
        leave(client, log_in(client))
    assert heard == [(USERNAME, True)]


def test_an_operator_deletes_as_much_as_the_user_does(app: Flask) -> None:
    full_accounts.fill(app)
    with stored_user(app) as user:
        user_id = user.id
    heard: list[str] = []

    def receive(user: User) -> None:
        heard.append(user.name)

    with user_deleted.connected_to(receive):
        deleted = app.test_cli_runner().invoke(args=["user", "delete", USERNAME])
    assert (deleted.exit_code, heard) == (0, [USERNAME])
    assert rows_of(app, user_id) == set()
    mail = delivered(app)[0]
    assert (mail["To"], "was deleted" in mail["Subject"]) == (ADDRESS, True)


def test_the_log_has_one_line_for_whom_an_operator_deletes(make_app: MakeApp, lines: Lines) -> None:
    app = make_app(**IN_PRODUCTION)
    lines()
    deleted = app.test_cli_runner().invoke(args=["user", "delete", USERNAME])
    [line] = [json.loads(each) for each in deleted.stderr.splitlines() if "user_id" in each]
    assert (line["event"], line["by"]) == ("user_deleted", "command line")


def test_who_deletes_somebody_else_in_a_view_stays_logged_in(app: Flask) -> None:
    give_address(app)

    @app.post("/test-delete")
    @login_required
    def delete() -> str:
        delete_user(db.session.scalars(select(User).where(User.name == USERNAME)).one())
        return ""

    other = app.test_client()
    others = log_in(other, username=OTHER)
    assert other.post("/test-delete", headers=OWN_PAGE | others).status_code == 200
    assert is_logged_in(other, others)
    assert [mail["To"] for mail in delivered(app)] == [ADDRESS]


def test_a_receiver_that_fails_keeps_the_account(app: Flask, client: FlaskClient) -> None:
    def fail(user: User) -> None:
        raise RuntimeError("The files are locked.")

    credentials = log_in(client)
    give_address(app)
    with user_deleted.connected_to(fail):
        assert leave(client, credentials).status_code == 500
    assert is_logged_in(client, credentials)
    assert delivered(app) == []


def test_the_log_says_who_left(make_app: MakeApp, lines: Lines) -> None:
    client = make_app(**IN_PRODUCTION).test_client()
    headers = log_in(client)
    lines()
    leave(client, headers)
    [line] = [line for line in lines() if line["event"] == "user_deleted"]
    assert line["user_id"]
    assert USERNAME not in line.values()


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


@every_token_type
def test_a_browser_is_told_to_forget(app: Flask, client: FlaskClient, token_type: str) -> None:
    headers = leave(client, log_in(client)).headers
    assert ("Clear-Site-Data" in headers) is (token_type == "session")
    assert ("Max-Age=0" in headers.get("Set-Cookie", "")) is (token_type == "session")


@pytest.mark.asvs("3.5.1")
def test_no_other_site_deletes_the_account(app: Flask, client: FlaskClient) -> None:
    log_in_by_form(client)
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {}):
        assert post(client, PAGE, headers).status_code == 403
    assert names(app) == {USERNAME, OTHER}


def test_on_the_page_an_old_login_enters_the_password_first(
    app: Flask, client: FlaskClient
) -> None:
    log_in_by_form(client)
    grow_old(app)
    for answer in (client.get(PAGE, headers=OWN), post(client, PAGE)):
        assert answer.status_code == 303
        assert answer.location.startswith("/reauthenticate")
    assert names(app) == {USERNAME, OTHER}


def test_an_account_that_is_deleted_twice_at_once_gets_one_mail(
    make_app: MakeApp, tmp_path: Path
) -> None:
    app = make_app(database_url=f"sqlite:///{tmp_path}/app.db")
    give_address(app)
    first, second = ((client := app.test_client(), log_in(client)) for _ in range(2))

    def overtake(user: User) -> None:
        user_deleted.disconnect(overtake)
        assert leave(*second).status_code == 204

    with user_deleted.connected_to(overtake):
        assert leave(*first).status_code in (204, 401)
    assert len(delivered(app)) == 1
    assert names(app) == set()


def download(app: Flask, username: str = USERNAME) -> TestResponse:
    client = app.test_client()
    return client.get(DATA, headers=log_in(client, username=username))


def data(app: Flask) -> dict[str, Any]:
    """What a user with a row in each table gets, whose second factor is not asked for here."""
    client = app.test_client()
    credentials = log_in(client)
    full_accounts.fill(app)
    return dict(client.get(DATA, headers=credentials).get_json())


@pytest.mark.asvs("14.2.2")
def test_the_data_are_a_file_that_no_cache_keeps(app: Flask) -> None:
    answer = download(app)
    assert answer.headers["Content-Disposition"] == 'attachment; filename="personal-data.json"'
    assert answer.cache_control.no_store


def test_all_that_the_account_has_is_in_the_data(app: Flask) -> None:
    found = data(app)
    account = found["account"]
    assert (account["name"], account["email"]) == (USERNAME, ADDRESS)
    assert found["roles"] == [full_accounts.ROLE]
    assert [login["current"] for login in found["logins"]] == [True]
    assert found["passkeys"] == [full_accounts.PASSKEY]
    assert (found["recovery_codes"], found["trusted_networks"]) == (8, 1)
    assert found["unconfirmed_emails"] == [full_accounts.NEW_ADDRESS]
    assert found["former_emails"] == [full_accounts.FORMER_ADDRESS]
    assert found["tables"].keys().isdisjoint(OWN_TABLES)


def test_no_secret_is_in_the_data(app: Flask) -> None:
    text = json.dumps(data(app))
    with stored_user(app) as user:
        stored = [user.password_hash, full_accounts.TOTP_SECRET]
        raw_address = vars(user)["email_encrypted"]
        for raw in (full_accounts.HASH, full_accounts.CREDENTIAL, raw_address):
            stored += [raw.hex(), base64.b64encode(raw).decode().rstrip("=")]
    assert [secret for secret in stored if secret in text] == []


@pytest.mark.asvs("8.2.2")
def test_rows_of_your_tables_are_in_the_data_of_their_owner(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with full_accounts.own_tables(app, monkeypatch):
        full_accounts.add_note(app)
        full_accounts.add_note(app, OTHER, phone="555 0199")
        tables = download(app).get_json()["tables"]
    assert tables.keys() == {"probe_notes", "probe_stars", "probe_letters"}
    [note], [star] = tables["probe_notes"], tables["probe_stars"]
    fields = {"id", "owner_id", "reader_id", "written", "picture", "phone", "facts"}
    assert note.keys() == fields
    assert (note["phone"], note["facts"]) == ("555 0100", {"owls": 7})
    assert (note["written"], note["picture"]) == ("2027-01-31T12:30:00", "_w==")
    assert star["note_id"] == note["id"]


@pytest.mark.asvs("6.3.8")
def test_the_data_do_not_tell_whether_a_new_address_is_known(
    app: Flask, client: FlaskClient, wait: Wait
) -> None:
    """An address that waits is shown for the same time, known or not."""
    known, unknown = "bob@example.org", "nobody@example.org"
    give_address(app)
    give_address(app, known, to=OTHER)
    credentials = log_in(client)
    for email in (known, unknown):
        assert send(client, CHANGE_EMAIL, {"email": email}, credentials).status_code == 200
    wait(20 * 60)
    delivered(app)
    for waited, shown in ((0, {known, unknown}), (59 * 60, {known, unknown}), (HOUR, set())):
        wait(waited)
        assert set(download(app).get_json()["unconfirmed_emails"]) == shown


def test_a_row_that_refers_to_two_users_is_in_the_data_of_both(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with full_accounts.own_tables(app, monkeypatch):
        full_accounts.add_letters(app, (USERNAME, OTHER), (OTHER, USERNAME), (USERNAME, USERNAME))
        full_accounts.add_letters(app, (OTHER, OTHER))
        for name in (USERNAME, OTHER):
            letters = download(app, name).get_json()["tables"]["probe_letters"]
            assert len(letters) == 3


def test_the_data_take_as_many_statements_for_ten_rows_as_for_one(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = app.test_client()
    credentials = log_in(client)
    with full_accounts.own_tables(app, monkeypatch):
        numbers = []
        for notes in (1, 9):
            for _ in range(notes):
                full_accounts.add_note(app)
            with statements(app) as sent:
                client.get(DATA, headers=credentials)
            numbers.append(len(sent))
    assert numbers[0] == numbers[1]
