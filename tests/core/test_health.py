"""What a load balancer learns."""

from typing import NoReturn

import pytest
from flask.testing import FlaskClient
from secure_flask.database import db
from sqlalchemy.exc import OperationalError

from core import routes
from core.conftest import MakeApp

ALIVE, READY = routes.HEALTHZ, routes.READYZ


@pytest.mark.parametrize("path", [ALIVE, READY])
def test_a_healthy_app_says_so_and_no_cache_keeps_it(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json) == (200, {"status": "ok"})
    assert "no-store" in answer.headers["Cache-Control"]


def test_without_redis_it_serves_on(make_app: MakeApp) -> None:
    pytest.importorskip("redis")
    answer = make_app(redis_url="redis://127.0.0.1:1/0").test_client().get(READY)
    assert (answer.status_code, answer.json) == (200, {"status": "degraded"})


def test_without_its_database_it_lives_and_asks_for_no_requests(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*arguments: object) -> NoReturn:
        raise OperationalError("SELECT 1", {}, OSError("no route to host"))

    monkeypatch.setattr(db.session, "execute", away)
    answer = client.get(READY)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert client.get(ALIVE).status_code == 200
