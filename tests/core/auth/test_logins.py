"""Rows of logins: which secrets count and for how long, what ends them, and how many there are."""

import base64
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any

import pytest
from flask import Flask
from secure_flask.auth import logins, user_changes
from secure_flask.auth.logins import (
    BROWSERS,
    DAY,
    IDLE_TIMEOUTS,
    LAST_USED_STEP,
    LIFETIMES,
    SYSTEMS,
    Login,
    describe_client,
)
from secure_flask.database import db
from secure_flask.keys import api_keys
from secure_flask.keys.api_keys import ApiKey
from sqlalchemy import event, insert, select, text, update
from sqlalchemy.orm import Session

from core.conftest import PASSWORD, USERNAME, Configure, MakeApp, Wait
from core.standing_clock import clock
from core.statements import SIZES, counted_statements
from core.users import User

HOUR = 60 * 60  # seconds, of each login
IDLE = 600  # seconds
KIND = "session"
UNSYNCHRONIZED = {"synchronize_session": False}

SENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
FROM = {"REMOTE_ADDR": "203.0.113.7"}
CLIENT = "Firefox on Linux, 203.0.113.*"


@pytest.fixture
def in_an_app(app: Flask, configure: Configure) -> Iterator[None]:
    """The context of an app whose logins last an hour, without an idle timeout."""
    for name, seconds in {"LOGIN_LIFETIME": HOUR, "KEPT_LIFETIME": HOUR, "LOGIN_IDLE": 0}.items():
        configure(app, **{name: seconds})
    with app.app_context():
        yield


@pytest.fixture
def idle(in_an_app: None, app: Flask, configure: Configure) -> None:
    """Let logins end after IDLE seconds without a request."""
    configure(app, LOGIN_IDLE=IDLE)


@pytest.fixture
def user(in_an_app: None) -> User:
    found = User.find(USERNAME)
    assert found is not None
    return found


@pytest.fixture
def other(in_an_app: None) -> User:
    bob: User = user_changes.create_user("bob", PASSWORD)
    return bob


def created(user: User, kind: str = KIND, **options: Any) -> str:
    """The secret of a new login."""
    secret = logins.new_secret()
    logins.start_login(user, kind, secret, **options)
    return secret


def created_by(app: Flask, user: User) -> str:
    """A login of CLIENT."""
    with app.test_request_context(headers={"User-Agent": SENT}, environ_base=FROM):
        return created(user)


def lives(*secrets: str, kind: str = KIND) -> bool | list[bool]:
    """Whether each secret is that of a live login, which is used by this, as by a request."""
    found = [_use(logins.find_login_by_secret(kind, secret)) for secret in secrets]
    return found if len(found) > 1 else found[0]


def _use(login: Login | None) -> bool:
    if login and logins.is_last_used_outdated(login):
        db.session.rollback()
        logins.store_last_used(Login, login.id)
    return login is not None


def id_of(secret: str) -> str:
    login = logins.find_login_by_secret(KIND, secret)
    assert login is not None
    return login.id


def listed(user: User) -> list[str]:
    return [login.id for login in logins.logins_of(user)]


def fill(user: User, number: int, **columns: Any) -> None:
    """Give a user so many logins at once, each a second old, which live for an hour."""
    then = int(clock.now()) - 1
    same = {"user_id": user.id, "kind": KIND, "created": then, "last_used": then}
    same |= {"expires": then + HOUR, "kept": False, **columns}
    rows = [{**same, "secret_hash": secret.to_bytes(32)} for secret in range(number)]
    db.session.execute(insert(Login), rows)
    db.session.commit()


# Which secrets count.


@pytest.mark.asvs("7.2.3", "11.5.1")
def test_a_secret_is_256_random_bits() -> None:
    secrets = {logins.new_secret() for _ in range(3)}
    assert len(secrets) == 3
    assert {len(base64.urlsafe_b64decode(f"{secret}=")) for secret in secrets} == {32}


