"""Users: made and found by their exact names."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from flask import Flask
from secure_flask.auth import users
from secure_flask.auth.passwords import verify_password
from secure_flask.auth.users import MAX_NAME
from secure_flask.database import db
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.attributes import set_committed_value

from core.conftest import PASSWORD, USERNAME
from core.site import User


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


def test_a_hash_is_replaced_only_where_it_is_still_the_same_and_the_user_may_log_in() -> None:
    user = users.create_user("bob", PASSWORD)
    read = user.password_hash
    assert users.replace_hash(user, "another")
    db.session.commit()
    set_committed_value(user, "password_hash", read)
    assert not users.replace_hash(user, "a third")
    db.session.refresh(user)
    assert user.password_hash == "another"
    user.disabled = True
    db.session.commit()
    assert not users.replace_hash(user, "a third")


def test_no_hint_and_no_security_question_is_kept_of_a_user() -> None:
    columns = [column.name for column in User.__table__.columns]
    assert "password_hash" in columns
    pattern = "hint|(password|secret|security)_?(question|answer)"
    assert [name for name in columns if re.search(pattern, name)] == []


def test_columns_of_the_app_are_given_by_name() -> None:
    assert users.create_user("bob", PASSWORD, email="bob@example.org").email == "bob@example.org"
    found = User.find("bob")
    assert found is not None
    assert found.email == "bob@example.org"
    with pytest.raises(TypeError, match="shoe_size"):
        users.create_user("eve", PASSWORD, shoe_size=44)


# Run elsewhere, since a process has one class of users.
CLASSES = """
from secure_flask import Model, UserMixin
from secure_flask.auth.users import user_class

def refusal(make):
    try:
        make()
    except TypeError as refused:
        return str(refused)

print(refusal(user_class))
class User(UserMixin, Model): pass
class Admin(User): pass
assert user_class() is User
print(refusal(lambda: type("Person", (UserMixin, Model), {"__module__": "elsewhere"})))
"""


def test_an_app_has_one_class_of_users_and_classes_that_inherit_from_it() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = [sys.executable, "-B", "-c", CLASSES]
    said = subprocess.run(run, env=environment, capture_output=True, text=True, check=True).stdout
    assert "No class inherits from UserMixin. Write it into app/models.py" in said
    assert "class User(UserMixin, Model):" in said
    assert "elsewhere.Person is a second class of users beside __main__.User: let it" in said
