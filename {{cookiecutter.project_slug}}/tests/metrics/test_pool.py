"""The gauge of database connections."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import QueuePool

from app.db import db
from app.metrics import pool
from app.metrics.collected import CONNECTIONS
from tests.conftest import MakeApp
from tests.metrics.conftest import PORT, Values


@pytest.fixture
def engine() -> Iterator[Engine]:
    made = create_engine("sqlite://", poolclass=QueuePool, pool_pre_ping=True)
    pool.watch(made)
    yield made
    made.dispose()


def in_use() -> float:
    return next(iter(CONNECTIONS.collect())).samples[0].value


def test_connections_count_while_they_are_out(engine: Engine) -> None:
    with engine.connect(), engine.connect():
        assert in_use() == 2
    assert in_use() == 0


def test_connections_that_break_do_not_count_for_ever(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))

    def away(*arguments: object) -> bool:
        raise OperationalError("", {}, Exception("gone"))

    with monkeypatch.context() as patch:
        patch.setattr(engine.dialect, "_do_ping_w_event", lambda connection: False)
        patch.setattr(engine.pool, "_invoke_creator", away)
        for _ in range(3):
            with pytest.raises(OperationalError):
                engine.connect()
    assert in_use() == 0
    with engine.connect():
        assert in_use() == 1


def test_the_app_tells_the_size_of_its_pool_and_what_is_in_use(
    make_app: MakeApp, values: Values, tmp_path: Path
) -> None:
    app = make_app(
        metrics_address=f"127.0.0.1:{PORT}",
        database_url=f"sqlite:///{tmp_path}/app.db",
        SQLALCHEMY_ENGINE_OPTIONS={"pool_size": 3, "max_overflow": 4},
    )
    assert values("database_connections_max") == {"": 7}
    with app.app_context(), db.engine.connect():
        assert values("database_connections_in_use") == {"": 1}
    assert values("database_connections_in_use") == {"": 0}
