"""That no request hangs on PostgreSQL: what clients see of one that is slow, locked or gone.

Most of it needs a real one, whose address is in TEST_DATABASE_URL.
"""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from select import select as wait_for
from threading import Thread
from typing import Any

import click
import pytest
from flask import Flask, request
from flask.testing import FlaskClient
from secure_flask.auth.logins import Login
from secure_flask.auth.users import user_class
from secure_flask.database import db, engine_options
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from core import routes
from core.conftest import LOGIN, OWN_PAGE, USERNAME, MakeApp, log_in
from core.database.test_database import READY, assert_unavailable, client_of, statement

psycopg = pytest.importorskip("psycopg")

on_postgresql = pytest.mark.skipif(
    "TEST_DATABASE_URL" not in os.environ, reason="needs TEST_DATABASE_URL"
)

ClientOf = Callable[[int], FlaskClient]
Limited = Callable[[str], Flask]


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """One that a test may add views to, and whose connections all come from requests."""
    app = make_app()
    with app.app_context():
        db.engine.dispose()
    return app


@pytest.fixture
def at_port(make_app: MakeApp) -> ClientOf:
    """`at_port(5432)`: a client of an app whose database is at this port."""
    url = "postgresql://app@127.0.0.1:{}/app?sslmode=disable&gssencmode=disable"
    return lambda port: make_app(fill=False, database_url=url.format(port)).test_client()


