"""Logins: what ends them, and how many a user may have."""

import pytest
from flask import Flask
from secure_flask.auth import grants, logins
from secure_flask.auth.grants import Grant
from secure_flask.database import db
from sqlalchemy import select, text

from core.auth.stored_grants import (
    CLIENT,
    HOUR,
    IDLE,
    KIND,
    SENT,
    created,
    created_by,
    family_of,
    listed,
    lives,
    spend,
)
from core.conftest import Wait
from core.site import User


def test_a_clock_set_back_revives_nothing_that_was_ended(user: User, wait: Wait) -> None:
    ended, purged = created(user), created(user)
    logins.end(family_of(ended))
    wait(HOUR)
    logins.purge()
    wait(-2 * HOUR)
    assert lives(ended, purged) == [False, False]


def test_ending_a_grant_ends_all_of_its_login_and_no_other(user: User) -> None:
    first, second, other = (created(user) for _ in range(3))
    successor = grants.find(second, KIND)
    assert successor
    successor.family = family_of(first)
    db.session.commit()
    logins.end(successor.family)
    assert lives(first, second, other) == [False, False, True]


def test_only_the_users_own_live_ones_are_listed(
    app: Flask, user: User, other: User, wait: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    created(user)
    wait(HOUR - IDLE)
    idle = family_of(created(user))
    wait(IDLE)
    spend(created(user))
    mine, theirs = family_of(created(user)), family_of(created(other))
    assert listed(user) == [mine, idle]
    monkeypatch.setitem(app.config, "LOGIN_IDLE", IDLE)
    assert listed(user) == [mine]
    assert listed(other) == [theirs]


def test_ending_all_of_a_user_ends_no_others(user: User, other: User) -> None:
    mine, spent, theirs = created(user), created(user), created(other)
    spend(spent)
    logins.end_all(user)
    assert lives(mine, theirs) == [False, True]
    assert db.session.scalars(select(Grant.user_id)).all() == [other.id]


def test_a_purge_deletes_and_counts_what_has_expired(user: User, other: User, wait: Wait) -> None:
    created(user)
    spend(created(other))
    wait(1)
    live = created(user)
    wait(HOUR - 2)
    # What was spent stays until then, so that a second use is seen.
    assert logins.purge() == 0
    wait(1)
    assert (logins.purge(), logins.purge()) == (2, 0)
    assert lives(live)


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


def test_the_most_logins_are_counted_for_each_kind_apart(
    app: Flask, monkeypatch: pytest.MonkeyPatch, user: User
) -> None:
    monkeypatch.setitem(app.config, "MAX_LOGINS", 2)
    session = [created(user) for _ in range(2)]
    opaque = [created(user, kind="opaque") for _ in range(3)]
    assert lives(*session) == [True, True]
    assert lives(*opaque, kind="opaque") == [False, True, True]


def test_after_a_lower_limit_the_next_logins_end_the_rest_part_by_part(
    app: Flask, monkeypatch: pytest.MonkeyPatch, user: User
) -> None:
    """An account may have more logins than one statement takes parameters."""
    before = [created(user) for _ in range(5)]
    monkeypatch.setitem(app.config, "MAX_LOGINS", 1)
    monkeypatch.setattr(logins, "MAX_ENDED", 3)
    after = [created(user)]
    assert [lives(secret) for secret in before].count(True) == 2
    after.append(created(user))
    assert lives(*before, *after) == [False] * 6 + [True]


def test_a_login_that_is_replaced_takes_no_other_ones_place(
    app: Flask, monkeypatch: pytest.MonkeyPatch, user: User
) -> None:
    monkeypatch.setitem(app.config, "MAX_LOGINS", 2)
    first, second = created(user), created(user)
    assert lives(first, second, created(user, shown=second)) == [True, False, True]


def test_kept_logins_count_among_the_most_that_a_user_may_have(
    app: Flask, monkeypatch: pytest.MonkeyPatch, user: User
) -> None:
    monkeypatch.setitem(app.config, "MAX_LOGINS", 2)
    logins = [created(user, kept=kept) for kept in (True, True, False, True)]
    assert lives(*logins) == [False, False, True, True]


def test_a_grant_says_which_client_it_went_to(app: Flask, user: User) -> None:
    created_by(app, user)
    assert [grant.client for grant in logins.all_of(user)] == [CLIENT]


def test_the_client_is_stored_encrypted_and_goes_with_its_grant(app: Flask, user: User) -> None:
    secret = created_by(app, user)
    [stored] = db.session.scalars(text("SELECT client FROM grants"))
    assert len(stored) > len(CLIENT)
    [row] = db.session.execute(text("SELECT * FROM grants"))
    for part in (CLIENT, SENT, "Firefox", "Linux", "203.0.113"):
        assert part not in str(row)
    logins.end(family_of(secret))
    assert list(db.session.scalars(text("SELECT client FROM grants"))) == []
