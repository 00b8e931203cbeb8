"""A database, Redis or workers that would not serve."""

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from app.db import db
from tests.checks.conftest import Find, MakeSite, found_in

SHARED = {"REDIS_URL": "redis://r", "DATABASE_URL": "postgresql+psycopg://u:p@h/n"}
OWN = {"REDIS_URL": None, "DATABASE_URL": "sqlite:///app.db"}


def test_a_database_that_is_away_is_reported_once(
    make_migrated: MakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(engine: Engine) -> None:
        raise OperationalError("", {}, Exception("host db1"))

    site = make_migrated()
    monkeypatch.setattr(Engine, "connect", away)
    assert len(found_in(site, "database.unreachable")) == 1
    assert found_in(site, "migrations.pending") == []


def test_a_database_that_no_migration_or_newer_code_made_is_reported(
    find: Find, make_migrated: MakeSite
) -> None:
    assert len(find("migrations.pending")) == 1
    site = make_migrated()
    with site.app_context():
        db.session.execute(text("UPDATE alembic_version SET version_num = 'newer'"))
        db.session.commit()
    assert len(found_in(site, "migrations.pending")) == 1


def test_a_redis_that_is_away_is_reported(make_site: MakeSite) -> None:
    app = make_site(redis_url="redis://127.0.0.1:1/0")
    assert len(found_in(app, "redis.unreachable")) == 1


@pytest.mark.parametrize(
    ("needs", "for_one", "for_several"),
    [
        ("REDIS_URL", "redis.missing", "workers.unshared-limits"),
        ("DATABASE_URL", "database.sqlite", "workers.sqlite"),
    ],
)
def test_several_workers_need_what_they_share_and_one_is_asked_whether_it_is_alone(
    find: Find, needs: str, for_one: str, for_several: str
) -> None:
    own = {**SHARED, needs: OWN[needs]}
    for settings, workers, found in (
        (own, 1, [for_one]),
        (own, 2, [for_several]),
        (SHARED, 1, []),
        (SHARED, 2, []),
    ):
        names = (for_one, for_several)
        assert [name for name in names if find(name, **settings, WEB_CONCURRENCY=workers)] == found
