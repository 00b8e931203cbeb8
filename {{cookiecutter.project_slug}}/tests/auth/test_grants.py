"""Grants: which secrets count, and for how long."""

import base64
from collections.abc import Iterator
from hashlib import sha256

import pytest
from flask import Flask
from sqlalchemy import select

from app.auth import grants, users
from app.auth.grants import Grant
from app.auth.users import User
from app.db import db
from tests.conftest import PASSWORD, USERNAME, Wait

HOUR = 60 * 60  # seconds


@pytest.fixture(autouse=True)
def _in_an_app(app: Flask) -> Iterator[None]:
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


def test_a_secret_finds_its_user(user: User) -> None:
    grant = grants.find(created(user), "test")
    assert grant is not None
    assert grant.user == user


@pytest.mark.asvs("7.2.3", "11.5.1")
def test_a_secret_is_256_random_bits(user: User) -> None:
    secrets = {created(user) for _ in range(3)}
    assert len(secrets) == 3
    assert {len(base64.urlsafe_b64decode(f"{secret}=")) for secret in secrets} == {32}


@pytest.mark.asvs("11.4.1")
def test_the_table_holds_no_secret(user: User) -> None:
    secret = created(user)
    row = db.session.execute(select(Grant.__table__)).one()
    assert row.secret_hash == sha256(secret.encode()).digest()
    assert secret not in str(row)


@pytest.mark.parametrize("secret", ["", "a" * 43, "\0", "é", "\ud800", "' OR 1=1"])
def test_an_unknown_secret_finds_nothing(user: User, secret: str) -> None:
    created(user)
    assert grants.find(secret, "test") is None


def test_a_stored_hash_is_no_secret(user: User) -> None:
    stored = sha256(created(user).encode())
    assert grants.find(stored.hexdigest(), "test") is None
    assert grants.find(stored.digest().decode("latin-1"), "test") is None


def test_a_secret_serves_its_own_purpose_alone(user: User) -> None:
    secret = created(user)
    assert grants.find(secret, "other") is None


@pytest.mark.asvs("7.3.2", "7.4.1")
def test_a_grant_ends_by_itself(user: User, wait: Wait) -> None:
    secret = created(user)
    wait(HOUR - 1)
    assert grants.find(secret, "test")
    wait(1)
    assert grants.find(secret, "test") is None


@pytest.mark.asvs("7.3.2")
def test_use_does_not_prolong_it(user: User, wait: Wait) -> None:
    secret = created(user)
    for _ in range(3):
        wait(HOUR / 4)
        assert grants.find(secret, "test", idle=HOUR)
    wait(HOUR / 4)
    assert grants.find(secret, "test", idle=HOUR) is None


def test_an_idle_grant_ends_early(user: User, wait: Wait) -> None:
    secret = created(user)
    wait(599)
    assert grants.find(secret, "test", idle=600)
    wait(600)
    assert grants.find(secret, "test", idle=600) is None


def test_an_idle_grant_does_not_come_back(user: User, wait: Wait) -> None:
    secret = created(user)
    wait(600)
    assert grants.find(secret, "test", idle=600) is None
    assert grants.find(secret, "test", idle=600) is None


def test_use_is_written_once_a_minute(user: User, wait: Wait) -> None:
    secret = created(user)
    issued = last_used()
    wait(59)
    grants.find(secret, "test")
    assert last_used() == issued
    wait(1)
    grants.find(secret, "test")
    assert last_used() == issued + 60


def test_a_clock_set_back_adds_what_it_lost_and_no_more(user: User, wait: Wait) -> None:
    secret = created(user)
    wait(-HOUR)
    assert grants.find(secret, "test")
    wait(2 * HOUR - 1)
    assert grants.find(secret, "test")
    wait(1)
    assert grants.find(secret, "test") is None


def test_a_clock_that_was_ahead_lengthens_no_idle_time(user: User, wait: Wait) -> None:
    secret = created(user)
    wait(500)
    assert grants.find(secret, "test", idle=600)
    wait(-500)
    assert grants.find(secret, "test", idle=600)
    wait(600)
    assert grants.find(secret, "test", idle=600) is None


def test_a_clock_set_back_revives_nothing_that_was_ended(user: User, wait: Wait) -> None:
    ended, purged = created(user), created(user)
    grants.end(family_of(ended))
    wait(HOUR)
    grants.purge()
    wait(-2 * HOUR)
    assert grants.find(ended, "test") is None
    assert grants.find(purged, "test") is None


def test_a_disabled_users_grant_finds_nothing(user: User) -> None:
    secret = created(user)
    user.disabled = True
    db.session.commit()
    assert grants.find(secret, "test") is None


