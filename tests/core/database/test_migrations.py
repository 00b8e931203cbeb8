"""Migrations on SQLite, which replaces a table to alter it, lose no row, and leave nothing halfway."""

import importlib.util
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import secure_flask
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from click.testing import Result
from flask import Flask
from secure_flask.auth import logins, user_changes
from secure_flask.auth.logins import Login
from secure_flask.database import database, db, migrations
from sqlalchemy import (
    BLOB,
    CHAR,
    DATETIME,
    Connection,
    Engine,
    MetaData,
    Table,
    create_engine,
    func,
    insert,
    inspect,
    select,
    text,
)

from core.conftest import PASSWORD, USERNAME, MakeApp
from core.statements import SIZES, counted_statements
from core.users import User

MIGRATION = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = "a_test", {head!r}

def upgrade():
    with op.batch_alter_table("users") as users:
        users.add_column(sa.Column("a_test", sa.Integer()))
    {statement}

def downgrade():
    with op.batch_alter_table("users") as users:
        users.drop_column("a_test")
"""

NEW_COLUMN = 'op.add_column("logins", sa.Column("places", sa.Integer(), nullable=False))'
# Batch mode fills a copy of the table, which fails.
FILLED_COLUMN = """with op.batch_alter_table("logins") as logins:
        logins.alter_column("rotated", existing_type=sa.BigInteger(), nullable=False)"""

Migrate = Callable[..., Result]


@pytest.fixture
def app(make_app: MakeApp, tmp_path: Path) -> Flask:
    """An app with a user who is logged in, in a database made by the migrations."""
    app = make_app(database_url=f"sqlite:///{tmp_path}/app.db", fill=False)
    assert app.test_cli_runner().invoke(args=["db", "upgrade"]).exit_code == 0
    with app.test_request_context():
        user = user_changes.create_user(USERNAME, PASSWORD)
        logins.start_login(user, "session", logins.new_secret())
    return app


@pytest.fixture
def migrate(app: Flask, tmp_path: Path) -> Migrate:
    """`migrate("upgrade", "op.…")`: a migration that alters the users and runs a statement."""

    def run(command: str, statement: str = "") -> Result:
        folder = tmp_path / "migrations"
        shutil.copytree(str(database.migrate.directory), folder, dirs_exist_ok=True)
        with app.app_context():
            head = ScriptDirectory.from_config(database.migrate.get_config()).get_current_head()
        added = MIGRATION.format(head=head, statement=statement)
        (folder / "versions" / "a_test.py").write_text(added, "utf-8")
        return app.test_cli_runner().invoke(args=["db", command, "-d", str(folder)])

    return run


def count_logins() -> int | None:
    return db.session.scalar(select(func.count()).select_from(Login))


def test_a_new_column_keeps_the_rows_that_refer_to_the_table(app: Flask, migrate: Migrate) -> None:
    with app.app_context():
        done = [(migrate(step).exit_code, count_logins()) for step in ("upgrade", "downgrade")]
        assert done == [(0, 1), (0, 1)]
        # Foreign keys count again afterwards.
        db.session.delete(User.find(USERNAME))
        db.session.commit()
        assert count_logins() == 0


def test_a_database_at_the_newest_migration_that_lacks_tables_says_so(
    app: Flask, migrate: Migrate, tmp_path: Path
) -> None:
    assert "lacks tables" not in migrate("upgrade").stderr
    with app.app_context(), db.engine.begin() as connection:
        connection.execute(text("DROP TABLE csp_violations"))
    done = migrate("upgrade")
    assert done.exit_code == 0
    assert "at the newest migration, and lacks tables: csp_violations." in done.stderr
    older = ["db", "upgrade", "-d", str(tmp_path / "migrations"), "secure_flask_0001"]
    others = [migrate("current"), migrate("downgrade"), app.test_cli_runner().invoke(args=older)]
    assert [(each.exit_code, "lacks tables" in each.stderr) for each in others] == [(0, False)] * 3


def test_a_migration_that_leaves_rows_of_nobody_is_named(app: Flask, migrate: Migrate) -> None:
    done = migrate("upgrade", 'op.execute("DELETE FROM users")')
    assert done.exit_code == 1
    assert "logins" in done.stderr
    with app.app_context():
        assert User.find(USERNAME)


def schema(app: Flask) -> dict[str, list[str]]:
    with app.app_context():
        found = inspect(db.engine)
        return {
            table: [column["name"] for column in found.get_columns(table)]
            for table in found.get_table_names()
        }


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (NEW_COLUMN, 'server_default="1"'),
        (FILLED_COLUMN, 'server_default="1"'),
        ("raise ZeroDivisionError", ""),
    ],
)
def test_a_migration_that_fails_changes_nothing_and_goes_through_once_it_is_corrected(
    app: Flask, migrate: Migrate, statement: str, said: str
) -> None:
    before, failed = schema(app), migrate("upgrade", statement)
    assert (failed.exit_code, said in failed.stderr) == (1, True)
    assert schema(app) == before
    # A column that is filled first may be required.
    filling = 'op.execute("UPDATE logins SET rotated = 1")'
    filled = "\n    ".join([filling, FILLED_COLUMN]) if statement == FILLED_COLUMN else ""
    assert migrate("upgrade", filled).exit_code == 0


def test_a_column_that_sqlite_describes_is_written_for_each_database() -> None:
    written = [
        migrations._render_item("type", reflected, None)
        for reflected in (CHAR(32), BLOB(), DATETIME(), CHAR(5))
    ]
    assert written == ["sa.Uuid()", "sa.LargeBinary()", "sa.DateTime()", False]


def test_a_new_migration_imports_nothing_of_the_core(make_app: MakeApp, tmp_path: Path) -> None:
    """It runs for years, and the core may rename its encrypted types meanwhile."""
    app = make_app(database_url=f"sqlite:///{tmp_path}/new.db", fill=False)
    folder, run = tmp_path / "migrations", app.test_cli_runner().invoke
    shutil.copytree(str(database.migrate.directory), folder, ignore=shutil.ignore_patterns("0*.py"))
    (folder / "versions").mkdir(exist_ok=True)
    assert run(args=["db", "migrate", "-d", str(folder)]).exit_code == 0
    [written] = (folder / "versions").glob("*.py")
    text = written.read_text("utf-8")
    assert "secure_flask" not in text
    assert {"client", "email_encrypted"} <= {*re.findall(r'"(\w+)", sa.LargeBinary\(', text)}
    assert run(args=["db", "upgrade", "-d", str(folder)]).exit_code == 0
    unchanged = run(args=["db", "migrate", "-d", str(folder)])
    assert (unchanged.exit_code, unchanged.output.strip()) == (0, migrations.UNCHANGED)
    assert [*(folder / "versions").glob("*.py")] == [written]
    # One that the owner fills is written all the same.
    assert run(args=["db", "revision", "-d", str(folder)]).exit_code == 0
    assert len([*(folder / "versions").glob("*.py")]) == 2


FIRST = "migrations/versions/0001_users_and_logins.py"
ACCOUNTS = "secure_flask/accounts/migrations/0002_accounts.py"


@pytest.fixture
def empty() -> Iterator[Engine]:
    """A database without tables: on PostgreSQL, a schema that the other tests do not use."""
    url, schema = os.environ.get("TEST_DATABASE_URL", "sqlite://"), "migrated"
    in_schema = {"options": f"-csearch_path={schema}"} if "TEST_DATABASE_URL" in os.environ else {}
    engine = create_engine(url, connect_args=in_schema)
    if in_schema:
        with engine.begin() as connection:
            connection.execute(text(f"DROP SCHEMA IF EXISTS {schema} CASCADE"))
            connection.execute(text(f"CREATE SCHEMA {schema}"))
    yield engine
    engine.dispose()


def upgrade(connection: Connection, file: str) -> None:
    path = Path(secure_flask.__file__).parents[1] / file
    specification = importlib.util.spec_from_file_location("migration", path)
    assert specification
    assert specification.loader
    migration: Any = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(migration)
    with Operations.context(MigrationContext.configure(connection)):
        migration.upgrade()


@pytest.mark.parametrize("number", SIZES)
def test_accounts_for_many_users_begin_by_the_same_statements(empty: Engine, number: int) -> None:
    with empty.begin() as connection:
        upgrade(connection, FIRST)
        users = Table("users", MetaData(), autoload_with=connection)
        same = {"password_hash": "", "disabled": False}
        people = [{"id": uuid4().hex, "name": f"User {each}", **same} for each in range(number)]
        connection.execute(insert(users), people)
    with empty.begin() as connection, counted_statements(empty) as counted:
        upgrade(connection, ACCOUNTS)
    updates = [each for each in counted.statements if each.startswith("UPDATE users SET folded")]
    assert len(updates) == 1
    with empty.connect() as connection:
        users = Table("users", MetaData(), autoload_with=connection)
        different = connection.scalars(select(users.c.folded_name).distinct()).all()
    assert len(different) == number
    assert "user 7" in different
