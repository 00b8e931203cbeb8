"""That no request hangs on PostgreSQL: what clients see of one that is slow, locked or gone.

Most of it needs a real one, whose address is in TEST_DATABASE_URL.
"""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from select import select
from threading import Thread
from typing import Any

import click
import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask.auth.access import public
from secure_flask.database import db
from sqlalchemy import text

from core import routes
from core.conftest import LOGIN, MakeApp
from core.database.test_database import READY, assert_unavailable

postgresql = pytest.importorskip("secure_flask.database.postgresql", exc_type=ImportError)

on_postgresql = pytest.mark.skipif(
    "TEST_DATABASE_URL" not in os.environ, reason="needs TEST_DATABASE_URL"
)

ClientOf = Callable[[int], FlaskClient]

# What a PostgreSQL says to a client that it lets in.
WELCOME = b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I"


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """One that a test may add views to, and whose connections all come from requests."""
    app = make_app()
    with app.app_context():
        db.engine.dispose()
    return app


@pytest.fixture
def client_of(make_app: MakeApp) -> ClientOf:
    """`client_of(5432)`: a client of an app whose database is at this port."""
    url = "postgresql://app@127.0.0.1:{}/app?sslmode=disable&gssencmode=disable"
    return lambda port: make_app(fill=False, database_url=url.format(port)).test_client()


@contextmanager
def silent_after(words: bytes) -> Iterator[int]:
    """Serve at a port: send this to each client, then nothing more."""
    visitors = []

    def serve() -> None:
        with suppress(OSError):
            while True:
                visitors.append(listener.accept()[0])
                visitors[-1].sendall(words)

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


def statement(app: Flask, *statements: str) -> FlaskClient:
    """A client of a view at /rows that runs these and shows what the last one finds."""

    @app.get("/rows")
    @public
    def rows() -> str:
        results = [db.session.execute(text(statement)) for statement in statements]
        return str(results[-1].scalar())

    return app.test_client()


def hang_up(backend: str) -> None:
    """Let the server end a connection, and wait until it has."""
    psycopg = postgresql.psycopg
    with (
        psycopg.connect(os.environ["TEST_DATABASE_URL"]) as other,
        # Through a pooler it may be this one's own.
        suppress(psycopg.errors.AdminShutdown),
    ):
        other.execute("SELECT pg_terminate_backend(%s, 60000)", [int(backend)])


def test_a_server_that_is_not_started_is_reported(client_of: ClientOf) -> None:
    client = client_of(1)
    assert_unavailable(client, READY)
    assert client.post(routes.LOGIN, json=LOGIN).status_code == 503
    assert client.get("/healthz").status_code == 200


@on_postgresql  # it takes its two seconds, which those who work without PostgreSQL are spared
def test_nobody_waits_for_a_server_that_lets_nobody_in(
    client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "CONNECT_TIMEOUT", 2)  # the least that drivers take
    with silent_after(b"") as port:
        assert_unavailable(client_of(port), READY)


def test_a_request_sets_the_driver_a_time_to_connect(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**options: Any) -> None:
        raise postgresql.psycopg.OperationalError(options["connect_timeout"])

    monkeypatch.setattr(postgresql.Connection, "connect", refuse)
    for given, used in [({}, postgresql.CONNECT_TIMEOUT), ({"connect_timeout": 1}, 1)]:
        with pytest.raises(postgresql.psycopg.OperationalError, match=f"^{used}$"):
            postgresql.connect(limited=True, **given)


@on_postgresql
def test_a_statement_that_takes_a_while_is_served(app: Flask) -> None:
    assert statement(app, "SELECT 'done' FROM pg_sleep(0.5)").get("/rows").text == "done"


def test_nobody_waits_for_a_server_that_lets_them_in_and_says_no_more(
    client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "CONNECT_TIMEOUT", 0)
    with silent_after(WELCOME) as port:
        assert_unavailable(client_of(port), READY)


