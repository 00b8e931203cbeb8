"""The rows of another app, which the page about them brings by SQL, log in with their passwords."""

import re
from pathlib import Path
from uuid import UUID

import pytest
from flask import Flask
from secure_flask.database import db
from sqlalchemy import text
from werkzeug.security import check_password_hash, generate_password_hash

from core import routes
from core.conftest import PASSWORD, MakeApp
from core.users import User

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "existing-users.md"
BLOCK = re.compile(r"^([^\n]+)\n\n```sql\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OLD = generate_password_hash(PASSWORD, "scrypt:1024:8:1")
FORMER = "0F8B9E8A-6C4E-4C52-9F57-0A6F0B6B8B11"
# Tables of the former app, and of the new one, where posts belong to a user.
TABLES = """
CREATE TABLE old_users (id {id}, username VARCHAR(80), password_hash VARCHAR(255), active BOOLEAN);
CREATE TABLE old_posts (id INTEGER, author_id {id}, title VARCHAR(80));
CREATE TABLE posts (id INTEGER, author_id {uuid} REFERENCES users (id), title VARCHAR(80))
"""
NEW_TABLES = ("old_users", "old_posts", "posts")


@pytest.fixture
def site(make_app: MakeApp) -> Flask:
    return make_app(LEGACY_HASHES={"scrypt:": (check_password_hash, OLD)})


def run(script: str) -> None:
    for statement in filter(str.strip, script.split(";")):
        db.session.execute(text(statement.replace("::", r"\:\:")))
    db.session.commit()


def on_postgresql() -> bool:
    return db.engine.dialect.name == "postgresql"


def import_users(ada: object, kind: str, sql: str) -> None:
    """Bring two users and a post of the first."""
    uuid = "UUID" if on_postgresql() else "CHAR(32)"
    try:
        run(TABLES.format(id=kind, uuid=uuid))
        rows = [{"id": ada, "name": "grace", "active": True}]
        if kind == "INTEGER":
            rows.append({"id": 4711, "name": "gone", "active": False})
        stored = "INSERT INTO old_users VALUES (:id, :name, :hash, :active)"
        db.session.execute(text(stored), [{**row, "hash": OLD} for row in rows])
        db.session.execute(text("INSERT INTO old_posts VALUES (1, :id, 'Hello')"), {"id": ada})
        run(sql)
        joined = "SELECT name FROM posts JOIN users ON users.id = posts.author_id"
        assert list(db.session.scalars(text(joined))) == ["grace"]
    finally:
        db.session.rollback()
        run(";".join(f"DROP TABLE IF EXISTS {name}" for name in NEW_TABLES))


def statements_of_page() -> str:
    """Those for this database, from integers."""
    blocks = dict(BLOCK.findall(PAGE.read_text("utf-8")))
    name = "PostgreSQL" if on_postgresql() else "SQLite"
    return str(blocks[f"On {name}, from integers:"])


def log_in(app: Flask, name: str) -> int:
    answer = app.test_client().post(routes.LOGIN, json={"username": name, "password": PASSWORD})
    return answer.status_code


def test_users_with_integers_keep_their_passwords_and_their_rows(site: Flask) -> None:
    with site.app_context():
        import_users(7, "INTEGER", statements_of_page())
        assert User.find("grace").id == UUID(int=7)  # type: ignore[union-attr]
    assert [log_in(site, name) for name in ("grace", "gone", "grace")] == [200, 401, 200]
    with site.app_context():
        assert User.find("grace").password_hash.startswith("$argon2id$")  # type: ignore[union-attr]
        assert User.find("gone").password_hash == OLD  # type: ignore[union-attr]


def test_users_with_uuids_keep_them(site: Flask) -> None:
    with site.app_context():
        [other] = re.findall(
            r"write `([^`]+)` on PostgreSQL" if on_postgresql() else r"`([^`]+)` on SQLite",
            PAGE.read_text("utf-8"),
        )
        made = re.compile(r"lpad\(to_hex\((\w+)\), 32, '0'\)::uuid|printf\('%032x', (\w+)\)")

        def as_uuid(found: re.Match[str]) -> str:
            column = found[1] or found[2]
            return str(re.sub(r"\bid\b", column, other))

        import_users(FORMER, "VARCHAR(36)", made.sub(as_uuid, statements_of_page()))
        assert User.find("grace").id == UUID(FORMER)  # type: ignore[union-attr]
    assert log_in(site, "grace") == 200


def test_the_rest_get_a_hash_that_no_password_matches_and_may_still_get_a_new_one(
    site: Flask,
) -> None:
    with site.app_context():
        import_users(7, "INTEGER", statements_of_page())
        [code] = [code for _, code in BLOCK.findall(PAGE.read_text("utf-8")) if "'*'" in code]
        run(code)
        grace = User.find("grace")
        assert grace
        assert grace.has_password
    assert [log_in(site, name) for name in ("ada", "grace")] == [200, 401]
