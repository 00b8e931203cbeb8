"""People take their data with them; who deletes the account leaves nothing behind."""

import base64
import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NoReturn
from weakref import WeakSet

import pytest
from flask import Flask
from secure_flask import Model, accounts, current_user, db, login_required
from secure_flask.accounts import (
    delete_account,
    development_mails,
    email_change,
    leaving,
    personal_data,
    registration,
    user_deleted,
)
from secure_flask.accounts.leaving import OWN_TABLES
from secure_flask.accounts.outbox import HOUR
from secure_flask.accounts.steps import Step
from secure_flask.accounts.users import account_of
from secure_flask.auth import access
from secure_flask.auth.principal import current_login
from sqlalchemy import delete, event, select
from sqlalchemy.exc import IntegrityError
from werkzeug.exceptions import ServiceUnavailable

from core import shared
from core.accounts import full_accounts
from core.accounts.devices import AT_ONCE, at_once
from core.accounts.people import (
    ADDRESS,
    IN_PRODUCTION,
    NAME,
    OTHER,
    STRONG,
    add_user,
    downloaded,
    logged,
    mailed_token,
    new_login,
    operate,
    recipients,
    request_of,
    run_command,
    set_address,
    status_of,
    user_of,
)
from core.accounts.site import User
from core.conftest import USERNAME, Lines, MakeApp, Wait
from core.statements import SIZES, counted_statements


@pytest.fixture
def app(app: Flask) -> Flask:
    """An app with two users, of whom one has an address."""
    with app.app_context():
        set_address(ADDRESS)
        add_user()
    return app


def log_in(app: Flask, name: str = USERNAME) -> str:
    with app.app_context():
        return new_login(name)


def leave(app: Flask, secret: str = "") -> int:
    """Delete the account by this login, or by a new one."""
    with request_of(app, secret or log_in(app)):
        return status_of(lambda: delete_account(account_of(access.require_user())))


def is_logged_in(app: Flask, secret: str) -> bool:
    with request_of(app, secret):
        return current_login() is not None


def names(app: Flask) -> set[str]:
    with app.app_context():
        return set(db.session.scalars(select(User.name)))


def notified(app: Flask) -> list[str]:
    with app.app_context():
        return recipients()


def rows_of(app: Flask, user_id: Any) -> set[str]:
    """The tables with a row that refers to a user."""
    keys = [key for table in Model.metadata.tables.values() for key in table.foreign_keys]
    columns = [key.parent for key in keys if key.target_fullname == "users.id"]
    with app.app_context():
        found = [db.session.scalar(select(each).where(each == user_id)) for each in columns]
    return {each.table.name for each, row in zip(columns, found, strict=True) if row}


def filled(app: Flask) -> Any:
    """The id of the user, who has a row in each table now."""
    full_accounts.fill(app)
    with app.app_context():
        return user_of().id


@pytest.mark.asvs("7.4.2")
def test_the_account_and_its_logins_are_gone_and_others_stay(app: Flask) -> None:
    mine, elsewhere, others = log_in(app), log_in(app), log_in(app, OTHER)
    assert leave(app, mine) == 200
    assert [is_logged_in(app, each) for each in (mine, elsewhere, others)] == [False, False, True]
    assert names(app) == {OTHER}


def test_no_link_to_the_address_makes_the_account_again(app: Flask) -> None:
    with request_of(app):
        set_address(None)
        registration.request_registration(NAME, ADDRESS.upper(), STRONG)
        token = mailed_token()
        registration.request_registration(NAME, ADDRESS.upper(), STRONG)
        set_address(ADDRESS)
    leave(app)
    with request_of(app):
        chosen = {"password": None, "new_password": STRONG}
        assert status_of(registration.confirm_registration, token, **chosen) == 404
        assert recipients()[1:] == [ADDRESS]
        assert db.session.scalars(select(Step)).all() == []


