"""The settings of gunicorn in gunicorn.conf.py."""

import runpy
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.pool import QueuePool

from secure_flask.database import db
from core.conftest import MakeApp

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def _needs_gunicorn() -> None:
    pytest.importorskip("gunicorn.config", reason="gunicorn is not for Windows")


def run_conf() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "gunicorn.conf.py"))


def test_gunicorn_itself_believes_no_proxy() -> None:
    assert run_conf()["forwarded_allow_ips"] == ""


@pytest.mark.parametrize(
    ("host", "port", "bound"),
    [("", "", "127.0.0.1:8000"), ("192.0.2.1", "9000", "192.0.2.1:9000")],
)
def test_gunicorn_serves_this_computer_alone_unless_an_address_is_set(
    monkeypatch: pytest.MonkeyPatch, host: str, port: str, bound: str
) -> None:
    monkeypatch.setenv("HOST", host)
    monkeypatch.setenv("PORT", port)
    assert run_conf()["bind"] == [bound]


def test_each_thread_of_gunicorn_finds_a_connection_to_the_database(
    make_app: MakeApp, tmp_path: Path
) -> None:
    with make_app(database_url=f"sqlite:///{tmp_path / 'secure_flask.database'}").app_context():
        assert isinstance(db.engine.pool, QueuePool)
        assert db.engine.pool.size() >= run_conf()["threads"]


def test_gunicorn_knows_each_of_its_settings() -> None:
    """A misspelt one would count for nothing."""
    from gunicorn.config import Config

    set_here = {name for name, value in run_conf().items() if isinstance(value, str | int)}
    assert {name for name in set_here if name[0] != "_"} <= Config().settings.keys()
