"""Users: made and found by their exact names."""

import re
from collections.abc import Iterator
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy.exc import IntegrityError

from secure_flask.auth import users
from secure_flask.auth.passwords import verify_password
from secure_flask.auth.users import MAX_NAME, User
from secure_flask.database import db
from core.conftest import PASSWORD, USERNAME


@pytest.fixture(autouse=True)
def _in_an_app(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


def test_a_new_user_is_found_by_name_and_may_log_in(subtests: pytest.Subtests) -> None:
    for name in ["bob", "zoë", "名前", "a b", "' OR '1'='1", "n" * MAX_NAME]:
        with subtests.test(name):
            created = users.create_user(name, PASSWORD)
            assert User.find(name) == created
            assert created.name == name
            assert created.disabled is False


def test_another_spelling_finds_nobody(subtests: pytest.Subtests) -> None:
    for name in ["", "Ada", "ADA", "ada ", " ada", "ad\u0430", "%", "_da", "ad*", "' OR '1'='1"]:
        with subtests.test(name):
            assert User.find(name) is None


@pytest.mark.asvs("11.4.2")
def test_a_user_is_kept_without_the_password() -> None:
    user = users.create_user("bob", PASSWORD)
    assert user.password_hash.startswith("$argon2id$")
    assert PASSWORD not in user.password_hash
    assert verify_password(user.password_hash, PASSWORD)


def test_a_name_is_given_once() -> None:
    with pytest.raises(IntegrityError):
        users.create_user(USERNAME, "another long password")
    db.session.rollback()
    user = User.find(USERNAME)
    assert user is not None
    assert verify_password(user.password_hash, PASSWORD)


def test_names_that_differ_in_case_are_two_users() -> None:
    assert users.create_user("Ada", PASSWORD).id != users.create_user("ADA", PASSWORD).id


def test_only_a_user_who_may_log_in_is_locked() -> None:
    user = users.create_user("bob", PASSWORD)
    assert users.lock(user.id)
    user.disabled = True
    assert not users.lock(user.id)
    assert not users.lock(uuid4())


@pytest.mark.asvs("6.4.2")
def test_no_hint_and_no_security_question_is_kept_of_a_user() -> None:
    columns = [column.name for column in User.__table__.columns]
    assert "password_hash" in columns
    pattern = "hint|(password|secret|security)_?(question|answer)"
    assert [name for name in columns if re.search(pattern, name)] == []
