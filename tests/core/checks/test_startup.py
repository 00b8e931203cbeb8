"""What the log says when a server starts: what is enforced, and nothing secret."""

from types import SimpleNamespace

import pytest
from flask.cli import routes_command, run_command
from gunicorn.config import Config
from secure_flask import on_starting
from secure_flask.settings import Settings

from core.conftest import SECRETS, Lines, MakeApp

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
        "level": "info",
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


def test_servers_announce_and_other_commands_do_not(make_app: MakeApp, lines: Lines) -> None:
    production = {"app_env": "production", "trusted_hosts": ["example.org"], "TESTING": False}
    with routes_command.make_context("routes", []):
        make_app(**production)
    assert lines() == []
    with run_command.make_context("run", []):
        make_app(**production)
    assert [line["event"] for line in lines()] == ["sys_startup"]


def start(monkeypatch: pytest.MonkeyPatch, *addresses: str, **environment: str) -> None:
    """Start gunicorn at these addresses, as its configuration reads them."""
    secrets = {name.upper(): secret for name, secret in SECRETS.items()}
    for name, value in {**secrets, **environment}.items():
        monkeypatch.setenv(name, value)
    server = SimpleNamespace(cfg=Config())
    server.cfg.set("bind", [*addresses])
    on_starting(server, Settings)


@pytest.mark.parametrize("address", ["0.0.0.0:8000", "[::]:8000", "192.168.1.5:80", ":8000"])
def test_gunicorn_serves_no_other_machine_with_the_settings_of_development(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    with pytest.raises(SystemExit, match=r"APP_ENV=development: .* unset BIND_HOST"):
        start(monkeypatch, "127.0.0.1:8000", address, APP_ENV="development")
    start(monkeypatch, address, APP_ENV="production", TRUSTED_HOSTS="www.example.org")


def test_gunicorn_serves_this_machine_with_the_settings_of_development(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = ("127.0.0.1:8000", "[::1]:8000", "localhost:8000", "unix:/run/app.sock", "fd://3")
    start(monkeypatch, *here, APP_ENV="development")