def test_ending_a_grant_ends_all_of_its_login_and_no_other(user: User) -> None:
    first, second, other = (created(user) for _ in range(3))
    one, two = grants.find(first, "test"), grants.find(second, "test")
    assert one
    assert two
    two.family = one.family
    db.session.commit()
    grants.end(one.family)
    assert grants.find(first, "test") is None
    assert grants.find(second, "test") is None
    assert grants.find(other, "test")


def test_a_spent_grant_finds_nothing(user: User) -> None:
    secret = created(user)
    spend(secret)
    assert grants.find(secret, "test") is None


def test_a_grant_is_found_by_whatever_else_is_known(user: User) -> None:
    secret = created(user)
    family = family_of(secret)
    assert grants.live(Grant.family == family)
    assert grants.live(Grant.family == family, Grant.kind == "other") is None
    spend(secret)
    assert grants.live(Grant.family == family) is None


def test_all_of_a_user_are_listed_the_newest_first(user: User, wait: Wait) -> None:
    families = [family_of(created(user)), family_of(created(user))]
    wait(1)
    families.append(family_of(created(user)))
    assert listed(user) == families[::-1]


def test_only_the_users_own_live_ones_are_listed(user: User, other: User, wait: Wait) -> None:
    created(user)
    wait(HOUR)
    spend(created(user))
    mine, theirs = created(user), created(other)
    assert listed(user) == [family_of(mine)]
    assert listed(other) == [family_of(theirs)]


def test_idle_ones_are_listed_only_if_nothing_is_said_of_them(user: User, wait: Wait) -> None:
    idle = family_of(created(user))
    wait(600)
    fresh = family_of(created(user))
    assert listed(user) == [fresh, idle]
    assert [grant.family for grant in grants.all_of(user, idle=600)] == [fresh]


def test_ending_all_of_a_user_ends_no_others(user: User, other: User) -> None:
    mine, spent, theirs = created(user), created(user), created(other)
    spend(spent)
    grants.end_all(user)
    assert grants.find(mine, "test") is None
    assert grants.find(theirs, "test")
    assert db.session.scalars(select(Grant.user_id)).all() == [other.id]


def test_ending_all_but_one_keeps_that_one(user: User) -> None:
    kept, ended = created(user), created(user)
    grants.end_all(user, but=family_of(kept))
    assert grants.find(kept, "test")
    assert grants.find(ended, "test") is None


def test_a_purge_deletes_and_counts_what_has_expired(user: User, other: User, wait: Wait) -> None:
    created(user)
    spend(created(other))
    wait(1)
    live = created(user)
    wait(HOUR - 2)
    assert grants.purge() == 0
    wait(1)
    assert grants.purge() == 2
    assert grants.purge() == 0
    assert grants.find(live, "test")


def test_a_purge_keeps_what_was_spent_so_that_a_second_use_is_seen(user: User) -> None:
    spend(created(user))
    assert grants.purge() == 0
    assert len(db.session.scalars(select(Grant)).all()) == 1


def test_a_grant_that_ends_while_it_is_used_is_dead(
    user: User, wait: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = created(user)
    wait(60)
    alive = grants.find(secret, "test")
    assert alive
    grants.end(alive.family)
    wait(60)
    monkeypatch.setattr(db.session, "scalar", lambda statement: alive)
    assert grants.find(secret, "test") is None


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
    used, unused, *later = [created(user) for _ in range(3)]
    wait(grants.LAST_USED_STEP)
    assert grants.find(used, "test")
    later += [created(user)]
    assert not grants.find(unused, "test")
    for secret in (used, *later, elsewhere):
        assert grants.find(secret, "test")


def test_a_login_that_is_replaced_takes_no_other_ones_place(
    app: Flask, monkeypatch: pytest.MonkeyPatch, user: User
) -> None:
    monkeypatch.setitem(app.config, "MAX_LOGINS", 2)
    first, second = created(user), created(user)
    third = created(user, replaces=second)
    assert [bool(grants.find(secret, "test")) for secret in (first, second, third)] == [1, 0, 1]


def created(user: User, *, replaces: str = "") -> str:
    secret = grants.new_secret()
    grants.create(user, "test", secret, HOUR, replaces=replaces)
    return secret


def spend(secret: str) -> None:
    grant = grants.find(secret, "test")
    assert grant is not None
    grant.used = grant.issued
    db.session.commit()


def family_of(secret: str) -> str:
    grant = grants.find(secret, "test")
    assert grant is not None
    return grant.family


def listed(user: User) -> list[str]:
    return [grant.family for grant in grants.all_of(user)]


def last_used() -> int:
    return db.session.scalars(select(Grant.last_used)).one()
