"""A database or Redis that would not serve, or that others on the network read."""

import os
import time
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from secure_flask.checks.services import LIBPQ
from secure_flask.clock import CLOCK
from secure_flask.database import db
from secure_flask.database.database import migrate
from secure_flask.state import app_state
from sqlalchemy import Engine, text

import services
import support
from core.checks.conftest import Find, MakeSite, found_in
from core.conftest import away
from services.certificates import write_certificate

FOUND = {
    "DATABASE_URL": [
        "postgresql+psycopg://u:p@db.example/n",
        "postgresql+psycopg://u:p@10.0.0.7/n?sslmode=require",
        "postgresql+psycopg://u:p@db.example/n?sslmode=verify-ca",
        "postgresql+psycopg://u:p@/n?host=db,db.example",
        "postgresql+psycopg://u:p@localhost/n?hostaddr=203.0.113.5",
        "postgresql+psycopg:///n?service=elsewhere",
    ],
    "REDIS_URL": [
        "redis://10.0.0.7",
        "rediss://r.example?ssl_cert_reqs=none",
    ],
}
FINE = {
    "DATABASE_URL": [
        "sqlite:///:memory:",
        "postgresql+psycopg://u:p@database/n",
        "postgresql+psycopg://u:p@127.0.0.1/n",
        "postgresql+psycopg:///n?host=/run/postgresql.d",
        "postgresql+psycopg://u:p@db.example/n?sslmode=verify-full&sslrootcert=/ca.pem",
        "postgresql+psycopg://u:p@/n?host=a.example&host=b.example&sslmode=verify-full",
    ],
    "REDIS_URL": [
        "redis://redis",
        "redis://[::1]:1",
        "rediss://:p@r.example/0?ssl_ca_certs=/ca.pem",
        "redis+unix:///run/redis.example/socket",
    ],
}
TLS = {"DATABASE_URL": "database.unverified-tls", "REDIS_URL": "redis.unverified-tls"}


@pytest.fixture
def site(make_migrated: MakeSite) -> Flask:
    """A site whose database has all migrations."""
    return make_migrated()


def execute(site: Flask, *statements: str) -> None:
    with site.app_context(), db.engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def test_a_database_that_is_away_is_reported(site: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found_in(site, "database.unreachable") == []
    monkeypatch.setattr(Engine, "connect", away)
    [found] = found_in(site, "database.unreachable")
    assert "cannot be reached" in found
    assert found_in(site, "database.migrations") == []


def test_a_database_of_other_migrations_is_reported(find: Find, site: Flask) -> None:
    [found] = find("database.migrations")
    assert "not at the newest migration" in found
    execute(site, "UPDATE alembic_version SET version_num = 'newer'")
    assert len(found_in(site, "database.migrations")) == 1


@pytest.mark.skipif("TEST_DATABASE_URL" not in os.environ, reason="needs TEST_DATABASE_URL")
def test_a_clock_more_than_a_minute_off_that_of_the_database_is_reported(
    make_migrated: MakeSite,
) -> None:
    site = make_migrated(database_url=os.environ["TEST_DATABASE_URL"])

    def found(off: int) -> list[str]:
        app_state(site)[CLOCK] = lambda: time.time() + off
        return [each.split(" seconds")[0].split()[-1] for each in found_in(site, "clock.off")]

    assert found(0) == found(50) == []
    assert found(3600)[0][:3] == "+36"
    assert found(-3600)[0][:3] == "-36"


@pytest.mark.slow
def test_a_database_that_ends_no_statement_of_a_request_is_reported(make_site: MakeSite) -> None:
    """Behind a PgBouncer the limits stand on the role."""
    with services.postgresql_server() as server:
        site = make_site(database_url=f"{server.url}?options=-c%20application_name%3Dapp")
        [found] = found_in(site, "database.no-limits")
        assert "no statement" in found
        server.execute("ALTER ROLE CURRENT_USER SET statement_timeout = '5s'")
        assert found_in(site, "database.no-limits") == []


def test_a_project_without_migrations_learns_where_to_get_them(
    site: Flask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(migrate, "directory", str(tmp_path / "gone"))
    monkeypatch.setattr(site.extensions["migrate"], "directory", str(tmp_path / "gone"))
    [finding] = found_in(site, "database.migrations")
    assert "There is no folder gone/" in finding


def found_of_redis(make_site: MakeSite, url: str) -> str:
    [found] = found_in(make_site(redis_url=url), "redis.unreachable")
    return found


def test_a_redis_that_is_away_is_reported_with_the_class_of_the_error(make_site: MakeSite) -> None:
    assert "(ConnectionRefusedError)" in found_of_redis(make_site, "redis://127.0.0.1:1/0")


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ("--requirepass another", "AuthenticationError"),
        ("--maxmemory 1", "OutOfMemoryError"),
        ("--replicaof 127.0.0.1 1", "ReadOnlyError"),
    ],
    ids=["wrong password", "full", "read-only"],
)
def test_a_redis_that_refuses_is_reported_with_the_reason(
    make_site: MakeSite, options: str, error: str
) -> None:
    with services.redis(None, *options.split()) as url:
        url = url.replace("redis://", "redis://:wrong@") if "pass" in options else url
        assert f"({error})" in found_of_redis(make_site, url)


def test_a_redis_with_a_certificate_that_nobody_trusts_is_reported_so(
    make_site: MakeSite, tmp_path: Path
) -> None:
    certificate, key = tmp_path / "redis.crt", tmp_path / "redis.key"
    write_certificate(certificate, key)
    port = support.free_port()
    files = f"--tls-cert-file {certificate} --tls-key-file {key} --tls-ca-cert-file {certificate}"
    with services.redis(port, *f"--port 0 --tls-port {port} {files}".split()) as url:
        found = found_of_redis(make_site, url.replace("redis://", "rediss://"))
    assert "(SSLCertVerificationError: self-signed certificate)" in found


def test_several_processes_need_what_they_share(find: Find, subtests: pytest.Subtests) -> None:
    shared = {"REDIS_URL": "redis://r", "DATABASE_URL": "postgresql+psycopg://u:p@h/n"}
    own: Any = {
        "redis.missing": {"REDIS_URL": None},
        "database.sqlite": {"DATABASE_URL": "sqlite:///a"},
    }
    for finding_id, changed in own.items():
        with subtests.test(finding_id=finding_id, changed=changed):
            assert len(find(finding_id, **{**shared, **changed})) == 1
            assert find(finding_id, **shared) == []


def test_a_connection_to_elsewhere_is_reported_unless_its_certificate_is_verified(
    find: Find, subtests: pytest.Subtests, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in LIBPQ:
        monkeypatch.delenv(f"PG{name.upper()}", raising=False)
    for urls, count in ((FOUND, 1), (FINE, 0)):
        for setting in TLS:
            for url in urls[setting]:
                with subtests.test(url):
                    assert len(find(TLS[setting], **{setting: url})) == count
    monkeypatch.setenv("PGHOST", "db.example")
    assert len(find(TLS["DATABASE_URL"], DATABASE_URL="postgresql+psycopg://u:p@/n")) == 1
    monkeypatch.setenv("PGSSLMODE", "verify-full")
    assert find(TLS["DATABASE_URL"], DATABASE_URL=FOUND["DATABASE_URL"][0]) == []
