"""What a load balancer learns."""

from typing import NoReturn

import pytest
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError

from app.db import db
from tests.conftest import MakeApp


def away(*arguments: object) -> NoReturn:
    raise OperationalError("SELECT 1", {}, OSError("no route to host"))


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_all_is_well(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json) == (200, {"status": "ok"})


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_no_cache_answers_in_its_place(client: FlaskClient, path: str) -> None:
    assert "no-store" in client.get(path).headers["Cache-Control"]


@pytest.mark.asvs("16.5.2")
def test_without_redis_it_serves_on(make_app: MakeApp) -> None:
    pytest.importorskip("redis")
    answer = make_app(redis_url="redis://127.0.0.1:1/0").test_client().get("/readyz")
    assert (answer.status_code, answer.json) == (200, {"status": "degraded"})


def test_without_its_database_it_asks_for_no_requests(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db.session, "execute", away)
    assert client.get("/readyz").status_code == 503


def test_without_its_database_it_still_lives(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db.session, "execute", away)
    assert client.get("/healthz").status_code == 200