def test_an_account_with_many_rows_goes_by_the_same_statements(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor do its data take more statements."""
    costs = []
    with full_accounts.own_tables(app, monkeypatch):
        for number in SIZES:
            add_user("grace")
            full_accounts.add_readings(app, range(number), "grace")
            full_accounts.add_note(app, "grace")
            db.session.remove()
            with request_of(app, log_in(app, "grace")):
                with counted_statements(db.engine) as of_data:
                    downloaded(user_of("grace"))
                with counted_statements(db.engine) as of_deletion:
                    delete_account(current_user)
            costs.append((len(of_data.statements), of_deletion.sizes))
    assert costs[0] == costs[1]


@pytest.mark.asvs("2.3.3")
def test_a_row_that_the_database_keeps_and_a_receiver_that_fails_undo_everything(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(user: User) -> None:
        raise RuntimeError("The files are locked.")

    secret = log_in(app)
    with user_deleted.connected_to(fail), pytest.raises(RuntimeError):
        leave(app, secret)
    with full_accounts.own_tables(app, monkeypatch):
        db.session.execute(full_accounts.bills.insert().values(user_id=user_of().id))
        db.session.commit()
        with pytest.raises(IntegrityError):
            leave(app, secret)
        assert names(app) == {USERNAME, OTHER}
    assert is_logged_in(app, secret)
    assert notified(app) == []


def test_a_thief_who_takes_the_address_and_the_account_cannot_hide_it(app: Flask) -> None:
    with request_of(app, log_in(app)):
        for address in ("thief@example.net", "other@example.net"):
            email_change.request_email_change(address)
            email_change.confirm_email_change(mailed_token(address), None)
        seen = len(recipients())
        # The account is deleted before the mails about this change are sent.
        email_change.request_email_change("third@example.net")
        delete_account(current_user)
        mails = development_mails()[seen:]
    gone = [mail["To"] for mail in mails if mail["Subject"] == "account_deleted"]
    assert sorted(gone) == sorted([ADDRESS, "thief@example.net", "other@example.net"])


def test_an_address_of_more_than_a_week_ago_hears_nothing(app: Flask, wait: Wait) -> None:
    with app.app_context():
        set_address(None)
        email_change.remember_address(user_of(), "old@example.org")
        wait(email_change.KEPT)
        email_change.remember_address(user_of(), "former@example.org")
        db.session.commit()
    leave(app)
    assert notified(app) == ["former@example.org"]
    with app.app_context():
        assert db.session.scalars(select(email_change.FormerAddress)).all() == []


# Who deletes it.


def test_a_login_that_ended_meanwhile_deletes_nothing_and_a_new_address_hears_too(
    app: Flask,
) -> None:
    secret, new = log_in(app), "new@example.org"
    with request_of(app, secret):
        assert current_login() is not None
        run_command(app, "user", "logout", USERNAME)
        assert status_of(delete_account, user_of()) == 401
    assert names(app) == {USERNAME, OTHER}
    with request_of(app, log_in(app)):
        user = user_of()
        operate(app, "user", "email", USERNAME, new)
        delete_account(user)
    assert {ADDRESS, new} <= {*notified(app)}


@pytest.mark.parametrize("by", ["the user", "command line"])
def test_no_row_is_left_and_all_learn_of_it_if_the_user_or_an_operator_deletes_the_account(
    app: Flask, caplog: pytest.LogCaptureFixture, by: str
) -> None:
    """Your receiver hears of it while the rows are there; the addresses of this week get a mail."""
    secret, user_id, heard = log_in(app), filled(app), list[Any]()
    assert rows_of(app, user_id) == OWN_TABLES

    def receive(user: User) -> None:
        heard.append((user.name, db.session.get(User, user.id) is user))

    with user_deleted.connected_to(receive):
        if by == "the user":
            leave(app, secret)
        else:
            operate(app, "user", "delete", USERNAME)
    assert (heard, rows_of(app, user_id)) == ([(USERNAME, True)], set())
    assert sorted(notified(app)) == sorted([ADDRESS, full_accounts.FORMER_ADDRESS])
    with app.app_context():
        assert all(USERNAME in mail.get_content() for mail in development_mails())
    [line] = logged(caplog, "user_deleted")
    assert (line["user_id"], line["by"] or "the user") == (user_id, by)
    assert USERNAME not in line.values()


# One of the two has the greater id.
@pytest.mark.parametrize(("name", "other"), [(OTHER, USERNAME), (USERNAME, OTHER)])
def test_who_deletes_somebody_else_stays_logged_in_and_does_so_once(
    app: Flask, wait: Wait, name: str, other: str
) -> None:
    others = log_in(app, name)
    wait(HOUR // 2)
    with request_of(app, others):
        set_address(f"{other}@example.org", other)
        gone = user_of(other)
        delete_account(gone)
        assert current_login() is not None
        assert status_of(delete_account, gone) == 401
    assert is_logged_in(app, others)
    assert notified(app) == [f"{other}@example.org"]


@pytest.mark.parametrize(
    "change",
    [accounts.begin_authenticator, partial(accounts.request_email_change, "new@example.org")],
    ids=["authenticator", "address"],
)
def test_what_comes_at_once_with_the_deletion_is_a_conflict_and_no_crash(
    make_app: MakeApp, lines: Lines, change: Callable[[], object]
) -> None:
    app = make_app(**IN_PRODUCTION)

    @app.post("/_test/late")
    @login_required
    def late() -> str:
        db.session.execute(delete(User), execution_options={"synchronize_session": False})
        db.session.commit()
        change()
        return ""

    client = app.test_client()
    credentials = shared.log_in(client)
    lines()
    assert client.post("/_test/late", headers=credentials).status_code == 409
    assert [line["event"] for line in lines() if line["level"] != "info"] == []


def test_an_account_that_is_deleted_eight_times_at_once_gets_one_mail(file_app: Flask) -> None:
    with file_app.app_context():
        set_address(ADDRESS)
    secrets = [log_in(file_app) for _ in range(AT_ONCE)]
    statuses = at_once(lambda number: leave(file_app, secrets[number]))
    assert sorted(statuses) == [200] + [401] * (AT_ONCE - 1)
    assert (notified(file_app), names(file_app)) == ([ADDRESS], set())


# Who hears of it.


# The data.


def data(app: Flask, name: str = USERNAME, secret: str = "") -> Any:
    with request_of(app, secret or log_in(app, name)):
        return downloaded(user_of(name))


def test_all_that_the_account_has_is_in_the_data_without_a_secret(app: Flask) -> None:
    # The second factor of this user is not asked for here.
    secret = log_in(app)
    filled(app)
    found = data(app, secret=secret)
    account = found["account"]
    assert (account["name"], account["email"]) == (USERNAME, ADDRESS)
    assert found["roles"] == [full_accounts.ROLE]
    assert [login["current"] for login in found["logins"]] == [True]
    assert [key["name"] for key in found["keys"]] == [full_accounts.KEY]
    assert "secret" not in json.dumps(found["keys"])
    assert found["passkeys"] == [full_accounts.PASSKEY]
    assert (found["recovery_codes"], found["trusted_networks"]) == (8, 1)
    assert found["unconfirmed_emails"] == [full_accounts.NEW_ADDRESS]
    assert found["former_emails"] == [full_accounts.FORMER_ADDRESS]
    assert found["tables"].keys().isdisjoint(OWN_TABLES)
    with app.app_context():
        stored = [user_of().password_hash, full_accounts.TOTP_SECRET]
        raw_address = vars(user_of())["email_encrypted"]
    for raw in (full_accounts.HASH, full_accounts.CREDENTIAL, raw_address):
        stored += [raw.hex(), base64.b64encode(raw).decode().rstrip("=")]
    text = json.dumps(found, default=str)
    assert [secret for secret in stored if secret in text] == []


@pytest.mark.asvs("8.2.2")
def test_rows_of_your_tables_are_in_the_data_of_their_owner_and_go_with_the_account(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with full_accounts.own_tables(app, monkeypatch):
        full_accounts.add_note(app)
        full_accounts.add_note(app, OTHER, phone="555 0199")
        full_accounts.add_letters(app, (USERNAME, OTHER), (OTHER, USERNAME), (USERNAME, USERNAME))
        full_accounts.add_letters(app, (OTHER, OTHER))
        # A letter is in the data of both of its users.
        tables, theirs = (data(app, name)["tables"] for name in (USERNAME, OTHER))
        assert [len(each["probe_letters"]) for each in (tables, theirs)] == [3, 3]
        assert leave(app) == 200
        left = [note.phone for note in db.session.scalars(select(full_accounts.Note))]
        assert (left, len(db.session.execute(select(full_accounts.stars)).all())) == (
            ["555 0199"],
            1,
        )
    assert tables.keys() == {*full_accounts.OWN} - {"probe_bills", "probe_marks"}
    [note], [star] = tables["probe_notes"], tables["probe_stars"]
    fields = {"id", "owner_id", "reader_id", "written", "picture", "phone", "facts"}
    assert note.keys() == fields
    assert (note["phone"], note["facts"]) == ("555 0100", {"owls": 7})
    assert (note["written"], note["picture"]) == ("2027-01-31T12:30:00", "_w==")
    assert star["note_id"] == note["id"]


@pytest.mark.asvs("6.3.8")
def test_the_data_do_not_tell_whether_a_new_address_is_known(app: Flask, wait: Wait) -> None:
    """An address that waits is shown for the same time, known or not."""
    known, unknown = "bob@example.org", "nobody@example.org"
    with request_of(app, log_in(app)):
        set_address(known, OTHER)
        email_change.request_email_change(known)
        email_change.request_email_change(unknown)
        wait(20 * 60)
        recipients()
    shown = []
    for seconds in (0, 59 * 60, HOUR):
        wait(seconds)
        shown.append({*data(app)["unconfirmed_emails"]})
    assert shown == [{known, unknown}, {known, unknown}, set()]


@pytest.fixture
def many_rows(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The user has more rows than a piece, and one download does not wait for another."""
    monkeypatch.setattr(leaving, "PIECE", 10)
    monkeypatch.setattr(leaving, "WAIT", 0)
    with full_accounts.own_tables(app, monkeypatch):
        full_accounts.add_readings(app, range(25))
        db.session.remove()
        yield


@pytest.mark.usefixtures("many_rows")
def test_many_rows_are_all_in_the_data_and_never_all_in_memory(app: Flask) -> None:
    loaded: WeakSet[object] = WeakSet()

    def note(row: object, context: object) -> None:
        loaded.add(row)

    event.listen(full_accounts.Reading, "load", note)
    with request_of(app, log_in(app)):
        pieces = [(piece, len(loaded)) for piece in personal_data(user_of())]
    event.remove(full_accounts.Reading, "load", note)
    readings = json.loads("".join(piece for piece, _ in pieces))["tables"]["probe_readings"]
    assert sorted(each["id"] for each in readings) == [*range(25)]
    assert max(held for _, held in pieces) == 10


@pytest.mark.usefixtures("many_rows")
def test_data_that_fail_halfway_are_no_json_and_hinder_no_other_download(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    received: list[str] = []
    with request_of(app, log_in(app)), monkeypatch.context() as patch:
        pieces = personal_data(user_of())
        while '"id": ' not in "".join(received):
            received.append(next(pieces))
        patch.setattr(leaving, "_values_of_row", fail)
        with pytest.raises(RuntimeError):
            received += pieces
    with pytest.raises(json.JSONDecodeError):
        json.loads("".join(received))
    assert data(app)["account"]["name"] == USERNAME


def fail(row: object) -> NoReturn:
    raise RuntimeError("The row cannot be read.")


def test_of_two_downloads_at_once_one_is_asked_to_come_back(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leaving, "WAIT", 0)
    with request_of(app, log_in(app)):
        first = personal_data(user_of())
        with pytest.raises(ServiceUnavailable) as refused:
            personal_data(user_of())
        assert int(refused.value.headers["Retry-After"]) > 0  # type: ignore[attr-defined]
        # Its client has gone.
        first.close()
        assert "".join(personal_data(user_of()))


def test_a_download_waits_a_moment_for_another_one(
    file_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leaving, "WAIT", 60)
    secrets = [log_in(file_app) for _ in range(AT_ONCE)]
    found = at_once(lambda number: data(file_app, secret=secrets[number]))
    assert [each["account"]["name"] for each in found] == [USERNAME] * AT_ONCE
