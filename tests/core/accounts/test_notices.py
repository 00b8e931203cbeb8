"""Notices to users: who gets one, how many become one, and that none shows a secret."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from secure_flask import change_password, db, log_in, log_in_user, reauthenticate
from secure_flask.accounts import (
    development_mails,
    notices,
    outbox,
    recovery,
    replace_recovery_codes,
)
from secure_flask.accounts.login_places import MAX_PLACES, LoginPlace
from secure_flask.accounts.outbox import HOUR
from secure_flask.auth.authentication import set_password
from sqlalchemy import insert

from core.accounts.ceremonies import SECOND, SIGN_IN, use
from core.accounts.conftest import Request
from core.accounts.devices import (
    AT_ONCE,
    Passkey,
    at_once,
    begin_login,
    code_of,
    enter_code,
    enter_recovery_code,
)
from core.accounts.observing import stored_rows
from core.accounts.people import (
    ADDRESS,
    HOME,
    STRONG,
    add_user,
    downloaded,
    mailed_token,
    new_login,
    recipients,
    refused,
    request_of,
    set_address,
    subjects,
    user_of,
)
from core.accounts.site import User
from core.conftest import PASSWORD, USERNAME, Configure, MakeApp, Wait
from core.statements import SIZES, statements_of

OLD = "old@example.org"


@pytest.mark.asvs("6.3.5", "6.3.7")
def test_a_changed_password_is_told_to_the_address_without_a_secret_or_a_link(user: User) -> None:
    change_password(PASSWORD, STRONG)
    [notice] = development_mails()
    assert (notice["To"], notice["Subject"]) == (ADDRESS, "password_changed")
    # A copy of a link would lead people elsewhere.
    secrets = (PASSWORD, STRONG, "http")
    assert [secret for secret in secrets if secret in notice.get_content()] == []


def test_the_first_is_sent_at_once_and_all_others_of_the_hour_as_one(
    user: User, wait: Wait
) -> None:
    for _ in range(7):
        notices.code_failed(user)
    [first] = development_mails()
    assert first.get_content().split() == [USERNAME, "1"]
    wait(HOUR)
    [_, others] = development_mails()
    assert others.get_content().split() == [USERNAME, "6"]
    notices.code_failed(user)
    assert len(development_mails()) == 3


def test_notices_are_joined_by_kind_recipient_and_hour(user: User, wait: Wait) -> None:
    """Two users who had one address one after the other are one recipient."""
    notices.email_changed(user, OLD)
    notices.email_changed(add_user(), OLD.upper())
    assert recipients() == [OLD]
    wait(HOUR)
    assert len(recipients()) == 2


def test_notices_of_the_longest_names_can_be_stored(user: User) -> None:
    """PostgreSQL refuses a text that is longer than its column; SQLite does not."""
    for name in ("a" * 150, "b" * 150, "c" * 150):
        notices.name_changed(user, name)
    stored = db.session.query(outbox.OutgoingMail.notice_hash).all()
    longest = outbox.OutgoingMail.__table__.c.notice_hash.type.length  # type: ignore[attr-defined]
    assert max(len(notice or "") for (notice,) in stored) <= longest


FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
NEWER = FIREFOX.replace("140", "141")
WINDOWS = FIREFOX.replace("X11; Linux x86_64", "Windows NT 10.0")
CURL = "curl/8.5.0"
OFFICE, SAME_OFFICE, ELSEWHERE = "198.51.100.7", "198.51.200.8", "203.0.113.77"
PHONE, SAME_PHONE, OTHER_PHONE = "2001:db8:1::1", "2001:db8:ffff:2::3", "2001:db9:1::1"
DAY = 24 * 60 * 60  # seconds
KNOWN_FOR = 60 * DAY

Place = tuple[str, str]


@pytest.fixture
def app(app: Flask) -> Flask:
    """One whose user has an address, and never logged in."""
    with app.app_context():
        set_address(ADDRESS)
    return app


def log_in_from(
    app: Flask, network: str = HOME, browser: str = FIREFOX, *, password: str = PASSWORD
) -> dict[str, Any]:
    with request_of(app, network=network, browser=browser):
        return log_in(USERNAME, password)


def new_login_mails(app: Flask) -> int:
    """How many mails said that somebody logged in."""
    with app.app_context():
        return subjects().count("new_login")


def told_after(app: Flask, *places: Place) -> list[int]:
    """How many did after the login from each place, whose mails are not joined."""
    counts = []
    for place in places:
        log_in_from(app, *place)
        counts.append(new_login_mails(app))
    return counts


def known_places(app: Flask) -> int:
    return len(stored_rows(app)["login_places"])


@pytest.mark.asvs("6.3.5")
@pytest.mark.parametrize(
    ("network", "browser"),
    [
        (ELSEWHERE, FIREFOX),
        (PHONE, FIREFOX),
        (HOME, WINDOWS),
        (HOME, CURL),
        (HOME, ""),
        ("no address", FIREFOX),
    ],
)
def test_a_login_from_a_new_network_or_browser_is_told_once_and_the_first_is_not(
    app: Flask, network: str, browser: str
) -> None:
    home, new = (HOME, FIREFOX), (network, browser)
    assert told_after(app, home, home, new, home, new) == [0, 0, 1, 1, 1]


@pytest.mark.parametrize(
    ("before", "after", "mails"),
    [
        ((OFFICE, FIREFOX), (OFFICE, NEWER), 0),
        ((OFFICE, FIREFOX), (SAME_OFFICE, FIREFOX), 0),
        ((OFFICE, FIREFOX), (f"::ffff:{OFFICE}", FIREFOX), 0),
        ((PHONE, FIREFOX), (SAME_PHONE, FIREFOX), 0),
        ((PHONE, FIREFOX), (OTHER_PHONE, FIREFOX), 1),
    ],
)
def test_an_update_and_another_address_of_the_provider_are_not_new_and_another_provider_is(
    app: Flask, before: Place, after: Place, mails: int
) -> None:
    assert told_after(app, before, after) == [0, mails]


def test_a_known_browser_is_new_in_a_network_where_only_others_were_used(
    app: Flask, wait: Wait
) -> None:
    """Many people have the browser of the thief."""
    assert told_after(app, (HOME, FIREFOX), (OFFICE, CURL)) == [0, 1]
    wait(HOUR)
    assert told_after(app, (OFFICE, FIREFOX)) == [2]


def test_the_mail_describes_the_login_as_the_list_of_logins_does(app: Flask) -> None:
    log_in_from(app)
    log_in_from(app, ELSEWHERE, WINDOWS)
    with app.app_context():
        [mail] = development_mails()
    said = f"{USERNAME} 1 Firefox on Windows, 203.0.113.*"
    assert (mail["To"], mail.get_content().split()) == (ADDRESS, said.split())


def test_only_a_complete_login_is_told(app: Flask, user: User, secret: str) -> None:
    with request_of(app, network=ELSEWHERE):
        with refused(401):
            log_in(USERNAME, "wrong")
        half = begin_login()
        assert new_login_mails(app) == 0
        assert enter_code(code_of(secret), half) == 200
    assert new_login_mails(app) == 1


@pytest.mark.parametrize("name", [USERNAME, ADDRESS, "nobody", "nobody@example.org"])
def test_a_refused_login_looks_up_no_place_and_writes_no_mail(app: Flask, name: str) -> None:
    """The time of the answer would otherwise tell which names exist."""
    log_in_from(app)
    with statements_of(app) as sent, request_of(app, network=ELSEWHERE), refused(401):
        log_in(name, "wrong")
    tables = ("login_places", "outgoing_mails")
    assert [each for each in sent.statements if any(table in each for table in tables)] == []


@pytest.mark.parametrize(
    "enter",
    [
        lambda user, device, code: enter_recovery_code(code),
        lambda user, device, code: use(SECOND, device),
        lambda user, device, code: use(SIGN_IN, device),
        lambda user, device, code: log_in_user(user, provider="op", second_factor=["mfa"]),
    ],
    ids=["recovery code", "second factor", "passkey alone", "another site"],
)
def test_each_way_to_log_in_is_told(
    enter: Callable[..., object], app: Flask, user: User, passkey: Passkey
) -> None:
    code, *_ = replace_recovery_codes()
    with request_of(app, network=ELSEWHERE):
        enter(user_of(), passkey, code)
    assert new_login_mails(app) == 1


@pytest.mark.parametrize(
    "renew", [lambda: reauthenticate(PASSWORD), lambda: change_password(PASSWORD, STRONG)]
)
def test_a_login_that_goes_on_elsewhere_is_not_told(
    renew: Callable[[], object], app: Flask, user: User
) -> None:
    with app.app_context():
        secret = new_login()
    with request_of(app, secret, network=ELSEWHERE):
        renew()
    assert new_login_mails(app) == 0


def test_a_user_without_an_address_logs_in_and_changes_the_password_all_the_same(
    app: Flask,
) -> None:
    with app.app_context():
        set_address(None)
    assert told_after(app, (HOME, FIREFOX), (ELSEWHERE, FIREFOX)) == [0, 0]
    by_the_user(app)
    with app.app_context():
        assert recipients() == []


# What is forgotten.


@pytest.mark.parametrize(
    ("lifetime", "waited", "mails"),
    [(30 * DAY, KNOWN_FOR - 1, 0), (30 * DAY, KNOWN_FOR, 1), (90 * DAY, 90 * DAY, 0)],
)
def test_a_place_is_known_for_sixty_days_without_a_login_or_as_long_as_a_login_lasts(
    app: Flask, wait: Wait, configure: Configure, lifetime: int, waited: int, mails: int
) -> None:
    configure(app, KEPT_LIFETIME=lifetime)
    log_in_from(app)
    wait(waited)
    assert told_after(app, (HOME, FIREFOX)) == [mails]


def test_a_user_of_whom_no_place_is_left_is_told(app: Flask, wait: Wait) -> None:
    """Nobody looks after an account that is not used: its first login is long ago."""
    log_in_from(app)
    wait(KNOWN_FOR)
    new_login_mails(app)
    assert known_places(app) == 0
    assert told_after(app, (ELSEWHERE, FIREFOX)) == [1]


def by_the_user(app: Flask) -> None:
    with app.app_context():
        secret = new_login()
    with request_of(app, secret, browser=FIREFOX):
        change_password(PASSWORD, STRONG)


def by_a_mailed_link(app: Flask) -> None:
    with request_of(app, browser=FIREFOX):
        recovery.request_password_reset(ADDRESS)
        recovery.reset_password(mailed_token(), STRONG)


@pytest.mark.parametrize("change", [by_the_user, by_a_mailed_link])
def test_after_a_new_password_only_the_place_where_it_was_set_is_known(
    change: Callable[[Flask], None], app: Flask, wait: Wait
) -> None:
    """A thief who gets the new password too causes another mail."""
    told_after(app, (HOME, FIREFOX), (ELSEWHERE, FIREFOX))
    change(app)
    assert known_places(app) == 1
    wait(HOUR)
    before = new_login_mails(app)
    log_in_from(app, password=STRONG)
    assert new_login_mails(app) == before
    log_in_from(app, ELSEWHERE, password=STRONG)
    assert new_login_mails(app) == before + 1


def by_a_script(app: Flask) -> None:
    with app.app_context():
        recovery.request_password_reset(ADDRESS)
        recovery.reset_password(mailed_token(), STRONG)


def by_an_operator(app: Flask) -> None:
    with app.app_context():
        set_password(user_of(), STRONG)


@pytest.mark.parametrize("change", [by_a_script, by_an_operator])
def test_a_password_that_no_browser_of_the_user_set_leaves_no_place_known(
    change: Callable[[Flask], None], app: Flask
) -> None:
    log_in_from(app)
    change(app)
    assert known_places(app) == 0
    log_in_from(app, password=STRONG)
    assert new_login_mails(app) == 1


def test_with_the_value_of_the_policy_nothing_is_told_and_nothing_kept(make_app: MakeApp) -> None:
    app = make_app(NEW_LOGIN_NOTICE=False)
    with app.app_context():
        set_address(ADDRESS)
    assert told_after(app, (HOME, FIREFOX), (ELSEWHERE, FIREFOX)) == [0, 0]
    by_a_mailed_link(app)
    assert known_places(app) == 0


# What is kept.


def test_the_data_of_a_user_has_the_number_of_places_and_the_database_names_none(
    app: Flask,
) -> None:
    log_in_from(app, OFFICE)
    log_in_from(app, ELSEWHERE)
    with app.app_context():
        secret = new_login()
    with request_of(app, secret):
        assert downloaded(user_of())["known_places"] == 3
    rows = str(stored_rows(app)["login_places"])
    assert [name for name in ("Firefox", "Linux", "198.51", "203.0") if name in rows] == []


def test_two_logins_at_once_from_a_new_place_are_one_mail(
    file_app: Flask, of_user: Request
) -> None:
    def begin(number: int) -> bool:
        return "token_type" in log_in_from(file_app, ELSEWHERE)

    assert at_once(begin) == [True] * AT_ONCE
    with of_user():
        assert subjects() == ["new_login"]
        assert len(stored_rows(file_app)["login_places"]) == 2


@pytest.mark.parametrize("rows", SIZES)
def test_a_login_from_a_further_place_takes_three_statements(app: Flask, rows: int) -> None:
    log_in_from(app)
    with app.app_context():
        row = {"user_id": user_of().id, "purpose": notices.KNOWN, "expires": 2**31}
        hashes = [{**row, "place_hash": b"%032d" % number} for number in range(rows)]
        db.session.execute(insert(LoginPlace), hashes)
        db.session.commit()
    with statements_of(app) as sent:
        log_in_from(app, ELSEWHERE)
    of_places = [each for each in sent.statements if "login_places" in each]
    assert [each.split()[0] for each in of_places] == ["SELECT", "DELETE", "INSERT"]
    assert known_places(app) == MAX_PLACES
