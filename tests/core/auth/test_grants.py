"""Grants: which secrets count, and for how long."""

import base64
from hashlib import sha256

import pytest
from flask import Flask
from secure_flask.auth import grants, logins
from secure_flask.auth.grants import Grant
from secure_flask.database import db
from sqlalchemy import select, text

from core.auth.stored_grants import (
    HOUR,
    IDLE,
    KIND,
    created,
    created_by,
    family_of,
    listed,
    lives,
    spend,
)
from core.conftest import Wait
from core.site import User


def last_used() -> int:
    return db.session.scalars(select(Grant.last_used)).one()


def test_a_secret_is_256_random_bits() -> None:
    secrets = {grants.new_secret() for _ in range(3)}
    assert len(secrets) == 3
    assert {len(base64.urlsafe_b64decode(f"{secret}=")) for secret in secrets} == {32}


def test_the_table_holds_no_secret_and_what_it_holds_is_none(user: User) -> None:
    secret = created(user)
    row = db.session.execute(select(Grant.__table__)).one()
    assert row.secret_hash == sha256(secret.encode()).digest()
    assert secret not in str(row)
    assert lives(row.secret_hash.hex(), row.secret_hash.decode("latin-1")) == [False, False]


def test_a_secret_finds_its_user_for_its_own_purpose_alone(user: User, other: User) -> None:
    mine, theirs = (grants.find(created(each), KIND) for each in (user, other))
    assert mine
    assert theirs
    assert (mine.user, theirs.user) == (user, other)
    assert grants.find(created(user), "opaque") is None


def test_an_unknown_secret_finds_nothing(user: User, subtests: pytest.Subtests) -> None:
    created(user)
    for secret in ("", "a" * 43, "\0", "é", "\ud800", "' OR 1=1"):
        with subtests.test(ascii(secret)):
            assert not lives(secret)


@pytest.mark.parametrize("kind", grants.LIFETIMES)
def test_the_policy_sets_the_lifetime_and_idle_time_of_each_kind(
    app: Flask, user: User, wait: Wait, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    for lifetime, idle, lasting in [
        (None, 0, grants.LIFETIMES[kind]),
        (500, 0, 500),
        (500, 90, 90),
    ]:
        monkeypatch.setitem(app.config, "LOGIN_LIFETIME", lifetime)
        monkeypatch.setitem(app.config, "LOGIN_IDLE", idle)
        used, unused = grants.new_secret(), grants.new_secret()
        for secret in (used, unused):
            logins.create(user, kind, secret)
        wait(lasting - 1)
        assert lives(used, unused, kind=kind) == [True, True]
        wait(1)
        assert lives(used, kind=kind) == (idle > 0)
        wait(lasting - 1)
        assert not lives(unused, kind=kind)


@pytest.mark.parametrize(("kind", "ends"), [("session", True), ("opaque", False)])
def test_without_a_policy_only_a_session_ends_while_it_is_idle(
    app: Flask,
    user: User,
    wait: Wait,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    ends: bool,
) -> None:
    monkeypatch.setitem(app.config, "LOGIN_IDLE", None)
    secret = grants.new_secret()
    logins.create(user, kind, secret)
    wait(HOUR - 1)
    assert lives(secret, kind=kind)
    wait(HOUR)
    assert lives(secret, kind=kind) != ends


def test_a_grant_ends_by_itself_however_much_it_is_used(user: User, wait: Wait) -> None:
    secret = created(user)
    for _ in range(3):
        wait(HOUR / 4)
        assert lives(secret)
    wait(HOUR / 4 - 1)
    assert lives(secret)
    wait(1)
    assert not lives(secret)


@pytest.mark.usefixtures("idle")
def test_an_idle_grant_ends_early_and_does_not_come_back(user: User, wait: Wait) -> None:
    secret = created(user)
    wait(IDLE - 1)
    assert lives(secret)
    wait(IDLE)
    assert not lives(secret)
    assert not lives(secret)


@pytest.mark.usefixtures("idle")
def test_a_kept_grant_lives_through_idle_times_and_ends_after_its_lifetime(
    user: User, wait: Wait
) -> None:
    kept, other = created(user, kept=True), created(user)
    family = family_of(kept)
    wait(IDLE)
    assert lives(kept, other) == [True, False]
    assert listed(user) == [family]
    wait(HOUR - IDLE - 1)
    assert lives(kept)
    wait(1)
    assert not lives(kept)


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


@pytest.mark.usefixtures("idle")
def test_a_clock_that_was_ahead_lengthens_no_idle_time(user: User, wait: Wait) -> None:
    secret = created(user)
    wait(500)
    assert lives(secret)
    wait(-500)
    assert lives(secret)
    wait(IDLE)
    assert not lives(secret)


def test_a_spent_grant_and_one_of_a_disabled_user_find_nothing(user: User) -> None:
    spent, other = created(user), created(user)
    spend(spent)
    assert lives(spent, other) == [False, True]
    user.disabled = True
    db.session.commit()
    assert not lives(other)


def test_a_grant_is_found_by_whatever_else_is_known(user: User) -> None:
    secret = created(user)
    family = family_of(secret)
    assert grants.live(Grant.family == family)
    assert grants.live(Grant.family == family, Grant.kind == "other") is None
    spend(secret)
    assert grants.live(Grant.family == family) is None


def test_a_grant_that_ends_while_it_is_used_is_dead(
    user: User, wait: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = created(user)
    alive = grants.find(secret, KIND)
    assert alive
    logins.end(alive.family)
    wait(60)
    monkeypatch.setattr(db.session, "scalar", lambda *arguments: alive)
    assert not lives(secret)


def test_deleting_a_user_deletes_the_grants(user: User) -> None:
    created(user)
    db.session.delete(user)
    db.session.commit()
    assert db.session.scalars(select(Grant)).all() == []


def test_a_client_that_cannot_be_read_ends_no_login(app: Flask, user: User) -> None:
    secret = created_by(app, user)
    db.session.execute(text("UPDATE grants SET client = :bytes"), {"bytes": b"no ciphertext"})
    db.session.commit()
    assert lives(secret)
