"""A database, Redis or workers that would not serve."""

import pytest
from flask import Flask
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from app.db import db
from tests.checks.conftest import Find, MakeSite, found_in

SHARED = {"REDIS_URL": "redis://r", "DATABASE_URL": "postgresql+psycopg://u:p@h/n"}


def test_a_database_that_is_away_is_told_once(site: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(engine: Engine) -> None:
        raise OperationalError("", {}, Exception("host db1"))

    monkeypatch.setattr(Engine, "connect", away)
    assert len(found_in(site, "database.unreachable")) == 1
    assert found_in(site, "migrations.pending") == []


def test_a_database_that_no_migration_made_is_told(find: Find) -> None:
    assert len(find("migrations.pending")) == 1


def test_so_is_one_that_newer_code_made(site: Flask) -> None:
    with site.app_context():
        db.session.execute(text("UPDATE alembic_version SET version_num = 'newer'"))
        db.session.commit()
    assert len(found_in(site, "migrations.pending")) == 1


def test_a_redis_that_is_away_is_told(make_site: MakeSite) -> None:
    app = make_site(redis_url="redis://127.0.0.1:1/0")
    assert len(found_in(app, "redis.unreachable")) == 1


@pytest.mark.parametrize(
    ("finding_id", "needs"), [("redis.missing", "REDIS_URL"), ("database.sqlite", "DATABASE_URL")]
)
def test_one_process_is_asked_whether_it_is_the_only_one(
    find: Find, finding_id: str, needs: str
) -> None:
    alone = {**SHARED, needs: {"REDIS_URL": None}.get(needs, "sqlite:///app.db")}
    assert len(find(finding_id, **alone)) == 1
    assert find(finding_id, **SHARED) == []
    # An error is told then.
    assert find(finding_id, **alone, WEB_CONCURRENCY=2) == []


@pytest.mark.parametrize(
    ("finding_id", "needs"),
    [("workers.limits-apart", "REDIS_URL"), ("workers.sqlite", "DATABASE_URL")],
)
def test_several_workers_need_what_they_share(
    site: Flask, monkeypatch: pytest.MonkeyPatch, finding_id: str, needs: str
) -> None:
    for workers, told in [(1, 0), (2, 1), (16, 1)]:
        monkeypatch.setitem(site.config, "WEB_CONCURRENCY", workers)
        assert len(found_in(site, finding_id)) == told
    monkeypatch.setitem(site.config, needs, SHARED[needs])
    assert found_in(site, finding_id) == []
