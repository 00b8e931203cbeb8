"""A database, Redis or workers that would not serve."""

import pytest
from secure_flask.database import db
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from core.checks.conftest import Find, MakeSite, found_in

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


def test_a_database_of_other_migrations_is_reported(find: Find, make_migrated: MakeSite) -> None:
    assert len(find("migrations.pending")) == 1
    site = make_migrated()
    with site.app_context():
        db.session.execute(text("UPDATE alembic_version SET version_num = 'newer'"))
        db.session.commit()
    assert len(found_in(site, "migrations.pending")) == 1


def test_a_redis_that_is_away_is_reported(make_site: MakeSite) -> None:
    app = make_site(redis_url="redis://127.0.0.1:1/0")
    assert len(found_in(app, "redis.unreachable")) == 1


def test_several_workers_need_what_they_share_and_one_is_asked_if_it_is_alone(find: Find) -> None:
    for needs, for_one, for_several in (
        ("REDIS_URL", "redis.missing", "workers.unshared-limits"),
        ("DATABASE_URL", "database.sqlite", "workers.sqlite"),
    ):
        own = {**SHARED, needs: OWN[needs]}
        assert len(find(for_one, **own, WEB_CONCURRENCY=1)) == 1
        assert len(find(for_several, **own, WEB_CONCURRENCY=2)) == 1
        assert find(for_one, **own, WEB_CONCURRENCY=2) == []
        assert find(for_several, **own, WEB_CONCURRENCY=1) == []
        assert find(for_one, **SHARED) == find(for_several, **SHARED, WEB_CONCURRENCY=2) == []
