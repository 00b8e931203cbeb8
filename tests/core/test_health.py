"""What a load balancer and a metrics system learn."""

from pathlib import Path
from unittest.mock import Mock

import pytest
from flask.testing import FlaskClient
from secure_flask import live_figures
from secure_flask.auth import passwords
from secure_flask.database import Model, db

from core import routes
from core.conftest import PRODUCTION, Lines, MakeApp, away

ALIVE, READY = routes.HEALTHZ, routes.READYZ


@pytest.mark.parametrize("path", [ALIVE, READY])
def test_a_healthy_app_says_so_and_no_cache_keeps_it(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json) == (200, {"status": "ok"})
    assert "no-store" in answer.headers["Cache-Control"]


@pytest.mark.asvs("16.5.2")
def test_without_redis_it_serves_on(make_app: MakeApp, subtests: pytest.Subtests) -> None:
    pytest.importorskip("redis")
    urls = {None: ("ok", 0), "redis://127.0.0.1:1/0": ("degraded", 1)}
    for url, (state, gone) in urls.items():
        with subtests.test(url=url, state=state, gone=gone):
            app = make_app(redis_url=url)
            answer = app.test_client().get(READY)
            assert (answer.status_code, answer.json) == (200, {"status": state})
            with app.app_context():
                assert live_figures()["redis_away"] == gone


def test_without_its_database_it_lives_and_asks_for_no_requests(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db.session, "execute", away)
    answer = client.get(READY)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert client.get(ALIVE).status_code == 200


def test_before_its_migration_it_asks_for_no_requests_and_names_the_tables(
    make_app: MakeApp, lines: Lines
) -> None:
    """In a rolling deploy a new instance may start before its tables are there."""
    app = make_app(**PRODUCTION)
    client = app.test_client()
    with app.app_context():
        Model.metadata.tables["logins"].drop(db.engine)
    lines()
    answer = client.get(READY)
    assert (answer.status_code, answer.json) == (503, {"error": "Temporarily unavailable"})
    assert int(answer.headers["Retry-After"]) > 0
    [line] = lines()
    assert "logins" in line["event"]
    assert "users" not in line["event"]
    assert ".venv/bin/flask db upgrade" in line["event"]
    with app.app_context():
        Model.metadata.create_all(db.engine)
    assert client.get(READY).status_code == 200


def test_the_figures_say_how_many_connections_are_free(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app(database_url=f"sqlite:///{tmp_path / 'app.db'}")
    with app.app_context():
        db.session.remove()
        assert live_figures()["free_connections"] == 16
        with db.engine.connect():
            assert live_figures()["free_connections"] == 15


def test_the_figures_say_how_many_passwords_may_be_hashed(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures_meanwhile = Mock(side_effect=lambda _: str(live_figures()["free_hash_places"]))
    monkeypatch.setattr(passwords, "hasher", Mock(hash=figures_meanwhile))
    with make_app().app_context():
        assert passwords.hash_password("any") == "11"
        assert live_figures()["free_hash_places"] == 12