@pytest.mark.asvs("11.4.1", "11.4.3")
def test_the_table_holds_no_secret_and_what_it_holds_is_none(user: User) -> None:
    secret = created(user, rotation="the first rotation")
    row = db.session.execute(select(Login.__table__)).one()
    assert row.secret_hash == sha256(f"{KIND}:{secret}".encode()).digest()
    assert secret not in str(row)
    assert "the first rotation" not in str(row)
    stored = (row.secret_hash.hex(), row.secret_hash.decode("latin-1"), row.id)
    assert [each for each in stored if lives(each)] == []


def test_a_secret_finds_its_user_for_its_own_kind_alone(user: User, other: User) -> None:
    mine, theirs = created(user), created(other)
    found = [logins.find_login_by_secret(KIND, secret) for secret in (mine, theirs)]
    assert [login and login.user for login in found] == [user, other]
    assert [kind for kind in LIFETIMES if lives(mine, kind=kind)] == [KIND]
    unknown = ("", "a" * 43, "\0", "é", "\ud800", "' OR 1=1")
    assert [secret for secret in unknown if lives(secret)] == []


# How long they count.


@pytest.mark.asvs("7.3.1", "7.3.2", "7.4.1")
@pytest.mark.parametrize(("lifetime", "idle"), [(None, None), (None, 0), (500, 0), (500, 90)])
@pytest.mark.parametrize("kind", LIFETIMES)
def test_policy_or_kind_sets_how_long_a_login_lasts_and_may_be_idle(
    app: Flask,
    user: User,
    wait: Wait,
    configure: Configure,
    kind: str,
    lifetime: int | None,
    idle: int | None,
) -> None:
    configure(app, LOGIN_LIFETIME=lifetime)
    configure(app, LOGIN_IDLE=idle)
    may_be_idle = IDLE_TIMEOUTS[kind] if idle is None else idle
    lasting = may_be_idle or lifetime or LIFETIMES[kind]
    used, unused = created(user, kind), created(user, kind)
    wait(lasting - 1)
    assert lives(used, kind=kind)
    wait(1)
    assert lives(used, unused, kind=kind) == [may_be_idle > 0, False]


@pytest.mark.usefixtures("idle")
def test_a_kept_login_lives_through_idle_times_and_ends_after_its_lifetime(
    app: Flask, user: User, wait: Wait, configure: Configure
) -> None:
    configure(app, KEPT_LIFETIME=2 * HOUR)
    kept, other = created(user, kept=True), created(user)
    wait(IDLE)
    assert lives(kept, other) == [True, False]
    assert listed(user) == [id_of(kept)]
    wait(2 * HOUR - IDLE - 1)
    assert lives(kept)
    wait(1)
    assert not lives(kept)


def test_a_clock_set_back_adds_what_it_lost_and_no_more(user: User, wait: Wait) -> None:
    secret = created(user)
    wait(-HOUR)
    assert lives(secret)
    wait(2 * HOUR - 1)
    assert lives(secret)
    wait(1)
    assert not lives(secret)


@pytest.mark.usefixtures("idle")
def test_a_clock_that_was_ahead_lengthens_no_idle_time(user: User, wait: Wait) -> None:
    secret = created(user)
    wait(500)
    assert lives(secret)
    wait(-500)
    assert lives(secret)
    wait(IDLE)
    assert not lives(secret)


# What ends them.


def by_attribute(user: User, disabled: bool) -> None:
    """As a view does it."""
    user.disabled = disabled
    db.session.commit()


def by_statement(user: User, disabled: bool) -> None:
    """As SQL does it, which the core does not see."""
    db.session.execute(update(User).values(disabled=disabled), execution_options=UNSYNCHRONIZED)
    db.session.commit()
    db.session.refresh(user)


Set = Callable[[User, bool], None]


