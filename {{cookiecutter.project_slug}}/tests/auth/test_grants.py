"""Grants: which secrets count, and for how long."""

import base64
from collections.abc import Iterator
from hashlib import sha256

import pytest
from flask import Flask
from sqlalchemy import select, text

from app.auth import grants, users
from app.auth.grants import Grant
from app.auth.users import User
from app.db import db
from tests.conftest import PASSWORD, USERNAME, Wait

HOUR = 60 * 60  # seconds
IDLE = 600  # seconds

SENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
FROM = {"REMOTE_ADDR": "203.0.113.7"}
CLIENT = "Firefox on Linux, 203.0.113.*"


@pytest.fixture(autouse=True)
def _in_an_app(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(grants, "LAST_USED_STEP", 60)
    with app.app_context():
        yield


@pytest.fixture
def user() -> User:
    found = users.find(USERNAME)
    assert found is not None
    return found


@pytest.fixture
def other() -> User:
    return users.create("bob", PASSWORD)


def created(user: User, *, kept: bool = False, replaces: str = "") -> str:
    secret = grants.new_secret()
    grants.create(user, "test", secret, HOUR, kept=kept, shown=replaces)
    return secret


def created_by(app: Flask, user: User) -> str:
    """A grant that CLIENT asked for."""
    with app.test_request_context(headers={"User-Agent": SENT}, environ_base=FROM):
        return created(user)


def lives(*secrets: str, idle: int | None = None) -> bool | list[bool]:
    found = [grants.find(secret, "test", idle=idle) is not None for secret in secrets]
    return found if len(found) > 1 else found[0]


def spend(secret: str) -> None:
    grant = grants.find(secret, "test")
    assert grant is not None
    grant.used = grant.issued
    db.session.commit()


def family_of(secret: str) -> str:
    grant = grants.find(secret, "test")
    assert grant is not None
    return grant.family


def listed(user: User, idle: int | None = None) -> list[str]:
    return [grant.family for grant in grants.all_of(user, idle=idle)]


def last_used() -> int:
    return db.session.scalars(select(Grant.last_used)).one()


@pytest.mark.asvs("7.2.3", "11.5.1")
def test_a_secret_is_256_random_bits() -> None:
    secrets = {grants.new_secret() for _ in range(3)}
    assert len(secrets) == 3
    assert {len(base64.urlsafe_b64decode(f"{secret}=")) for secret in secrets} == {32}


@pytest.mark.asvs("11.4.1")
def test_the_table_holds_no_secret_and_what_it_holds_is_none(user: User) -> None:
    secret = created(user)
    row = db.session.execute(select(Grant.__table__)).one()
    assert row.secret_hash == sha256(secret.encode()).digest()
    assert secret not in str(row)
    assert lives(row.secret_hash.hex(), row.secret_hash.decode("latin-1")) == [False, False]


def test_a_secret_finds_its_user_for_its_own_purpose_alone(user: User, other: User) -> None:
    mine, theirs = (grants.find(created(each), "test") for each in (user, other))
    assert mine
    assert theirs
    assert (mine.user, theirs.user) == (user, other)
    assert grants.find(created(user), "other") is None


def test_an_unknown_secret_finds_nothing(user: User, subtests: pytest.Subtests) -> None:
    created(user)
    for secret in ("", "a" * 43, "\0", "é", "\ud800", "' OR 1=1"):
        with subtests.test(ascii(secret)):
            assert not lives(secret)


@pytest.mark.asvs("7.3.2", "7.4.1")
def test_a_grant_ends_by_itself_however_much_it_is_used(user: User, wait: Wait) -> None:
    secret = created(user)
    for _ in range(3):
        wait(HOUR / 4)
        assert lives(secret, idle=HOUR)
    wait(HOUR / 4 - 1)
    assert lives(secret)
    wait(1)
    assert not lives(secret)


def test_an_idle_grant_ends_early_and_does_not_come_back(user: User, wait: Wait) -> None:
    secret = created(user)
    wait(IDLE - 1)
    assert lives(secret, idle=IDLE)
    wait(IDLE)
    assert not lives(secret, idle=IDLE)
    assert not lives(secret, idle=IDLE)


def test_a_kept_grant_lives_through_idle_times_and_ends_after_its_lifetime(
    user: User, wait: Wait
) -> None:
    kept, other = created(user, kept=True), created(user)
    family = family_of(kept)
    wait(IDLE)
    assert lives(kept, other, idle=IDLE) == [True, False]
    assert listed(user, idle=IDLE) == [family]
    wait(HOUR - IDLE - 1)
    assert lives(kept, idle=IDLE)
    wait(1)
    assert not lives(kept, idle=IDLE)


def test_use_is_written_once_a_minute(user: User, wait: Wait) -> None:
    secret, issued = created(user), last_used()
    wait(59)
    assert lives(secret)
    assert last_used() == issued
    wait(1)
    assert lives(secret)
    assert last_used() == issued + 60


def test_a_clock_set_back_adds_what_it_lost_and_no_more(user: User, wait: Wait) -> None:
    secret = created(user)
    wait(-HOUR)
    assert lives(secret)
    wait(2 * HOUR - 1)
    assert lives(secret)
    wait(1)
    assert not lives(secret)


def test_a_clock_that_was_ahead_lengthens_no_idle_time(user: User, wait: Wait) -> None:
    secret = created(user)
    wait(500)
    assert lives(secret, idle=IDLE)
    wait(-500)
    assert lives(secret, idle=IDLE)
    wait(IDLE)
    assert not lives(secret, idle=IDLE)


def test_a_clock_set_back_revives_nothing_that_was_ended(user: User, wait: Wait) -> None:
    ended, purged = created(user), created(user)
    grants.end(family_of(ended))
    wait(HOUR)
    grants.purge()
    wait(-2 * HOUR)
    assert lives(ended, purged) == [False, False]


def test_a_spent_grant_and_one_of_a_disabled_user_find_nothing(user: User) -> None:
    spent, other = created(user), created(user)
    spend(spent)
    assert lives(spent, other) == [False, True]
    user.disabled = True
    db.session.commit()
    assert not lives(other)


def test_ending_a_grant_ends_all_of_its_login_and_no_other(user: User) -> None:
    first, second, other = (created(user) for _ in range(3))
    successor = grants.find(second, "test")
    assert successor
    successor.family = family_of(first)
    db.session.commit()
    grants.end(successor.family)
    assert lives(first, second, other) == [False, False, True]


def test_a_grant_is_found_by_whatever_else_is_known(user: User) -> None:
    secret = created(user)
    family = family_of(secret)
    assert grants.live(Grant.family == family)
    assert grants.live(Grant.family == family, Grant.kind == "other") is None
    spend(secret)
    assert grants.live(Grant.family == family) is None


def test_only_the_users_own_live_ones_are_listed(user: User, other: User, wait: Wait) -> None:
    created(user)
    wait(HOUR - IDLE)
    idle = family_of(created(user))
    wait(IDLE)
    spend(created(user))
    mine, theirs = family_of(created(user)), family_of(created(other))
    assert listed(user) == [mine, idle]
    assert listed(user, idle=IDLE) == [mine]
    assert listed(other) == [theirs]


def test_ending_all_of_a_user_ends_no_others(user: User, other: User) -> None:
    mine, spent, theirs = created(user), created(user), created(other)
    spend(spent)
    grants.end_all(user)
    assert lives(mine, theirs) == [False, True]
    assert db.session.scalars(select(Grant.user_id)).all() == [other.id]


def test_a_purge_deletes_and_counts_what_has_expired(user: User, other: User, wait: Wait) -> None:
    created(user)
    spend(created(other))
    wait(1)
    live = created(user)
    wait(HOUR - 2)
    # What was spent stays until then, so that a second use is seen.
    assert grants.purge() == 0
    wait(1)
    assert (grants.purge(), grants.purge()) == (2, 0)
    assert lives(live)


def test_a_grant_that_ends_while_it_is_used_is_dead(
    user: User, wait: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = created(user)
    alive = grants.find(secret, "test")
    assert alive
    grants.end(alive.family)
    wait(60)
    monkeypatch.setattr(db.session, "scalar", lambda *arguments: alive)
    assert not lives(secret)


def test_deleting_a_user_deletes_the_grants(user: User) -> None:
    created(user)
    db.session.delete(user)
    db.session.commit()
    assert db.session.scalars(select(Grant)).all() == []


def test_of_too_many_logins_the_least_recently_used_ends(
    app: Flask, monkeypatch: pytest.MonkeyPatch, wait: Wait, user: User, other: User
) -> None:
    monkeypatch.setitem(app.config, "MAX_LOGINS", 3)
    elsewhere = created(other)
    used, unused, third = [created(user) for _ in range(3)]
    wait(60)
    assert lives(used)
    newest = created(user)
    assert lives(used, unused, third, newest, elsewhere) == [True, False, True, True, True]


def test_after_a_lower_limit_the_next_logins_end_the_rest_part_by_part(
    app: Flask, monkeypatch: pytest.MonkeyPatch, user: User
) -> None:
    """An account may have more logins than one statement takes parameters."""
    before = [created(user) for _ in range(5)]
    monkeypatch.setitem(app.config, "MAX_LOGINS", 1)
    monkeypatch.setattr(grants, "MAX_ENDED", 3)
    after = [created(user)]
    assert [lives(secret) for secret in before].count(True) == 2
    after.append(created(user))
    assert lives(*before, *after) == [False] * 6 + [True]


def test_a_login_that_is_replaced_takes_no_other_ones_place(
    app: Flask, monkeypatch: pytest.MonkeyPatch, user: User
) -> None:
    monkeypatch.setitem(app.config, "MAX_LOGINS", 2)
    first, second = created(user), created(user)
    assert lives(first, second, created(user, replaces=second)) == [True, False, True]


def test_kept_logins_count_among_the_most_that_a_user_may_have(
    app: Flask, monkeypatch: pytest.MonkeyPatch, user: User
) -> None:
    monkeypatch.setitem(app.config, "MAX_LOGINS", 2)
    logins = [created(user, kept=kept) for kept in (True, True, False, True)]
    assert lives(*logins) == [False, False, True, True]


def test_a_grant_says_which_client_it_went_to(app: Flask, user: User) -> None:
    created_by(app, user)
    assert [grant.client for grant in grants.all_of(user)] == [CLIENT]


def test_the_client_is_stored_encrypted_and_goes_with_its_grant(app: Flask, user: User) -> None:
    secret = created_by(app, user)
    [stored] = db.session.scalars(text("SELECT client FROM grants"))
    assert len(stored) > len(CLIENT)
    [row] = db.session.execute(text("SELECT * FROM grants"))
    for part in (CLIENT, SENT, "Firefox", "Linux", "203.0.113"):
        assert part not in str(row)
    grants.end(family_of(secret))
    assert list(db.session.scalars(text("SELECT client FROM grants"))) == []


def test_a_client_that_cannot_be_read_ends_no_login(app: Flask, user: User) -> None:
    secret = created_by(app, user)
    db.session.execute(text("UPDATE grants SET client = :bytes"), {"bytes": b"no ciphertext"})
    db.session.commit()
    assert lives(secret)
