"""What the log says when a server starts: what is enforced, and nothing secret."""

from collections.abc import Callable

import click
import pytest
from flask.cli import routes_command, run_command

from core.conftest import SECRETS, Lines, MakeApp

IsAnnounced = Callable[..., bool]

FRIEND, LOCAL = "https://app.example", "http://localhost:1"


def test_the_policy_in_force_is_one_line_without_secrets(make_app: MakeApp, lines: Lines) -> None:
    make_app(
        app_env="production",
        trusted_hosts=["www.example.org", "example.org"],
        csp_report_only=True,
        TESTING=False,
        CORS_ORIGINS=[FRIEND, LOCAL],
        FRAME_ANCESTORS=["'self'"],
        TOKEN_TYPE="jwt",
        redis_url="redis://:s3cret@127.0.0.1:1/0",
    )
    [line] = lines()
    assert "frame-ancestors 'self'" in line["csp"]
    expected = {
        "event": "sys_startup",
        "production": True,
        "csp_report_only": True,
        "framing": "'self'",
        # In production no loopback address is anybody's site.
        "cors_origins": FRIEND,
        "trusted_hosts": "example.org www.example.org",
        "token_type": "jwt",
    }
    assert line.items() >= expected.items()
    assert not any(secret in str(line) for secret in (*SECRETS.values(), "s3cret"))


@pytest.fixture
def is_announced(make_app: MakeApp, capsys: pytest.CaptureFixture[str]) -> IsAnnounced:
    """Whether an app that this command makes announces itself."""

    def make(command: click.Command, *options: str) -> bool:
        with command.make_context(command.name, list(options)):
            make_app(TESTING=False)
        return "sys_startup" in capsys.readouterr().err

    return make


def test_servers_announce_and_other_commands_do_not(is_announced: IsAnnounced) -> None:
    assert is_announced(run_command)
    assert not is_announced(routes_command)


@pytest.mark.parametrize(("debug", "options"), [("0", ["--reload"]), ("1", [])])
def test_of_a_reloaders_two_processes_the_one_that_serves_announces(
    is_announced: IsAnnounced, debug: str, options: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLASK_DEBUG", debug)
    assert not is_announced(run_command, *options)
    monkeypatch.setenv("WERKZEUG_RUN_MAIN", "true")
    assert is_announced(run_command, *options)
