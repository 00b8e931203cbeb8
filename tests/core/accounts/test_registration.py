"""Registrations: only who reads the mails of an address gets an account with it."""

from functools import partial

import pytest
from flask import Flask
from secure_flask import db
from secure_flask.accounts import development_mails, mail_limits, outbox, registration
from secure_flask.accounts.outbox import HOUR
from secure_flask.accounts.registration import LIFETIME, MAX_OPEN, MAX_PENDING
from secure_flask.accounts.steps import MAX_DELETED, MAX_FAILURES, Step
from secure_flask.auth import passwords
from sqlalchemy import event, func, select
from sqlalchemy.exc import IntegrityError

from core.accounts.devices import AT_ONCE, at_once
from core.accounts.filling import fill_steps
from core.accounts.observing import counted_attempts, counted_hashes, stored_rows
from core.accounts.people import (
    ADDRESS,
    EMAIL,
    NAME,
    STRONG,
    THIEF,
    add_user,
    has_password,
    mailed_token,
    operate,
    poor_passwords,
    recipients,
    refused,
    request_of,
    set_address,
    status_of,
    subjects,
    token_in,
    user_of,
)
from core.accounts.site import User
from core.conftest import PASSWORD, USERNAME, Configure, MakeApp, Wait, slow_hasher
from core.standing_clock import clock
from core.statements import SIZES, counted_statements

pytestmark = pytest.mark.usefixtures("stranger")


def register(name: str = NAME, password: str = STRONG, email: str = EMAIL) -> None:
    registration.request_registration(name, email, password)


def registered(name: str = NAME, password: str = STRONG) -> str:
    """The secret of the mailed link."""
    register(name, password)
    return mailed_token()


def confirm(
    token: str,
    password: str | None = None,
    *,
    new_password: str | None = None,
    name: str | None = None,
) -> str:
    """The name of the new account."""
    given = {"password": password, "new_password": new_password, "name": name}
    return registration.confirm_registration(token, **given).name


def registered_thrice(wait: Wait) -> list[str]:
    """The secrets of three mailed links to one address, each of another registration."""
    tokens = []
    for number in range(3):
        tokens.append(registered(f"grace {number}"))
        wait(mail_limits.AGAIN)
    assert len({*tokens}) == 3
    return tokens


def users() -> int:
    return db.session.scalar(select(func.count()).select_from(User)) or 0


def open_ones() -> list[tuple[str, bool]]:
    """The names of the open registrations, the oldest first, and whether each was mailed."""
    now = int(clock.now())
    mine = select(Step).where(Step.purpose == registration.REGISTRATION, Step.expires > now)
    found = db.session.scalars(mine.order_by(Step.expires))
    return [(step.data["name"], step.mailed) for step in found]


def test_the_mailed_link_and_the_password_make_the_account() -> None:
    token = registered()
    assert (User.find(NAME), User.find(EMAIL)) == (None, None)
    assert registration.find_registration(token) == (EMAIL, NAME)
    assert confirm(token, STRONG) == NAME
    names = (NAME, NAME.upper(), EMAIL, EMAIL.title())
    assert {name: has_password(name) for name in names} == dict.fromkeys(names, True)


# A stranger registers the address of somebody else.


@pytest.mark.parametrize("strangers", [1, MAX_PENDING, MAX_PENDING + 2])
def test_a_strangers_earlier_registrations_give_neither_their_name_nor_their_password(
    wait: Wait, strangers: int
) -> None:
    for number in range(strangers):
        register(f"thief {number}", THIEF)
    theirs = mailed_token()
    wait(1)
    # Where its own mail is beyond the limit, the password shows which registration is meant.
    assert confirm(registered(), STRONG) == NAME
    assert [name for name in (NAME, EMAIL, "thief 0") if has_password(name, THIEF)] == []
    assert status_of(confirm, theirs, THIEF) == 404


@pytest.mark.parametrize(("number", "status"), [(0, 200), (1, 403), (2, 200), (3, 200)])
def test_a_link_takes_the_password_of_its_registration_and_of_the_two_newest(
    wait: Wait, number: int, status: int
) -> None:
    token = registered("grace 0", f"{STRONG}, 0")
    for later in range(1, 4):
        wait(1)
        register(f"grace {later}", f"{STRONG}, {later}")
    assert status_of(confirm, token, f"{STRONG}, {number}") == status
    assert (User.find(f"grace {number}") is not None) == (status == 200)


