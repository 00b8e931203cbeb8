"""`flask crypto` finds each encrypted column, and says which ones it cannot rotate."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from secure_flask import EncryptedString
from secure_flask.auth import user_changes
from secure_flask.database import db
from sqlalchemy import Column, Integer, Table, insert, select

from core.conftest import PASSWORD, MakeApp
from core.crypto.bound_models import (
    METADATAS,
    ArchivedUser,
    Letter,
    other_databases,
    plain,
    stamps,
    wrapped,
)
from core.crypto.ring_changes import OLD, drop_old, put_in_front, run
from core.users import User

EMAIL, OTHER = "ada@example.org", "eve@example.org"
STORED: list[Any] = [ArchivedUser.__table__, Letter.__table__, stamps, wrapped]
# What `status` says of each column after a command with a new key in front.
STATES = {"status": f"key {OLD} old 1", "rotate": "key 2 current 1"}
WRAPPED = {"decorated": "OWL", "variant": "owl", "pickled": ["owl"]}


@pytest.fixture
def leaflets() -> Iterator[Table]:
    """A table of the app's own database that no class describes."""
    text = EncryptedString("leaflets.text")
    leaflets = db.Table("leaflets", Column("id", Integer, primary_key=True), Column("text", text))
    yield leaflets
    db.metadata.remove(leaflets)


@pytest.fixture
def app(make_app: MakeApp, tmp_path: Path, leaflets: Table) -> Iterator[Flask]:
    """One with two databases, and an encrypted value in each column that can be rotated."""
    url = os.environ.get("TEST_DATABASE_URL", f"sqlite:///{tmp_path}/app.db")
    binds = {"archive": f"sqlite:///{tmp_path}/archive.db"}
    app = make_app(database_url=url, SQLALCHEMY_BINDS=binds)
    with other_databases(), app.app_context():
        METADATAS["archive"].create_all(db.engines["archive"], [*STORED, plain])
        user_changes.create_user("bob", PASSWORD, email=EMAIL)
        db.session.add_all([ArchivedUser(email=OTHER), Letter(text="owl")])
        for table in (leaflets, stamps):
            db.session.execute(insert(table).values(text="owl"))
        db.session.execute(insert(wrapped).values(WRAPPED))
        db.session.commit()
        yield app
        db.session.rollback()
        leaflets.drop(db.engine, checkfirst=True)
        db.engines["archive"].dispose()


def status(app: Flask) -> dict[str, str]:
    """What `status` says of each column whose values it counts."""
    lines = (line.split("\t") for line in run(app, "status").stdout.splitlines())
    return {name: " ".join(rest) for name, *rest in lines}


def row_of(table: Table) -> list[Any]:
    """The only row of a table, in its database."""
    return [*db.session.execute(select(table), bind_arguments={"clause": table}).one()]


NAMES = {
    "leaflets.text",
    "users.email_encrypted",
    "users.email_encrypted (index)",
    *(f"users.email_encrypted (bind archive){index}" for index in ("", " (index)")),
    *(f"{name} (bind archive)" for name in ("letters.text", "stamps.text")),
    *(f"wrapped.{name} (bind archive)" for name in WRAPPED),
}
UNREACHED = {
    "keyless.text (bind archive)": "Its table has no primary key",
    "nested.array (bind archive)": "Its type ARRAY stores",
    "nested.packed (bind archive)": "Its type Packed stores",
    "nested.twice (bind archive)": "Its type Twice stores",
    "sealed.id (bind archive)": "The primary key of its table is encrypted",
    "sealed.text (bind archive)": "The primary key of its table is encrypted",
    "elsewhere.text (bind unknown)": "SQLALCHEMY_BINDS does not have its bind",
}


def test_columns_of_all_databases_tables_and_types_are_counted(app: Flask) -> None:
    """All but `plain`, whose types are encrypted in another kind of database."""
    assert status(app) == dict.fromkeys(NAMES, f"key {OLD} current 1")
    assert "plain." not in run(app, "status").output


def test_their_values_outlive_the_old_keys(app: Flask, leaflets: Table) -> None:
    put_in_front(app)
    assert status(app) == dict.fromkeys(NAMES, f"key {OLD} old 1")
    run(app, "rotate")
    drop_old(app)
    assert status(app) == dict.fromkeys(NAMES, "key 2 current 1")
    db.session.expire_all()
    assert db.session.scalars(select(User).where(User.email == EMAIL)).one().email == EMAIL
    same = select(ArchivedUser).where(ArchivedUser.email == OTHER)
    assert db.session.scalars(same).one().email == OTHER
    assert db.session.scalars(select(Letter)).one().text == "owl"
    assert [row_of(table) for table in (leaflets, stamps)] == [[1, "owl"]] * 2
    assert row_of(wrapped) == [1, *WRAPPED.values()]


@pytest.mark.parametrize("command", ["status", "rotate"])
def test_what_cannot_be_rotated_is_named_and_the_rest_goes_on(app: Flask, command: str) -> None:
    put_in_front(app)
    done = run(app, command)
    assert done.exit_code == 1
    named = dict(line.split(" cannot be rotated. ") for line in done.stderr.splitlines()[:-1])
    reasons = {name: reason.startswith(UNREACHED.get(name, "?")) for name, reason in named.items()}
    assert reasons == dict.fromkeys(UNREACHED, True), named
    [*_, last] = done.stderr.splitlines()
    assert last == f"Error: {len(UNREACHED)} columns cannot be rotated; the lines above name them."
    assert status(app) == dict.fromkeys(NAMES, STATES[command])


@pytest.mark.parametrize("command", ["status", "rotate"])
def test_a_table_that_is_missing_keeps_no_other_back(
    app: Flask,
    leaflets: Table,
    command: str,
    subtests: pytest.Subtests,
) -> None:
    leaflets.drop(db.engine)
    Letter.__table__.drop(db.engines["archive"])
    put_in_front(app)
    done, missing = run(app, command), {"leaflets.text", "letters.text (bind archive)"}
    assert done.exit_code == 1
    for name in missing:
        with subtests.test(name=name):
            assert f"{name} cannot be rotated. The database says: " in done.stderr
    assert status(app) == dict.fromkeys(NAMES - missing, STATES[command])
