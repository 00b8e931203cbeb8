"""Flask's own server, as a developer and a program meet it."""

import os
import re
import socket
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import click
import pytest
from flask import Flask
from sqlalchemy import inspect
from werkzeug import serving

import development
from app.db import db
from tests.conftest import MakeApp, stored_user

Send = Callable[[str], str]

# A slip in the code, and what is shown of it.
SLIPS: list[tuple[BaseException, str]] = [
    (SystemExit("policy.py: a slip."), "policy.py: a slip."),
    (SyntaxError("invalid syntax", ("api.py", 3, 1, "secret")), "SyntaxError: invalid syntax"),
    (RuntimeError("a slip"), "RuntimeError: a slip"),
]
STRANGERS = [
    ("rebound.example", "127.0.0.1"),
    ("localhost", "192.0.2.1"),
    ("localhost.example:1", "::1"),
]


@pytest.fixture
def send(app: Flask) -> Send:
    """`send("GET / HTTP/1.1\\r\\n…")`: what the server that `flask run` starts says to it."""

    def to_new_server(request: str) -> str:
        server = serving.make_server("127.0.0.1", 0, app)
        with server, socket.create_connection(("127.0.0.1", server.port), 10) as client:
            Thread(target=server.handle_request).start()
            client.sendall(request.encode())
            with client.makefile("rb") as answer:
                return answer.read().decode()

    return to_new_server


@pytest.fixture
def env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A .env for development, in an environment that says nothing itself."""
    file = tmp_path / ".env"
    file.write_text("APP_ENV=development\nLOG_LEVEL=DEBUG\nFLASK_DEBUG=1\n")
    monkeypatch.setattr(development, "ENV_FILE", file)
    # Put back afterwards, whatever a test puts there.
    monkeypatch.setattr(os, "environ", {"PATH": os.environ["PATH"]})
    return file


def reloads(command: str = "run", reload: bool | None = True) -> bool:
    context = click.Context(click.Command(command), info_name=command)
    context.params["reload"] = reload
    return development.is_reloading(context)


def started(load: Callable[[], Flask]) -> Flask:
    os.environ["WERKZEUG_RUN_MAIN"] = "true"
    return development.keep_serving(load)


def test_the_server_names_no_version(send: Send) -> None:
    answer = send("GET /healthz HTTP/1.0\r\n\r\n")
    assert answer.startswith("HTTP/1.0 200 ")
    assert "\r\nServer: development\r\n" in answer


def test_the_server_hands_on_slashes_and_the_host_beside_a_whole_url(send: Send) -> None:
    for target in ("//healthz", "///healthz", "http://localhost//healthz"):
        answer = send(f"GET {target} HTTP/1.0\r\nHost: localhost\r\n\r\n")
        assert answer.startswith("HTTP/1.0 404 ")
    answer = send("GET http://localhost/ HTTP/1.0\r\nHost: evil.example\r\n\r\n")
    assert answer.startswith("HTTP/1.0 400 ")


def test_only_flask_run_with_the_reloader_outlives_a_slip(env_file: Path) -> None:
    assert reloads()
    assert not reloads("user")
    assert not reloads(reload=False)
    assert not reloads(reload=None)
    assert not development.is_reloading(None)  # as under gunicorn
    os.environ["FLASK_DEBUG"] = "1"
    assert reloads(reload=None)
    assert not reloads(reload=False)


def test_only_development_outlives_a_slip(env_file: Path) -> None:
    for settings in ("", "APP_ENV=production\n", "APP_ENV=\n"):
        env_file.write_text(settings)
        assert not reloads()
    env_file.write_text("APP_ENV=development", encoding="utf-16")
    assert not reloads()
    env_file.write_text("APP_ENV=development")
    os.environ["APP_ENV"] = "production"
    assert not reloads()


def test_what_flask_took_from_the_file_is_read_again_at_each_start(env_file: Path) -> None:
    def never() -> Flask:
        raise AssertionError("the reloader's first process makes no app")

    os.environ |= {"LOG_LEVEL": "DEBUG", "FLASK_DEBUG": "1", "REDIS_URL": "redis://elsewhere"}
    development.keep_serving(never)
    left = {name: os.environ.get(name) for name in ("LOG_LEVEL", "FLASK_DEBUG", "REDIS_URL")}
    assert left == {"LOG_LEVEL": None, "FLASK_DEBUG": "1", "REDIS_URL": "redis://elsewhere"}
    assert os.environ["FLASK_RUN_EXTRA_FILES"] == str(env_file)


def test_an_app_without_a_slip_is_served_with_its_tables(
    env_file: Path, make_app: MakeApp, tmp_path: Path
) -> None:
    app = make_app(fill=False, database_url=f"sqlite:///{tmp_path / 'app.db'}")
    assert started(lambda: app) is app
    with app.app_context():
        assert inspect(db.engine).has_table("users")


def test_while_there_is_no_user_one_line_says_how_to_make_one(
    env_file: Path, make_app: MakeApp, capsys: pytest.CaptureFixture[str]
) -> None:
    app = make_app()
    started(lambda: app)
    assert "user create" not in capsys.readouterr().err
    with stored_user(app) as user:
        db.session.delete(user)
    started(lambda: app)
    [line] = [line for line in capsys.readouterr().err.splitlines() if "user create" in line]
    assert re.search(r"\.venv\S+flask user create NAME", line)
    # Of the example, as long as it is there.
    assert ("flask seed" in line) == ("seed" in app.cli.commands)


def test_a_database_that_is_away_is_no_slip(env_file: Path, make_app: MakeApp) -> None:
    pytest.importorskip("psycopg")
    app = make_app(fill=False, database_url="postgresql://nobody@127.0.0.1:1/none")
    assert started(lambda: app) is app


@pytest.mark.parametrize(("error", "words"), SLIPS, ids=["sentence", "syntax", "elsewhere"])
def test_a_slip_is_shown_by_every_address(
    env_file: Path, capsys: pytest.CaptureFixture[str], error: BaseException, words: str
) -> None:
    def load() -> Flask:
        raise error

    client = started(load).test_client()
    assert words in capsys.readouterr().err
    for answer in (client.get("/"), client.post("/no/such/page"), client.get("/static/a.js")):
        assert answer.status_code == 503
        assert answer.text.startswith(words)
        assert "secret" not in answer.text
        assert answer.content_type == "text/plain; charset=utf-8"
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; ")


def test_no_other_site_or_computer_sees_a_slip(subtests: pytest.Subtests) -> None:
    client = development.error_app("a slip").test_client()
    for host, address in STRANGERS:
        with subtests.test(host, address=address):
            sent = {"HTTP_HOST": host, "REMOTE_ADDR": address}
            answer = client.get("/", environ_overrides=sent)
            assert (answer.status_code, "slip" in answer.text) == (503, False)


def test_a_line_that_cannot_be_read_is_left_to_the_app(
    env_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    env_file.write_text("A 'never closed\nAPP_ENV=development\n")
    assert development._app_env() == "development"
    assert caplog.messages == []
