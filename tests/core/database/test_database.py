"""The database: what clients see while it is away, and that migrations build it whole."""

import gc
import re
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from itertools import takewhile
from pathlib import Path
from typing import cast
from uuid import uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from flask import Flask, request
from flask.testing import FlaskClient
from flask_sqlalchemy import SQLAlchemy
from secure_flask.auth.access import public
from secure_flask.auth.logins import Login
from secure_flask.database import Model, db, engine_options
from sqlalchemy import Engine, create_engine, delete, event, exc, inspect, select, text

from core import routes
from core.conftest import LOGIN, OWN_PAGE, PASSWORD, PRODUCTION, USERNAME, Lines, MakeApp, protect
from core.shared import SECRETS, Create
from core.users import User

READY = routes.READYZ

# What a driver raises while its database does not serve.
AWAY = [
    exc.OperationalError("SELECT secret", {"password": "hunter2"}, OSError("host db1")),
    exc.InterfaceError("SELECT 1", {}, OSError("closed"), connection_invalidated=True),
    exc.TimeoutError("no connection came free"),
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "app.db"


@pytest.fixture
def on_disk(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, file: Path) -> Flask:
    monkeypatch.setattr(engine_options, "BUSY_TIMEOUT", 0)
    return make_app(database_url=f"sqlite:///{file}", MAX_LOGINS=1000, **PRODUCTION)


def test_an_app_that_nobody_uses_any_more_has_closed_its_connections(
    create_site: Create, file: Path
) -> None:
    used: list[sqlite3.Connection] = []

    def use_a_connection() -> None:
        values = {"app_env": "development", "database_url": f"sqlite:///{file}"}
        with create_site({**SECRETS, **values}).app_context():
            connection = db.engine.raw_connection()
            used.append(cast(sqlite3.Connection, connection.driver_connection))
            connection.close()

    use_a_connection()
    # The app is part of circles.
    gc.collect()
    with pytest.raises(sqlite3.ProgrammingError, match="closed database"):
        used[0].execute("SELECT 1")


def client_of(app: Flask, view: Callable[[], str]) -> FlaskClient:
    """A client of an app with this public view at /rows."""
    app.add_url_rule("/rows", view_func=public(view))
    return app.test_client()


def statement(app: Flask, *statements: str) -> FlaskClient:
    """A client of a view at /rows that runs these and shows what the last one finds."""

    def rows() -> str:
        results = [db.session.execute(text(statement)) for statement in statements]
        return str(results[-1].scalar())

    return client_of(app, rows)


def assert_unavailable(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 503
    assert not re.search("hunter2|db1|SELECT", answer.text)
    assert int(answer.headers["Retry-After"]) > 0


def logins_in(file: Path) -> int:
    with closing(sqlite3.connect(file)) as connection:
        return int(connection.execute("SELECT count(*) FROM logins").fetchone()[0])


def log_in(app: Flask) -> int:
    return app.test_client().post(routes.LOGIN, json=LOGIN, headers=OWN_PAGE).status_code


@pytest.mark.asvs("16.5.1", "16.5.2")
@pytest.mark.parametrize("error", AWAY, ids=lambda error: type(error).__name__)
def test_while_it_is_away_a_client_is_asked_to_come_back(
    make_app: MakeApp, error: Exception
) -> None:
    def rows() -> str:
        raise error

    assert_unavailable(client_of(make_app(), rows), "/rows")


BIGINT = text("SELECT CAST(:number AS BIGINT)")


@pytest.fixture
def production_app(make_app: MakeApp) -> Flask:
    """An app that answers what a view raises, as in production."""
    return make_app(PROPAGATE_EXCEPTIONS=False, **PRODUCTION)


def test_a_number_of_the_client_that_it_cannot_hold_is_the_clients_fault(
    make_app: MakeApp, lines: Lines
) -> None:
    def rows() -> str:
        sent = request.get_json(silent=True) or request.args
        return str(db.session.scalar(BIGINT, {"number": int(sent["number"])}))

    client = client_of(make_app(**PRODUCTION), rows)
    app = client.application
    app.add_url_rule("/rows/<int:number>", view_func=public(lambda number: read(number)))
    app.add_url_rule("/rows", "written", public(rows), methods=["POST"])

    def read(number: int) -> str:
        return str(db.session.scalar(BIGINT, {"number": number}))

    assert client.get(f"/rows?number={2**63 - 1}").status_code == 200
    refused = dict.fromkeys((2**63, -(2**63) - 1, 10**30), 400)
    assert {each: client.get(f"/rows?number={each}").status_code for each in refused} == refused
    assert client.get(f"/rows/{2**70}").status_code == 400
    assert client.post("/rows", json={"number": 2**70}, headers=OWN_PAGE).status_code == 400
    assert [line["event"] for line in lines()] == ["input_validation_fail"] * 5


def test_a_number_of_the_view_that_it_cannot_hold_is_a_bug_with_a_traceback(
    production_app: Flask, lines: Lines
) -> None:
    def rows() -> str:
        return str(db.session.scalar(BIGINT, {"number": int(request.args["number"]) ** 2}))

    client = client_of(production_app, rows)
    assert client.get("/rows?number=7").text == "49"
    assert client.get(f"/rows?number={2**40}").status_code == 500
    assert "in rows" in lines()[-1]["exception"]


def test_a_date_of_the_client_that_no_calendar_has_is_the_clients_fault(
    production_app: Flask, lines: Lines
) -> None:
    def rows() -> str:
        return str(request.if_modified_since or time.localtime(int(request.args["seconds"])))

    client = client_of(production_app, rows)
    dates = [f"Mon, 01 Jan {year} 00:00:00 GMT" for year in ("9999999999", "9" * 11, "9" * 20)]
    sent = {date: client.get("/rows", headers={"If-Modified-Since": date}) for date in dates}
    assert {date: each.status_code for date, each in sent.items()} == dict.fromkeys(dates, 400)
    lines()
    # The view has computed this one.
    assert client.get(f"/rows?seconds={2**70}").status_code == 500
    assert "in rows" in lines()[-1]["exception"]


@pytest.mark.asvs("16.3.4")
def test_the_log_says_why_and_names_no_value(production_app: Flask, lines: Lines) -> None:
    def rows() -> str:
        return str(db.session.execute(text("SELECT no_such(:p)"), {"p": PASSWORD}))

    answer = client_of(production_app, rows).get("/rows")
    assert (answer.status_code, answer.json) == (500, {"error": "Internal Server Error"})
    line = lines()[-1]
    assert line["event"] == "sys_crash"
    # It is a typo, so no command helps.
    assert "in rows" in line["exception"]
    assert "no_such" in line["exception"]
    assert "flask db" not in line["exception"]
    assert PASSWORD not in line["exception"]


NO_TABLE = "SELECT 1 FROM tables_of_mine"


def test_a_missing_table_or_column_is_named_with_the_commands(
    production_app: Flask,
    lines: Lines,
    subtests: pytest.Subtests,
) -> None:
    missing = {
        NO_TABLE: "tables_of_mine",
        "SELECT colour FROM users": "colour",
        "INSERT INTO users (colour) VALUES (1)": "colour",
    }
    view = public(lambda: str(db.session.execute(text(request.args["sql"]))))
    production_app.add_url_rule("/rows", view_func=view)
    for sql, name in missing.items():
        with subtests.test(sql=sql, name=name):
            answer = production_app.test_client().get("/rows", query_string={"sql": sql})
            assert (answer.status_code, answer.json) == (500, {"error": "Internal Server Error"})
            line = lines()[-1]
            # It stands after the traceback, where it is seen.
            *_, said, migrate, upgrade = line["exception"].splitlines()
            assert name in said
            assert migrate.split() == [".venv/bin/flask", "db", "migrate"]
            assert upgrade.split() == [".venv/bin/flask", "db", "upgrade"]


def test_a_page_of_development_names_a_missing_table_with_the_commands(make_app: MakeApp) -> None:
    client = statement(make_app(PROPAGATE_EXCEPTIONS=False), NO_TABLE)
    page = client.get("/rows", headers={"Accept": "text/html"})
    shown = {"page": page.text, "hint": client.get("/rows").get_json()["hint"]}
    assert [where for where in shown if "tables_of_mine" not in shown[where]] == []
    assert [where for where in shown if ".venv/bin/flask db migrate" not in shown[where]] == []
    assert (page.status_code, page.mimetype) == (500, "text/html")


def test_nobody_waits_long_for_a_connection(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    monkeypatch.setattr(engine_options, "THREADS", 1)
    monkeypatch.setattr(engine_options, "POOL_TIMEOUT", 0.01)

    def rows() -> str:
        db.session.execute(text("SELECT 1"))
        with db.engine.connect():
            return "there was a second one"

    client = client_of(make_app(database_url=f"sqlite:///{file}"), rows)
    assert_unavailable(client, "/rows")
    assert client.get(READY).status_code == 200


def test_a_file_that_another_program_writes_is_busy(
    on_disk: Flask, file: Path, lines: Lines
) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert log_in(on_disk) == 503
        assert on_disk.test_client().get(READY).status_code == 200
        assert "database is locked" in lines()[-1]["exception"]
    assert logins_in(file) == 0
    assert log_in(on_disk) == 200


def test_a_full_disk_takes_whole_logins_or_none(on_disk: Flask, file: Path, lines: Lines) -> None:
    with on_disk.app_context():
        full = db.session.scalar(text("PRAGMA page_count"))
        db.session.execute(text(f"PRAGMA max_page_count = {full}"))
    taken = list(takewhile(lambda status: status == 200, (log_in(on_disk) for _ in range(500))))
    assert "database or disk is full" in lines()[-1]["exception"]
    assert logins_in(file) == len(taken)
    assert on_disk.test_client().get(READY).status_code == 200


def test_who_refers_to_a_row_that_is_gone_may_try_again_and_the_log_knows(
    make_app: MakeApp, lines: Lines
) -> None:
    zeros = dict.fromkeys(("created", "last_used", "expires"), 0)

    def refer() -> str:
        # A row that points nowhere.
        db.session.add(Login(secret_hash=bytes(32), kind="unspoken", user_id=uuid4(), **zeros))
        db.session.commit()
        return ""

    answer = client_of(make_app(**PRODUCTION), refer).get("/rows")
    [line] = lines()
    assert (answer.status_code, line["event"]) == (409, "sys_crash")
    assert "unspoken" not in answer.text + str(line)


def test_migrations_make_the_tables_that_the_models_name(make_app: MakeApp) -> None:
    """But for the tasks of the example, whose model is the owner's."""
    app = make_app()
    run = app.test_cli_runner().invoke
    with app.app_context():
        Model.metadata.drop_all(db.engine)
        # Another test has said which migrations there were.
        db.session.execute(text("DROP TABLE IF EXISTS alembic_version"))
        db.session.commit()
        # Those of accounts follow, whose tables no model here has.
        assert run(args=["db", "upgrade", "secure_flask_0001"]).exit_code == 0
        with db.engine.connect() as connection:
            found = compare_metadata(MigrationContext.configure(connection), Model.metadata)
        assert [each for each in found if "tasks" not in str(each)] == []
        assert run(args=["db", "downgrade", "base"]).exit_code == 0
        assert inspect(db.engine).get_table_names() == ["alembic_version"]


@pytest.mark.parametrize("reads", [True, False], ids=["read", "change"])
def test_who_needs_a_row_that_is_gone_may_try_again(make_app: MakeApp, reads: bool) -> None:
    def rows() -> str:
        """Another request deletes the user while this view runs."""
        user = db.session.scalars(select(User)).one()
        db.session.execute(delete(User).execution_options(synchronize_session=False))
        if reads:
            db.session.expire(user)
        user.disabled = not user.disabled
        db.session.commit()
        return ""

    client = client_of(make_app(), rows)
    answer = client.get("/rows")
    assert answer.status_code == 409
    assert USERNAME not in answer.text
    with client.application.app_context():
        assert User.find(USERNAME) is not None


def test_a_second_database_object_is_refused_in_words() -> None:
    app = protect(Flask("shop"))
    with pytest.raises(RuntimeError, match=r"already been registered .* use that instance"):
        SQLAlchemy(app)


def test_an_object_keeps_what_it_has_after_a_commit_until_it_is_refreshed(app: Flask) -> None:
    with app.app_context():
        user = User.find(USERNAME)
        assert user
        # As where a fixture yields a client within `app.app_context()`.
        assert app.test_client().get("/healthz").status_code == 200
        assert user.role_names == []
        db.session.execute(text("UPDATE users SET name = 'eve'"))
        db.session.commit()
        assert user.name == USERNAME
        db.session.refresh(user)
        assert user.name == "eve"


PRAGMAS = ("PRAGMA foreign_keys", "PRAGMA journal_mode")


def pragmas(engine: Engine) -> list[object]:
    with engine.connect() as connection:
        return [connection.exec_driver_sql(each).scalar() for each in PRAGMAS]


def test_only_its_own_connections_check_foreign_keys_and_write_ahead(
    make_app: MakeApp, tmp_path: Path
) -> None:
    urls = [f"sqlite:///{tmp_path}/{name}.db" for name in ("core", "bound", "other")]
    app = make_app(database_url=urls[0], SQLALCHEMY_BINDS={"bound": urls[1]})

    def turn_off(connection: sqlite3.Connection, record: object) -> None:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("PRAGMA journal_mode = DELETE")

    with app.app_context():
        assert [pragmas(engine) for engine in db.engines.values()] == [[1, "wal"]] * 2
        # A listener of the owner's comes last.
        db.engine.dispose()
        event.listen(db.engine, "connect", turn_off)
        assert pragmas(db.engine) == [0, "delete"]
    assert pragmas(create_engine(urls[2])) == [0, "delete"]