@on_postgresql
def test_no_late_answer_is_taken_for_another(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    client = statement(app, "SELECT pg_sleep(1), 'late'")
    monkeypatch.setattr(postgresql, "RESPONSE_TIMEOUT", 0)
    assert_unavailable(client, "/rows")
    monkeypatch.undo()
    assert client.post(routes.LOGIN, json=LOGIN).status_code == 200


@on_postgresql
def test_a_connection_that_was_given_up_is_replaced(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unanswered(deadline: float, steps: Any) -> Iterator[Any]:
        for step in steps:
            yield step
            raise postgresql.NoResponse

    monkeypatch.setattr("secure_flask.database.database.THREADS", 1)
    app = make_app()
    with app.app_context():
        db.engine.dispose()
    client = app.test_client()
    assert client.get(READY).status_code == 200
    with monkeypatch.context() as silent:
        silent.setattr(postgresql, "_until", unanswered)
        assert_unavailable(client, READY)
    assert client.get(READY).status_code == 200


@on_postgresql
def test_a_statement_that_takes_too_long_is_ended(
    app: Flask, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(postgresql, "STATEMENT_TIMEOUT", 0.05)
    assert_unavailable(statement(app, "SELECT pg_sleep(30)"), "/rows")
    assert "due to statement timeout" in capsys.readouterr().err


@on_postgresql
def test_nobody_waits_long_for_locked_rows(
    app: Flask, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(postgresql, "LOCK_TIMEOUT", 0.05)
    with app.app_context(), db.engine.begin() as other:
        other.execute(text("LOCK TABLE users"))
        assert app.test_client().post(routes.LOGIN, json=LOGIN).status_code == 503
    assert "due to lock timeout" in capsys.readouterr().err
    assert app.test_client().post(routes.LOGIN, json=LOGIN).status_code == 200


@on_postgresql
def test_nobody_keeps_rows_locked_by_doing_nothing(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "IDLE_TIMEOUT", 0.05)

    @app.get("/rows")
    @public
    def rows() -> str:
        db.session.execute(text("SELECT 1"))
        connection: Any = db.session.connection().connection.driver_connection
        select([connection], [], [], 10)  # until the server hangs up
        return str(db.session.scalar(text("SELECT 1")))

    assert_unavailable(app.test_client(), "/rows")


@on_postgresql
def test_a_server_that_only_reads_for_now_is_reported(app: Flask) -> None:
    client = statement(app, "SET TRANSACTION READ ONLY", "DELETE FROM grants RETURNING id")
    assert_unavailable(client, "/rows")


@on_postgresql
def test_a_restart_costs_neither_the_answer_before_it_nor_the_next(app: Flask) -> None:
    @app.get("/rows")
    @public
    def rows() -> str:
        backend = str(db.session.scalar(text("SELECT pg_backend_pid()")))
        hang_up(backend)
        return backend

    before, after = (app.test_client().get("/rows") for _ in range(2))
    assert (before.status_code, after.status_code) == (200, 200)
    assert before.text != after.text


@on_postgresql
def test_a_connection_that_the_network_lost_is_replaced_before_its_next_use(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "UNCERTAIN", 0)
    # As where a firewall forgot the connection: this computer hears of no end.
    monkeypatch.setattr(postgresql, "_is_readable", lambda connection: False)
    client = statement(app, "SELECT pg_backend_pid()")
    before = client.get("/rows").text
    hang_up(before)
    after = client.get("/rows")
    assert (after.status_code, after.text != before) == (200, True)


@on_postgresql
def test_a_connection_that_a_view_left_unusable_serves_nobody_else(app: Flask) -> None:
    opened = []

    @app.get("/pipeline")
    @public
    def leave_open() -> str:
        connection: Any = db.session.connection().connection.driver_connection
        opened.append(connection.pipeline())
        opened[0].__enter__()
        return ""

    client = statement(app, "SELECT 1")
    client.get("/pipeline")
    assert [client.get("/rows").status_code for _ in range(3)] == [200, 200, 200]


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
def test_a_command_has_its_own_time(app: Flask) -> None:
    with click.Context(click.Command("db")), app.app_context():
        assert db.session.scalar(text("SHOW statement_timeout")) == "0"