@pytest.mark.parametrize("disable", [by_attribute, by_statement])
def test_a_login_of_a_disabled_user_finds_nothing(user: User, disable: Set) -> None:
    secret = created(user)
    disable(user, True)
    assert not lives(secret)
    assert listed(user) == []


@pytest.mark.asvs("7.4.2")
@pytest.mark.parametrize(
    ("disable", "enable"),
    [
        (by_attribute, by_attribute),
        (by_attribute, by_statement),
        (by_statement, by_attribute),
    ],
)
def test_a_user_who_is_let_in_again_has_no_login_and_no_key_from_before(
    user: User, other: User, disable: Set, enable: Set
) -> None:
    secrets = [created(user, kind) for kind in LIFETIMES]
    theirs = created(other)
    api_keys.store_key(user, "backup", None, (), login=None)
    disable(user, True)
    enable(user, False)
    assert [lives(secret, kind=kind) for secret, kind in zip(secrets, LIFETIMES, strict=True)] == [
        False
    ] * len(LIFETIMES)
    assert [*db.session.scalars(select(ApiKey))] == []
    assert lives(theirs, created(user)) == [True, True]


def test_a_lockout_ends_logins_in_the_transaction_of_the_session_that_has_the_user(
    file_app: Flask,
) -> None:
    with file_app.app_context():
        user: Any = User.find(USERNAME)
        secret = created(user)
        with Session(db.engine) as session:
            session.get_one(User, user.id).disabled = True
            session.flush()
            session.rollback()
            assert lives(secret)
            session.get_one(User, user.id).disabled = True
            session.commit()
        by_statement(user, False)
        assert not lives(secret)


def test_a_lockout_locks_the_user_for_which_a_login_that_begins_waits(user: User) -> None:
    with counted_statements(db.engine) as counted:
        by_attribute(user, True)
    update, *ends = counted.statements
    assert update.startswith("UPDATE users SET disabled")
    assert [each.split(" WHERE ")[0] for each in ends] == [
        "DELETE FROM logins",
        "DELETE FROM user_api_keys",
    ]


def test_all_of_a_user_end_after_a_lock_for_which_a_login_that_begins_waits(user: User) -> None:
    with counted_statements(db.engine) as counted:
        logins.end_logins_of(user, keep_keys=True)
    update, *_, delete = counted.statements
    assert update.startswith("UPDATE users SET disabled")
    assert delete.startswith("DELETE FROM logins")


# How many there are.


def test_of_too_many_logins_the_least_recently_used_ends(
    app: Flask, configure: Configure, wait: Wait, user: User, other: User
) -> None:
    configure(app, MAX_LOGINS=3)
    elsewhere = created(other)
    used, unused, third = [created(user) for _ in range(3)]
    wait(LAST_USED_STEP)
    assert lives(used, third) == [True, True]
    newest = created(user)
    assert lives(used, unused, third, newest, elsewhere) == [True, False, True, True, True]


def test_a_new_login_never_ends_at_once_though_the_clock_was_set_back(
    app: Flask, configure: Configure, wait: Wait, user: User
) -> None:
    configure(app, MAX_LOGINS=1)
    before = created(user)
    wait(-HOUR)
    assert lives(created(user), before) == [True, False]


def test_the_most_logins_are_counted_for_each_kind_apart(
    app: Flask, configure: Configure, user: User, wait: Wait
) -> None:
    configure(app, MAX_LOGINS=2)
    session = [created(user) for _ in range(2)]
    opaque = []
    for _ in range(3):
        wait(1)
        opaque.append(created(user, "opaque"))
    assert lives(*session) == [True, True]
    assert lives(*opaque, kind="opaque") == [False, True, True]


def test_a_login_that_is_replaced_takes_no_other_ones_place(
    app: Flask, configure: Configure, user: User
) -> None:
    configure(app, MAX_LOGINS=2)
    first, second = created(user), created(user)
    third = created(user, shown=second)
    assert lives(first, second, third) == [True, False, True]
    fourth = created(user, replaces=logins.find_login_by_secret(KIND, third))
    assert lives(first, third, fourth) == [True, False, True]


