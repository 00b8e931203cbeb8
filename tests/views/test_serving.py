"""How the app starts by wsgi.py, and what gunicorn.conf.py sets."""

import gc
import runpy
from pathlib import Path
from typing import Any

import click
import pytest
from gunicorn.config import Config
from secure_flask import db
from secure_flask.settings.__main__ import fresh_secrets
from sqlalchemy.pool import QueuePool

from app import create_app
from views import PROJECT
from views.conftest import Lines, MakeApp

GOOD = {
    **fresh_secrets(),
    "TRUSTED_HOSTS": "www.example.org",
    "DATABASE_URL": "sqlite:///:memory:",
    # Only where people make their accounts themselves.
    "PUBLIC_URL": "https://www.example.org",
    "MAIL_URL": "smtp://mail.example.org",
    "MAIL_FROM": "no-reply@www.example.org",
}


def start(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What wsgi.py holds in a good environment."""
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    return runpy.run_path(str(PROJECT / "wsgi.py"))


def run_conf() -> dict[str, Any]:
    return runpy.run_path(str(PROJECT / "gunicorn.conf.py"))


@pytest.mark.parametrize("given", [{"database_url": "sqlite://"}, {"test_config": {}}], ids=str)
def test_a_test_that_names_its_database_in_another_way_gets_no_app(given: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="create_app takes upper-case names"):
        create_app(**given)


def test_a_good_environment_serves_and_says_what_is_in_force(
    monkeypatch: pytest.MonkeyPatch, lines: Lines
) -> None:
    gc.unfreeze()
    app = start(monkeypatch)["app"]
    assert [line["event"] for line in lines()] == ["sys_startup"]
    assert app.test_client().get("/healthz").status_code == 200
    # The garbage collector need not walk the app.
    assert not any(each is app for each in gc.get_objects())
    # A command serves nobody.
    with click.Context(click.Command("user"), info_name="user"):
        start(monkeypatch)
    assert lines() == []


@pytest.mark.parametrize(
    ("host", "port", "bound"),
    [("", "", "127.0.0.1:8000"), ("192.0.2.1", "9000", "192.0.2.1:9000")],
)
def test_gunicorn_believes_no_proxy_and_serves_this_computer_alone_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch, host: str, port: str, bound: str
) -> None:
    monkeypatch.setenv("BIND_HOST", host)
    monkeypatch.setenv("PORT", port)
    conf = run_conf()
    assert (conf["bind"], conf["forwarded_allow_ips"]) == (bound, "")
    # A misspelt setting would count for nothing.
    set_here = {name for name, value in conf.items() if isinstance(value, str | int)}
    assert {name for name in set_here if name[0] != "_"} <= Config().settings.keys()


def test_each_thread_of_gunicorn_finds_a_connection_to_the_database(
    make_app: MakeApp, tmp_path: Path
) -> None:
    with make_app(database_url=f"sqlite:///{tmp_path / 'app.db'}").app_context():
        assert isinstance(db.engine.pool, QueuePool)
        assert db.engine.pool.size() >= run_conf()["threads"]