@pytest.fixture
def limited(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> Limited:
    """`limited("lock_timeout=50")`: an app with this limit alone, in milliseconds."""

    def make(limit: str) -> Flask:
        make_app()  # the tables and the user, which the limit might refuse
        monkeypatch.setitem(engine_options.LIMITS, "options", f"-c {limit}")
        return make_app(fill=False)

    return make


@contextmanager
def silent() -> Iterator[int]:
    """Serve at a port: accept each client, and say nothing."""
    visitors = []

    def serve() -> None:
        with suppress(OSError):
            while True:
                visitors.append(listener.accept()[0])

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Thread(target=serve)
        server.start()
        try:
            yield listener.getsockname()[1]
        finally:
            # Also after a failure, which would otherwise leave the thread waiting for ever.
            listener.shutdown(socket.SHUT_RDWR)
            server.join()
            for visitor in visitors:
                visitor.close()


def hang_up(backend: str) -> None:
    """Let the server end a connection, and wait until it has."""
    with (
        psycopg.connect(os.environ["TEST_DATABASE_URL"]) as other,
        # Through a pooler it may be this one's own.
        suppress(psycopg.errors.AdminShutdown),
    ):
        other.execute("SELECT pg_terminate_backend(%s, 60000)", [int(backend)])


def test_a_server_that_is_not_started_is_reported(at_port: ClientOf) -> None:
    client = at_port(1)
    assert_unavailable(client, READY)
    assert client.post(routes.LOGIN, json=LOGIN, headers=OWN_PAGE).status_code == 503
    assert client.get("/healthz").status_code == 200


@on_postgresql  # it takes its two seconds, which those who work without PostgreSQL are spared
def test_nobody_waits_for_a_server_that_lets_nobody_in(
    at_port: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(
        engine_options.POSTGRESQL, "connect_timeout", 2
    )  # the least that libpq takes
    with silent() as port:
        assert_unavailable(at_port(port), READY)


def test_what_the_address_says_replaces_what_the_app_says(
    make_app: MakeApp, subtests: pytest.Subtests
) -> None:
    hosts = {"": (3, False), "?host=a:1&host=b:1&connect_timeout=9": (None, True)}
    for query, expected in hosts.items():
        with subtests.test(query=query, expected=expected):
            url = f"postgresql://app@127.0.0.1:1/app{query}"
            config = make_app(fill=False, database_url=url).config
            arguments = config["SQLALCHEMY_ENGINE_OPTIONS"]["connect_args"]
            assert "statement_timeout=5s" in arguments["options"]
            # The second option chooses the host that takes writes.
            said = (arguments.get("connect_timeout"), "target_session_attrs" in arguments)
            assert said == expected


@on_postgresql
def test_a_statement_that_takes_too_long_is_ended(
    limited: Limited, capsys: pytest.CaptureFixture[str]
) -> None:
    client = statement(limited("statement_timeout=50"), "SELECT pg_sleep(30)")
    assert_unavailable(client, "/rows")
    assert "due to statement timeout" in capsys.readouterr().err


@on_postgresql
def test_nobody_waits_long_for_locked_rows(
    limited: Limited, capsys: pytest.CaptureFixture[str]
) -> None:
    app = limited("lock_timeout=50")

    # The page of the error reads the database afterwards.
    @app.errorhandler(503)
    def busy(error: HTTPException) -> tuple[str, int]:
        return str(db.session.scalar(select(func.count()).select_from(Login))), 503

    def log_in() -> TestResponse:
        return app.test_client().post(routes.LOGIN, json=LOGIN, headers=OWN_PAGE)

    with app.app_context(), db.engine.begin() as other:
        other.execute(text("LOCK TABLE users"))
        response = log_in()
    assert (response.status_code, response.text) == (503, "0")
    assert "due to lock timeout" in capsys.readouterr().err
    assert log_in().status_code == 200


@on_postgresql
def test_who_logs_out_everywhere_else_waits_for_a_login_that_begins_and_ends_it(
    limited: Limited,
) -> None:
    client = limited("lock_timeout=50").test_client()
    credentials = log_in(client)

    def end_others() -> int:
        return client.delete(routes.SESSIONS, headers=credentials).status_code

    with client.application.app_context():
        with db.engine.begin() as other:
            # A login changes the row of the user, and then adds its own.
            model = user_class()
            same = update(model).values(password_hash=model.password_hash)
            of_user = other.scalar(same.where(model.name == USERNAME).returning(model.id))
            times = dict.fromkeys(("created", "last_used", "expires"), 0)
            row = {"user_id": of_user, "kind": "session", "secret_hash": b"", **times}
            other.execute(insert(Login).values(id="0" * 32, **row))
            assert end_others() == 503
        assert end_others() == 204
        assert db.session.scalar(select(func.count()).select_from(Login)) == 1


@on_postgresql
def test_nobody_keeps_rows_locked_by_doing_nothing(limited: Limited) -> None:
    def rows() -> str:
        db.session.execute(text("SELECT 1"))
        connection: Any = db.session.connection().connection.driver_connection
        wait_for([connection], [], [], 10)  # until the server hangs up
        return str(db.session.scalar(text("SELECT 1")))

    app = limited("idle_in_transaction_session_timeout=50")
    assert_unavailable(client_of(app, rows), "/rows")


@on_postgresql
def test_a_restart_costs_neither_the_answer_before_it_nor_the_next(app: Flask) -> None:
    def rows() -> str:
        backend = str(db.session.scalar(text("SELECT pg_backend_pid()")))
        hang_up(backend)
        return backend

    client = client_of(app, rows)
    before, after = (client.get("/rows") for _ in range(2))
    assert (before.status_code, after.status_code) == (200, 200)
    assert before.text != after.text


@on_postgresql
def test_a_limit_in_the_address_counts_and_one_that_nobody_can_read_is_reported(
    make_app: MakeApp,
) -> None:
    url = os.environ["TEST_DATABASE_URL"] + "?options=-c%20lock_timeout%3D"
    app = make_app(database_url=f"{url}1234")
    with app.app_context():
        db.engine.dispose()
    assert statement(app, "SHOW lock_timeout").get("/rows").text == "1234ms"
    app = make_app(fill=False, database_url=f"{url}soon")
    assert_unavailable(app.test_client(), READY)
    assert "database.unreachable" in app.test_cli_runner().invoke(args=["check"]).stdout


@on_postgresql
def test_a_command_has_as_long_as_it_needs(make_app: MakeApp) -> None:
    with click.Context(click.Command("db")):
        app = make_app()
    with app.app_context():
        assert db.session.scalar(text("SHOW statement_timeout")) == "0"


@on_postgresql
def test_a_text_of_the_client_that_it_cannot_hold_is_the_clients_fault(
    make_app: MakeApp, capsys: pytest.CaptureFixture[str]
) -> None:
    def rows() -> str:
        if "number" in request.args:
            values = {"number": int(request.args["number"])}
            return str(db.session.scalar(text("SELECT :number / 0"), values))
        name = request.args.get("name", "\0")
        return str(db.session.scalar(text("SELECT CAST(:name AS INTEGER)"), {"name": name}))

    client = client_of(make_app(PROPAGATE_EXCEPTIONS=False), rows)
    capsys.readouterr()
    refused = dict.fromkeys(("%00", "a%00", "four", "99999999999"), 400)
    assert {name: client.get(f"/rows?name={name}").status_code for name in refused} == refused
    said = capsys.readouterr().err
    assert said.count("input_validation_fail") == 4
    assert "99999999999" not in said
    # The view has this one of itself.
    assert client.get("/rows").status_code == 500
    assert "cannot contain NUL" in capsys.readouterr().err
    # And this one too, beside a value of the client.
    assert client.get("/rows?number=1").status_code == 500
    assert "in rows" in capsys.readouterr().err


@on_postgresql
def test_the_log_holds_no_row_that_it_refused(
    make_app: MakeApp, capsys: pytest.CaptureFixture[str]
) -> None:
    def rows() -> str:
        twice = [{"name": request.args["name"]}] * 2
        return str(db.session.execute(text("INSERT INTO roles (name) VALUES (:name)"), twice))

    client = client_of(make_app(PROPAGATE_EXCEPTIONS=False), rows)
    assert client.get("/rows?name=hunter2").status_code == 500
    said = capsys.readouterr().err
    assert "violates unique constraint" in said
    assert "hunter2" not in said


AWAY = [
    *("08006", "25006", "25P03", "25P04", "40001", "40P01", "53100", "53200", "53300"),
    *("55P03", "57014", "57P01", "57P03", "58030"),
]
BUGS = ["22012", "25P02", "28000", "42501", "42601", "P0001", "XX000"]


def raise_in_the_server(code: str) -> None:
    db.session.execute(text(f"DO $$ BEGIN RAISE SQLSTATE '{code}'; END $$"))


def raise_in_the_driver(code: str) -> None:
    raise DBAPIError("SELECT 1", {}, psycopg.errors.lookup(code)())


@pytest.mark.parametrize(
    "fail", [pytest.param(raise_in_the_server, marks=on_postgresql), raise_in_the_driver]
)
def test_its_code_says_whether_it_is_away(make_app: MakeApp, fail: Callable[[str], None]) -> None:
    def rows() -> str:
        fail(request.args["code"])
        return ""

    client = client_of(make_app(PROPAGATE_EXCEPTIONS=False), rows)
    statuses = {code: client.get(f"/rows?code={code}").status_code for code in (*AWAY, *BUGS)}
    assert statuses == {**dict.fromkeys(AWAY, 503), **dict.fromkeys(BUGS, 500)}