def test_who_opens_a_strangers_link_chooses_name_and_password() -> None:
    token = registered("thief", THIEF)
    with refused(400, "password"):
        confirm(token)
    with refused(403, "password"):
        confirm(token, STRONG)
    # What a password manager fills in beside the new one does not matter.
    assert confirm(token, PASSWORD, new_password=STRONG, name=NAME) == NAME
    assert has_password(EMAIL)
    assert [name for name in (NAME, EMAIL, "thief") if has_password(name, THIEF)] == []


def test_a_password_takes_as_many_hashes_for_any_number_of_registrations() -> None:
    numbers = []
    for number in range(MAX_PENDING + 1):
        token = registered(f"thief {number}", THIEF)
        with counted_hashes() as hashes:
            status_of(confirm, token, STRONG)
        numbers.append(len(hashes))
    assert numbers == [MAX_PENDING] * (MAX_PENDING + 1)


def test_guesses_at_all_registrations_of_an_address_are_one_count(
    make_app: MakeApp, wait: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    with request_of(make_app(login_rate_limit="2 per minute")):
        tokens = registered_thrice(wait)
        counted = counted_attempts(monkeypatch)
        statuses = [status_of(confirm, token, THIEF) for token in tokens]
    assert (statuses, len(counted)) == ([403, 403, 429], 1)


def test_no_other_registration_becomes_an_account_later(wait: Wait) -> None:
    tokens = registered_thrice(wait)
    before = users()
    confirm(tokens[1], STRONG)
    assert [status_of(confirm, token, STRONG) for token in tokens] == [404] * 3
    # A deletion of the account revives none of them.
    db.session.delete(user_of(EMAIL))
    db.session.commit()
    assert [status_of(confirm, token, STRONG) for token in tokens] == [404] * 3
    assert users() == before


# A stranger registers one address again and again.


def test_an_address_has_ten_open_ones_and_a_further_one_replaces_the_oldest_without_a_mail(
    wait: Wait,
) -> None:
    for number in range(MAX_OPEN + 2):
        register(f"thief {number}")
        recipients()
        wait(1)
    # The first one has had its mail.
    kept = ["thief 0", *(f"thief {number}" for number in range(3, MAX_OPEN + 2))]
    assert open_ones() == [(name, name == "thief 0") for name in kept]


def test_one_that_is_pushed_out_before_its_mail_leaves_this_mail_to_the_newest(wait: Wait) -> None:
    """Otherwise eleven registrations of a stranger use up the mail of the owner, and none goes."""
    for number in range(MAX_OPEN + 1):
        register(f"thief {number}")
        wait(1)
    assert confirm(registered(), new_password=STRONG, name=NAME) == NAME


def test_where_all_ten_had_their_mail_a_new_one_is_dropped_by_the_same_statements(
    wait: Wait,
) -> None:
    for number in range(MAX_OPEN):
        register(f"thief {number}")
        recipients()
        wait(HOUR // 2)
    before, mails = open_ones(), len(recipients())
    assert [mailed for _, mailed in before] == [True] * MAX_OPEN
    with counted_statements(db.engine) as of_room:
        register(email="new@example.org")
    with counted_statements(db.engine) as of_none:
        register()
    assert of_room.statements == of_none.statements
    assert open_ones() == [*before, (NAME, False)]
    assert recipients()[mails:] == ["new@example.org"]


def test_registrations_at_once_are_ten_at_most(file_app: Flask) -> None:
    def sign_up(number: int) -> None:
        with request_of(file_app):
            register(f"grace {number}")
            register(f"grace {number} again")

    at_once(sign_up)
    with request_of(file_app):
        assert len(open_ones()) == MAX_OPEN


def test_of_eight_confirmations_of_one_address_at_once_one_makes_an_account(
    file_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each ends the registrations of the others, which must not wait for each other."""
    monkeypatch.setattr(mail_limits, "PER_ADDRESS", AT_ONCE)
    fill_steps(file_app, 50, EMAIL)
    with request_of(file_app):
        register()
        for _ in range(AT_ONCE):
            outbox.add_link("confirm", EMAIL)
        db.session.commit()
        tokens = [token_in(mail) for mail in development_mails()][-AT_ONCE:]

    def make(number: int) -> int:
        with request_of(file_app):
            chosen = {"new_password": STRONG, "name": f"grace {number}"}
            return status_of(confirm, tokens[number], **chosen)

    assert sorted(at_once(make)) == [200] + [404] * (AT_ONCE - 1)
    with request_of(file_app):
        assert open_ones() == []


@pytest.mark.parametrize("at", ["another@example.org", EMAIL])
def test_a_full_table_costs_a_registration_and_its_confirmation_no_more_rows(
    make_app: MakeApp, at: str
) -> None:
    counted = []
    for size in SIZES:
        app = make_app()
        with request_of(app):
            token = registered()
            fill_steps(app, size, at)
            with counted_statements(db.engine) as found:
                register("another")
                registration.find_registration(token)
                confirm(token, STRONG)
        counted.append(found.sizes)
    assert counted[0] == counted[1]


def test_a_table_that_became_too_large_shrinks_by_each_registration(app: Flask) -> None:
    fill_steps(app, 3 * MAX_DELETED, EMAIL)
    register()
    assert len(open_ones()) == 2 * MAX_DELETED + 1


# Names.


def test_a_registration_reserves_no_name_and_another_may_be_chosen() -> None:
    token = registered()
    add_user(NAME.upper())
    with refused(409, "username"):
        confirm(token, STRONG)
    with refused(403, "password"):
        confirm(token, THIEF, name="rear admiral")
    assert confirm(token, STRONG, name="rear admiral") == "rear admiral"


def test_the_link_has_ended_where_another_account_got_the_address_meanwhile(
    file_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with file_app.app_context():
        token = registered()
    give = partial(operate, file_app, "user", "email", USERNAME, EMAIL)
    monkeypatch.setattr(passwords, "hasher", slow_hasher("verify", give))
    with request_of(file_app):
        assert status_of(confirm, token, STRONG) == 404
        assert status_of(registration.find_registration, token) == 404


@pytest.mark.parametrize(("password", "status"), [(THIEF, 403), (STRONG, 409)])
def test_a_few_wrong_passwords_or_taken_names_end_a_link(password: str, status: int) -> None:
    """Otherwise it would tell of any number of names whether they are taken."""
    token = registered(USERNAME)
    tried = [status_of(confirm, token, password) for _ in range(MAX_FAILURES)]
    assert tried == [status] * MAX_FAILURES
    assert status_of(confirm, token, STRONG, name=NAME) == 404
    # There is no way around it by another password either.
    assert status_of(confirm, token, new_password=STRONG, name=NAME) == 404


def test_what_else_is_wrong_with_a_row_is_not_called_a_taken_name() -> None:
    """An owner requires a column that nothing fills: that is for the log."""

    def refuse(*arguments: object) -> None:
        raise IntegrityError("INSERT", {}, ValueError("NOT NULL"))

    token = registered()
    event.listen(User, "before_insert", refuse)
    try:
        with pytest.raises(IntegrityError):
            confirm(token, STRONG)
    finally:
        event.remove(User, "before_insert", refuse)


# What is mailed.


def test_the_mail_comes_again_and_each_link_serves_no_longer_than_a_day(wait: Wait) -> None:
    first = registered()
    wait(LIFETIME - 1)
    registration.resend_registration(EMAIL.upper())
    again = mailed_token()
    found = [registration.find_registration(token).name for token in (first, again)]
    assert found == [NAME, NAME]
    wait(1)
    assert [status_of(confirm, token, STRONG) for token in (first, again)] == [404, 404]
    sent = len(recipients())
    # No registration is left whose mail could come again.
    registration.resend_registration(EMAIL)
    assert len(recipients()) == sent


@pytest.mark.parametrize("again", [True, False])
def test_who_has_an_account_is_told_by_mail_alone(again: bool) -> None:
    set_address(ADDRESS)

    def ask() -> list[str]:
        if again:
            registration.resend_registration(ADDRESS.upper())
        else:
            register(email=ADDRESS.upper())
        return subjects()

    assert ask() == ["already_registered"]
    user_of().disabled = True
    db.session.commit()
    assert ask() == ["already_registered"]


def test_the_database_shows_neither_address_nor_password_nor_link(app: Flask) -> None:
    register()
    waiting = str(stored_rows(app))
    secrets = (NAME, EMAIL, STRONG, mailed_token(), "argon2")
    stored = [text.replace("argon2id$v=19", "", 1) for text in (waiting, str(stored_rows(app)))]
    assert [secret for secret in secrets if secret in "".join(stored)] == []


def test_where_registration_is_closed_no_mail_goes_that_waited(
    app: Flask, configure: Configure
) -> None:
    register()
    configure(app, REGISTRATION=False)
    assert recipients() == []


# What cannot be used.


@pytest.mark.parametrize("poor", poor_passwords(NAME, EMAIL))
def test_a_poor_password_is_said_of_its_field_and_stores_nothing_and_leaves_a_link(
    app: Flask, poor: str
) -> None:
    before = stored_rows(app)
    with refused(400, "password"):
        register(password=poor)
    assert stored_rows(app) == before
    token = registered()
    with refused(400, "new_password"):
        confirm(token, new_password=poor)
    assert confirm(token, STRONG) == NAME


# Races.
