"""What the log says when a server starts: what is enforced, and nothing secret."""

import click
import pytest
from flask.cli import routes_command, run_command

from secure_flask import startup
from secure_flask.auth import tokens
from core.conftest import SECRETS, Lines, MakeApp

FRIEND, LOCAL = "https://app.example", "http://localhost:1"


def is_server(command: click.Command, *options: str) -> bool:
    with command.make_context(command.name, list(options)):
        return startup.is_server()


def test_the_policy_in_force_is_one_line(make_app: MakeApp, lines: Lines) -> None:
    app = make_app(
        app_env="production",
        trusted_hosts=["www.example.org", "example.org"],
        csp_report_only=True,
        CORS_ORIGINS=[FRIEND, LOCAL],
        FRAME_ANCESTORS=["'self'"],
    )
    startup.announce(app)
    [line] = lines()
    assert "frame-ancestors 'self'" in line["csp"]
    assert (
        line.items()
        >= {
            "event": "sys_startup",
            "production": True,
            "csp_report_only": True,
            "framing": "'self'",
            # In production no loopback address is anybody's site.
            "cors_origins": FRIEND,
            "trusted_hosts": "example.org www.example.org",
            "token_type": tokens.NAME,
        }.items()
    )


def test_no_secret_is_in_it(make_app: MakeApp, capsys: pytest.CaptureFixture[str]) -> None:
    startup.announce(make_app(redis_url="redis://:s3cret@127.0.0.1:1/0"))
    written = capsys.readouterr().err
    assert "sys_startup" in written
    assert not any(secret in written for secret in (*SECRETS.values(), "s3cret"))


def test_servers_announce_and_other_commands_do_not() -> None:
    assert startup.is_server()  # without any command, as gunicorn loads the app
    assert is_server(run_command)
    assert not is_server(routes_command)


@pytest.mark.parametrize(("debug", "options"), [("0", ["--reload"]), ("1", [])])
def test_of_a_reloaders_two_processes_the_one_that_serves_announces(
    debug: str, options: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLASK_DEBUG", debug)
    assert not is_server(run_command, *options)
    monkeypatch.setenv("WERKZEUG_RUN_MAIN", "true")
    assert is_server(run_command, *options)
