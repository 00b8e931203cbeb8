"""The database: what clients see while it is away, and that migrations build it whole."""

from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import inspect, text
from sqlalchemy.exc import IntegrityError, OperationalError

from app.auth.grants import Grant
from app.db import Model, db
from tests.conftest import PASSWORD, PRODUCTION, Lines, MakeApp

TABLES = set(Model.metadata.tables)


def tables_there(app: Flask) -> set[str]:
    with app.app_context():
        return TABLES & set(inspect(db.engine).get_table_names())


@pytest.mark.asvs("16.5.1", "16.5.2")
def test_while_it_is_away_a_client_is_told_to_come_back(make_app: MakeApp) -> None:
    app = make_app()

    @app.get("/rows")
    def rows() -> str:
        raise OperationalError("SELECT secret", {"password": "hunter2"}, OSError("host db1"))

    answer = app.test_client().get("/rows")
    assert (answer.status_code, answer.json) == (503, {"error": "Temporarily unavailable"})
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.asvs("16.3.4")
def test_the_log_tells_why_and_no_value(make_app: MakeApp, lines: Lines) -> None:
    app = make_app(**PRODUCTION)

    @app.get("/rows")
    def rows() -> str:
        db.session.execute(text("SELECT :password FROM missing"), {"password": PASSWORD})
        return ""

    assert app.test_client().get("/rows").status_code == 503
    [line] = lines()
    assert line["event"] == "sys_crash"
    assert "missing" in line["exception"]
    assert PASSWORD not in line["exception"]


def test_a_row_that_points_nowhere_is_refused_without_an_echo(app: Flask) -> None:
    zeros = dict.fromkeys(("issued", "last_used", "expires"), 0)
    with app.app_context():
        db.session.add(
            Grant(secret_hash=bytes(32), family="unspoken", kind="", user_id=uuid4(), **zeros)
        )
        with pytest.raises(IntegrityError) as refused:
            db.session.commit()
    assert "unspoken" not in str(refused.value)  # it may be logged


def test_migrations_make_the_tables_that_the_models_name(make_app: MakeApp) -> None:
    app = make_app()
    run = app.test_cli_runner().invoke
    with app.app_context():
        Model.metadata.drop_all(db.engine)
    assert run(args=["db", "upgrade"]).exit_code == 0
    assert tables_there(app) == TABLES
    assert run(args=["db", "check"]).exit_code == 0
    assert run(args=["db", "downgrade", "base"]).exit_code == 0
    assert tables_there(app) == set()
