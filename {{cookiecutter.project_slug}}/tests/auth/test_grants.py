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
from tests.conftest import USERNAME, Wait

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


def test_a_secret_finds_its_user(user: User) -> None:
    grant = grants.find(grants.create(user, "test", HOUR), "test")
    assert grant is not None
    assert grant.user == user


def test_a_secret_is_256_random_bits(user: User) -> None:
    secrets = {grants.create(user, "test", HOUR) for _ in range(3)}
    assert len(secrets) == 3
    assert {len(base64.urlsafe_b64decode(f"{secret}=")) for secret in secrets} == {32}


def test_the_table_holds_no_secret(user: User) -> None:
    secret = grants.create(user, "test", HOUR)
    row = db.session.execute(select(Grant.__table__)).one()
    assert row.secret_hash == sha256(secret.encode()).digest()
    assert secret not in str(row)


@pytest.mark.parametrize("secret", ["", "a" * 43, "\0", "é", "\ud800", "' OR 1=1"])
def test_an_unknown_secret_finds_nothing(user: User, secret: str) -> None:
    grants.create(user, "test", HOUR)
    assert grants.find(secret, "test") is None


def test_a_stored_hash_is_no_secret(user: User) -> None:
    stored = sha256(grants.create(user, "test", HOUR).encode())
    assert grants.find(stored.hexdigest(), "test") is None
    assert grants.find(stored.digest().decode("latin-1"), "test") is None


def test_a_secret_serves_its_own_purpose_alone(user: User) -> None:
    secret = grants.create(user, "test", HOUR)
    assert grants.find(secret, "other") is None


def test_a_grant_ends_by_itself(user: User, wait: Wait) -> None:
    secret = grants.create(user, "test", HOUR)
    wait(HOUR - 1)
    assert grants.find(secret, "test")
    wait(1)
    assert grants.find(secret, "test") is None


def test_use_does_not_prolong_it(user: User, wait: Wait) -> None:
    secret = grants.create(user, "test", HOUR)
    for _ in range(3):
        wait(HOUR / 4)
        assert grants.find(secret, "test", idle=HOUR)
    wait(HOUR / 4)
    assert grants.find(secret, "test", idle=HOUR) is None


def test_an_idle_grant_ends_early(user: User, wait: Wait) -> None:
    secret = grants.create(user, "test", HOUR)
    wait(599)
    assert grants.find(secret, "test", idle=600)
    wait(600)
    assert grants.find(secret, "test", idle=600) is None


def test_an_idle_grant_does_not_come_back(user: User, wait: Wait) -> None:
    secret = grants.create(user, "test", HOUR)
    wait(600)
    assert grants.find(secret, "test", idle=600) is None
    assert grants.find(secret, "test", idle=600) is None


def test_use_is_written_once_a_minute(user: User, wait: Wait) -> None:
    secret = grants.create(user, "test", HOUR)
    issued = last_used()
    wait(59)
    grants.find(secret, "test")
    assert last_used() == issued
    wait(1)
    grants.find(secret, "test")
    assert last_used() == issued + 60


def test_a_disabled_users_grant_finds_nothing(user: User) -> None:
    secret = grants.create(user, "test", HOUR)
    user.disabled = True
    db.session.commit()
    assert grants.find(secret, "test") is None


def test_ending_a_grant_ends_all_of_its_login_and_no_other(user: User) -> None:
    first, second, other = (grants.create(user, "test", HOUR) for _ in range(3))
    one, two = grants.find(first, "test"), grants.find(second, "test")
    assert one
    assert two
    two.family = one.family
    db.session.commit()
    grants.end(one)
    assert grants.find(first, "test") is None
    assert grants.find(second, "test") is None
    assert grants.find(other, "test")


def test_deleting_a_user_deletes_the_grants(user: User) -> None:
    grants.create(user, "test", HOUR)
    db.session.delete(user)
    db.session.commit()
    assert db.session.scalars(select(Grant)).all() == []


def last_used() -> int:
    return db.session.scalars(select(Grant.last_used)).one()
