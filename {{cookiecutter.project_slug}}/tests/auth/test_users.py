"""Users: made and found by their exact names."""

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy.exc import IntegrityError

from app.auth import users
from app.auth.passwords import verify_password
from app.db import db
from tests.conftest import PASSWORD, USERNAME

NAMES = ["bob", "zoë", "名前", "a b", "' OR '1'='1", "n" * 150]
NOBODY = ["", "Ada", "ADA", "ada ", "%", "_da", "ad*", "' OR '1'='1"]


@pytest.fixture(autouse=True)
def _in_an_app(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


@pytest.mark.parametrize("name", NAMES)
def test_a_new_user_is_found_by_name(name: str) -> None:
    created = users.create(name, PASSWORD)
    assert users.find(name) == created
    assert created.name == name


@pytest.mark.parametrize("name", NOBODY)
def test_another_spelling_finds_nobody(name: str) -> None:
    assert users.find(name) is None


def test_a_new_user_may_log_in() -> None:
    assert users.create("bob", PASSWORD).disabled is False


@pytest.mark.asvs("11.4.2")
def test_a_user_is_kept_without_the_password() -> None:
    user = users.create("bob", PASSWORD)
    assert user.password_hash.startswith("$argon2id$")
    assert PASSWORD not in user.password_hash
    assert verify_password(user.password_hash, PASSWORD)


def test_a_name_is_given_once() -> None:
    with pytest.raises(IntegrityError):
        users.create(USERNAME, "another long password")
    db.session.rollback()
    user = users.find(USERNAME)
    assert user is not None
    assert verify_password(user.password_hash, PASSWORD)


def test_names_that_differ_in_case_are_two_users() -> None:
    assert users.create("Ada", PASSWORD).id != users.create("ADA", PASSWORD).id