# What many cost. What a statement only deletes is not read.


@pytest.mark.parametrize("number", SIZES)
def test_a_list_of_many_logins_ends_in_the_database(user: User, number: int) -> None:
    fill(user, number)
    with counted_statements(db.engine) as counted:
        newest = listed(user)
    assert len(newest) == min(number, logins.LISTED)
    assert counted.sizes == (1, len(newest))


@pytest.mark.parametrize("number", SIZES)
def test_a_list_reads_no_login_that_is_over(
    app: Flask, user: User, configure: Configure, number: int
) -> None:
    configure(app, LOGIN_IDLE=IDLE)
    fill(user, number, last_used=0)
    live = id_of(created(user))
    with counted_statements(db.engine) as counted:
        assert listed(user) == [live]
    assert counted.sizes == (1, 1)


@pytest.mark.parametrize("number", SIZES)
def test_a_login_that_is_one_too_many_reads_none_of_the_others(user: User, number: int) -> None:
    fill(user, number)
    with counted_statements(db.engine) as counted:
        created(user)
    assert counted.sizes == (2, 0)
    assert len(listed(user)) == 20


@pytest.mark.parametrize("number", SIZES)
def test_all_logins_and_keys_of_a_user_end_in_four_statements(user: User, number: int) -> None:
    fill(user, number)
    with counted_statements(db.engine) as counted:
        logins.end_logins_of(user)
    # The two rows are the user's, which is locked and read again.
    assert counted.sizes == (4, 2)
    assert listed(user) == []


@pytest.mark.parametrize("number", SIZES)
def test_a_purge_holds_no_more_rows_at_a_time_than_it_says(
    user: User, other: User, number: int
) -> None:
    fill(user, number, expires=int(clock.now()))
    live = id_of(created(other))
    committed: list[int] = []
    event.listen(db.session(), "after_commit", lambda session: committed.append(1))
    with counted_statements(db.engine) as counted:
        assert logins.purge_logins() == number
    assert counted.rows == 0
    assert len(committed) == len(counted.statements) == number // logins.PURGED + 2
    assert db.session.scalars(select(Login.id)).all() == [live]


@pytest.mark.parametrize("idle", [None, 0, IDLE])
def test_a_query_takes_those_logins_for_live_that_are(
    app: Flask, user: User, wait: Wait, configure: Configure, idle: int | None
) -> None:
    configure(app, LOGIN_IDLE=idle)
    configure(app, LOGIN_LIFETIME=7 * DAY)
    configure(app, KEPT_LIFETIME=8 * DAY)
    for kind in LIFETIMES:
        created(user, kind)
        created(user, kind, kept=True)
    found, expected = [], []
    for seconds in (0, IDLE - 1, 1, HOUR - IDLE, 3 * DAY - HOUR, 4 * DAY, DAY, -9 * DAY):
        wait(seconds)
        stored = db.session.scalars(select(Login).order_by(Login.id)).all()
        expected.append([login.id for login in stored if login.is_live()])
        found.append(sorted(listed(user)))
    assert found == expected
    assert len(expected[0]) == 6
    assert [] in expected


# Which client they went to.


@pytest.mark.asvs("7.5.2")
def test_the_client_is_stored_encrypted_and_goes_with_its_login(app: Flask, user: User) -> None:
    secret = created_by(app, user)
    assert [login.client for login in logins.logins_of(user)] == [CLIENT]
    [row] = db.session.execute(text("SELECT * FROM logins"))
    assert len(row.client) > len(CLIENT)
    parts = (CLIENT, SENT, "Firefox", "Linux", "203.0.113")
    assert [part for part in parts if part in str(row)] == []
    logins.end_login_of(id_of(secret), user)
    assert list(db.session.scalars(text("SELECT client FROM logins"))) == []


