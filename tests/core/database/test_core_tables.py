"""The tables of the core, whose names are free for an app with a login of its own."""

import subprocess
import sys
from pathlib import Path

import pytest
import secure_flask

# Its tables stand before `init_app`, as in the models of an app.
APP = """
import sys
import secure_flask
from flask import Flask
from secure_flask import Settings, db
from secure_flask.settings.__main__ import fresh_secrets

{models}

app = Flask("blog")
app.config.update(PROJECT_NAME="Blog", SECURITY_CONTACT="a@example.org")
secrets = {{name.lower(): value for name, value in fresh_secrets().items()}}
settings = Settings(app_env="development", **secrets, database_url="sqlite://")
secure_flask.init_app(app, settings, find_user=lambda: None)
app.app_context().push()
{end}
print(sorted(db.inspect(db.engine).get_table_names()))
"""
ROLE = """
class Role(db.Model):
    __tablename__ = "roles"
    id = db.Column(db.Integer, primary_key=True)
    permissions = db.Column(db.Integer)
"""
OTHERS = """
granted = db.Table(
    "user_roles",
    db.Column("user_id", db.ForeignKey("users.id"), primary_key=True),
    db.Column("role_id", db.ForeignKey("roles.id"), primary_key=True),
)
class Logins(db.Model):
    id = db.Column(db.Integer, primary_key=True)
class User(db.Model):
    __tablename__ = "users"
    id = db.Column(db.Integer, primary_key=True)
    roles = db.relationship("Role", secondary=granted)
"""
ASSIGNED = """
db.session.add(User(roles=[Role(permissions=3)]))
db.session.commit()
print(db.session.query(Role.permissions).all())
"""
OF_USERS = """
from secure_flask import Model, UserMixin
class User(UserMixin, Model):
    pass
"""


def run(models: str, end: str = "db.create_all()") -> subprocess.CompletedProcess[str]:
    code = APP.format(models=models, end=end)
    folder = Path(secure_flask.__file__).parents[1]
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )


def printed(models: str, end: str) -> list[str]:
    done = run(models, end)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


# What adopt.py says to write for the arguments of another `SQLAlchemy(…)`.
REPAIRED = """
from flask_sqlalchemy.query import Query
class Base:
    def named(self):
        return "mixed in"
class Own(Query):
    pass
db.metadata.naming_convention = {"pk": "key_of_%(table_name)s"}
db.metadata.schema = "main"
db.Query = db.Model.query_class = Own
db.session.session_factory.configure(**{"autoflush": False})
class Book(Base, db.Model):
    id = db.Column(db.Integer, primary_key=True)
    pages = db.relationship("Page", lazy="dynamic")
class Page(Base, db.Model):
    id = db.Column(db.Integer, primary_key=True)
    book_id = db.Column(db.ForeignKey("book.id"))
"""
SHOWN = """
db.create_all()
db.session.add(Book(id=1))
print(db.session.new and db.session.autoflush, Book(id=2).named(), Book.__table__)
print(type(Book.query).__name__, isinstance(Book(id=3).pages, Own))
print(db.inspect(db.engine).get_pk_constraint("book")["name"])
"""


@pytest.mark.slow
def test_the_arguments_that_its_db_does_not_have_are_set_in_another_way() -> None:
    shown = ["False mixed in main.book", "Own True", "key_of_book", "['book', 'page']"]
    assert printed(REPAIRED, SHOWN) == shown


@pytest.mark.slow
@pytest.mark.parametrize(
    ("models", "create"),
    [
        (ROLE + OTHERS, "db.create_all()"),
        (OTHERS + ROLE, "db.metadata.create_all(db.engine)"),
    ],
    ids=["a class first", "a table first"],
)
def test_an_app_with_its_own_login_may_have_tables_of_these_names(models: str, create: str) -> None:
    assert printed(models, create + ASSIGNED) == [
        "[(3,)]",
        "['logins', 'roles', 'user_roles', 'users']",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("models", ["", ROLE], ids=["none", "roles"])
def test_no_metadata_of_such_an_app_has_a_table_of_the_core(models: str) -> None:
    said = printed(models, "print(sorted(db.metadata.tables)); db.metadata.create_all(db.engine)")
    assert said == [str(["roles"] if models else [])] * 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "models", [OF_USERS + ROLE, ROLE + OF_USERS], ids=["users first", "roles first"]
)
def test_beside_users_of_the_core_such_a_table_is_an_error_that_names_it(models: str) -> None:
    done = run(models)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "TypeError: The table roles is one of secure_flask, which a class of UserMixin needs: give "
        "yours another name."
    )
