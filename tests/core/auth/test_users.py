"""Users, found by their exact names, and the roles that they have."""

import os
import re
import subprocess
import sys

import pytest
from flask import Flask
from secure_flask.auth import user_changes, users
from secure_flask.auth.users import MAX_NAME, Role, user_roles
from secure_flask.database import db
from sqlalchemy import delete, select
from sqlalchemy.orm.attributes import set_committed_value
from werkzeug.exceptions import BadRequest

from core.conftest import PASSWORD, USERNAME, give_roles
from core.users import User

NAMES = ["zoë", "名前", "a b", "' OR '1'='1", "n" * MAX_NAME, "Ada", "ADA"]
OTHER_SPELLINGS = ["", "Ada", "ADA", "ada ", " ada", "ad\u0430", "%", "_da", "ad*", "' OR '1'='1"]

pytestmark = pytest.mark.usefixtures("app_context")


def ada() -> User:
    found = User.find(USERNAME)
    assert found is not None
    return found


def test_a_user_is_found_by_the_exact_name_alone() -> None:
    assert [name for name in OTHER_SPELLINGS if User.find(name)] == []
    created = {name: user_changes.create_user(name, PASSWORD) for name in NAMES}
    assert {name: User.find(name) for name in NAMES} == created
    stored = {name: (user.name, user.disabled, user.role_names) for name, user in created.items()}
    assert stored == {name: (name, False, []) for name in NAMES}


@pytest.mark.parametrize(
    "password", ["a", " " * 15, f"for lovelace {PASSWORD}", f"for grace {PASSWORD}"]
)
def test_a_poor_password_of_a_new_user_is_refused_with_the_reason(password: str) -> None:
    with pytest.raises(BadRequest, match=r"Use (at least|one line)|must not contain") as refused:
        user_changes.create_user("grace", password, email="lovelace@example.org")
    assert getattr(refused.value, "fields", {}).keys() == {"password"}
    assert User.find("grace") is None


def test_a_hash_is_replaced_only_where_it_is_still_the_same_and_the_user_may_log_in() -> None:
    user, read = ada(), ada().password_hash
    assert users.replace_hash(user, "another")
    db.session.commit()
    set_committed_value(user, "password_hash", read)
    assert not users.replace_hash(user, "a third")
    db.session.refresh(user)
    assert user.password_hash == "another"
    user.disabled = True
    db.session.commit()
    assert not users.replace_hash(user, "a third")


@pytest.mark.asvs("6.4.2")
def test_no_hint_and_no_security_question_is_kept_of_a_user() -> None:
    columns = [column.name for column in User.__table__.columns]
    assert "password_hash" in columns
    pattern = "hint|(password|secret|security)_?(question|answer)"
    assert [name for name in columns if re.search(pattern, name)] == []


def test_a_deleted_role_is_taken_from_all_and_a_deleted_user_leaves_the_role(app: Flask) -> None:
    give_roles(app, "editor", "admin")
    assert ada().role_names == ["admin", "editor"]
    db.session.execute(delete(Role).where(Role.name == "admin"))
    db.session.commit()
    assert ada().role_names == ["editor"]
    db.session.delete(ada())
    db.session.commit()
    assert db.session.execute(select(user_roles)).all() == []
    assert [role.name for role in users.stored_roles()] == ["editor"]


# Run elsewhere, since a process has one class of users.
CLASSES = """
from flask import Flask
from secure_flask import Model, Settings, UserMixin, init_app, testing
from secure_flask.auth.users import user_class

def refusal(make):
    try:
        make()
    except TypeError as refused:
        return str(refused)

print(refusal(user_class))
app = Flask("shop")
app.config.update(PROJECT_NAME="Shop", SECURITY_CONTACT="security@example.org")
init_app(app, testing.settings(Settings))
print(app.test_cli_runner().invoke(args=["user", "list"]).output)
class User(UserMixin, Model): pass
class Admin(User): pass
assert user_class() is User
print(refusal(lambda: type("Person", (UserMixin, Model), {"__module__": "elsewhere"})))
"""


def run(code: str, *arguments: str) -> str:
    """What the code says in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-B", "-c", code, *arguments]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True
    ).stdout


@pytest.mark.slow
def test_an_app_has_one_class_of_users_and_classes_that_inherit_from_it() -> None:
    said = run(CLASSES)
    assert "No class inherits from UserMixin. Write it into app/models.py" in said
    assert "class User(UserMixin, Model):" in said
    assert "Error: No class inherits from UserMixin. Write it into app/models.py" in said
    assert "elsewhere.Person is a second class of users beside __main__.User: let it" in said


# Each class of users has `is_authenticated` by itself, from a mixin or not at all.
DEFINED = """
import sys
from secure_flask import Model, UserMixin
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column

class Column:
    is_authenticated: Mapped[bool] = mapped_column(default=False)
class Annotated:
    is_authenticated: Mapped[bool]
class Property:
    is_authenticated = property(lambda self: False)
class Hybrid:
    @hybrid_property
    def is_authenticated(self):
        return self.disabled is not None and False
class Nothing:
    pass

User = type("User", (*map(globals().get, sys.argv[1:]), Model), {})
has_column = "is_authenticated" in User.__table__.columns
user = User(is_authenticated=False) if has_column else User()
print(user.is_authenticated, has_column)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("order", "shown"),
    [
        (["UserMixin", "Nothing"], "True False"),
        (["Column", "UserMixin"], "False True"),
        (["UserMixin", "Annotated"], "False True"),
        (["UserMixin", "Property"], "False False"),
        (["Hybrid", "UserMixin"], "False False"),
    ],
    ids=str,
)
def test_a_user_is_authenticated_unless_the_owners_class_says_so_itself(
    order: list[str], shown: str
) -> None:
    assert run(DEFINED, *order).strip() == shown