# How it is described to its user: enough to recognise it, and no more.

MOZILLA = "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) {}"
WINDOWS, MAC = "Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7"
PHONE, TABLET = "iPhone; CPU iPhone OS 18_1 like Mac OS X", "iPad; CPU OS 18_1 like Mac OS X"
ANDROID, LINUX, CHROMEBOOK = "Linux; Android 10", "X11; Linux x86_64", "X11; CrOS x86_64 14541"
CHROME, SAFARI = "Chrome/140.0.0.0 Safari/537.36", "Version/18.1 Safari/605.1.15"

# The signs of browser and system that count, among those that stand there too.
USER_AGENTS: dict[str, tuple[str, str]] = {
    MOZILLA.format(WINDOWS, f"{CHROME} Edg/140.0.0.0"): ("Edg", "Windows"),
    MOZILLA.format(MAC, f"{CHROME} OPR/120.0.0.0"): ("OPR/", "Mac OS X"),
    MOZILLA.format(MAC, SAFARI): ("Safari/", "Mac OS X"),
    MOZILLA.format(PHONE, f"{SAFARI} Mobile/15E148"): ("Safari/", "iPhone"),
    MOZILLA.format(TABLET, "CriOS/140.0 Mobile/15E148 Safari/604.1"): ("CriOS/", "iPad"),
    MOZILLA.format(PHONE, "FxiOS/140.0 Mobile/15E148 Safari/605.1.15"): ("FxiOS/", "iPhone"),
    MOZILLA.format(ANDROID, f"SamsungBrowser/28.0 {CHROME}"): ("SamsungBrowser/", "Android"),
    MOZILLA.format(CHROMEBOOK, CHROME): ("Chrome/", "CrOS"),
    f"Mozilla/5.0 ({LINUX}; rv:140.0) Gecko/20100101 Firefox/140.0": ("Firefox/", "Linux"),
    "curl/8.5.0": ("curl/", ""),
    "": ("", ""),
    "<script>alert(1)</script>": ("", ""),
    "x" * 10_000: ("", ""),
    "\x1b[31m\u00e9 Linux": ("", "Linux"),
}

ADDRESSES = {
    "203.0.113.77": "203.0.113.*",
    "203.0.113.77:5000": "203.0.113.*",
    "::ffff:203.0.113.77": "203.0.113.*",
    "2001:db8:1:2:3:4:5:6": "2001:db8:1::",
    "[2001:db8:1:2::3]:443": "2001:db8:1::",
    "::1": "::",
    "no address": "unknown",
    "": "unknown",
}


def words(browser: str, system: str) -> str:
    """What users read where these signs count."""
    name = BROWSERS.get(browser, "Unknown browser")
    return f"{name} on {SYSTEMS[system]}" if system else name


def described(app: Flask, sent: str, address: str = "203.0.113.77") -> str | None:
    environ = {"HTTP_USER_AGENT": sent, "REMOTE_ADDR": address}
    with app.test_request_context(environ_overrides=environ):
        return describe_client()


@pytest.mark.asvs("7.5.2")
def test_a_login_is_described_by_browser_and_system(app: Flask) -> None:
    # So nothing that the client sent is kept word for word.
    assert {sent: described(app, sent) for sent in USER_AGENTS} == {
        sent: f"{words(*signs)}, 203.0.113.*" for sent, signs in USER_AGENTS.items()
    }


def test_the_address_is_shortened(app: Flask) -> None:
    shown = {address: described(app, "curl/8.5.0", address) for address in ADDRESSES}
    assert shown == {address: f"curl, {short}" for address, short in ADDRESSES.items()}


def test_the_words_are_those_of_the_policy(make_app: MakeApp) -> None:
    words = {"Unknown browser": "Unbekannt", "{browser} on {system}": "{browser} unter {system}"}
    app = make_app(fill=False, TEXTS=words)
    assert described(app, "Linux") == "Unbekannt unter Linux, 203.0.113.*"
