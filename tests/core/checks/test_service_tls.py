"""Connections over a network without TLS, or without a verified certificate."""

import pytest
from secure_flask.checks.service_tls import LIBPQ

from core.checks.conftest import Find

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
        "rediss://r.example?ssl_check_hostname=false",
        "redis+sentinel://[::1]:1/main",
        "redis+sentinel://r.example:1/main?ssl=false",
        "redis+cluster://localhost:1?ssl=true&ssl_cert_reqs=none",
        "redis+sentinel://localhost:1,r.example:1/main",
        "redis+cluster://[2001:db8::1]:1",
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
        "redis+sentinel://r.example:1/main?ssl=true&sentinel_password=",
        "redis+cluster://a.example:1,b.example:1?ssl=true",
    ],
}


CHECKS = {"DATABASE_URL": "database.unverified-tls", "REDIS_URL": "redis.unverified-tls"}


def test_a_connection_to_elsewhere_is_reported_unless_its_certificate_is_verified(
    find: Find, subtests: pytest.Subtests, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in LIBPQ:
        monkeypatch.delenv(f"PG{name.upper()}", raising=False)
    for urls, count in ((FOUND, 1), (FINE, 0)):
        for setting in CHECKS:
            for url in urls[setting]:
                with subtests.test(url):
                    assert len(find(CHECKS[setting], **{setting: url})) == count
    monkeypatch.setenv("PGHOST", "db.example")
    assert len(find(CHECKS["DATABASE_URL"], DATABASE_URL="postgresql+psycopg://u:p@/n")) == 1
    monkeypatch.setenv("PGSSLMODE", "verify-full")
    assert find(CHECKS["DATABASE_URL"], DATABASE_URL=FOUND["DATABASE_URL"][0]) == []
