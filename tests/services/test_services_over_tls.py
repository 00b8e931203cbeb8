"""PostgreSQL and Redis over TLS, with users and passwords, and Valkey, each the real one."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import services
import support
from conftest import NewProject
from services.certificates import write_certificate

pytestmark = pytest.mark.weekly

# A user of a service, with a password that a URL has to encode.
USER, PASSWORD, ENCODED = "app", "not/for@logs", "not%2Ffor%40logs"
# The options of a Redis for this user alone, over TLS alone.
ONE_USER = ("--user", USER, "on", f">{PASSWORD}", "~*", "&*", "+@all", "--user", "default", "off")
ONLY_TLS = ("--port", "0", "--tls-auth-clients", "no")
LIMIT = "4 per year"
SHARED = {"ready": "ok", "logins": [401] * 4 + [429], "unreachable": []}
NOT_SHARED = {
    "ready": "degraded",
    "logins": [401] * 2 + [429] * 3,
    "unreachable": ["redis"],
}
NO_DATABASE = {"ready": None, "logins": [503] * 5, "unreachable": ["database"]}


@pytest.fixture(scope="module")
def project(new_project: NewProject) -> Path:
    return new_project(token_type="opaque")


@pytest.fixture(scope="module")
def another_authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("another")
    write_certificate(folder / "authority.crt", folder / "authority.key")
    return folder / "authority.crt"


def reach(project: Path, *environments: dict[str, str]) -> list[dict[str, Any]]:
    """See how a project gets along with services; nothing it writes holds a password."""
    limited = [{"LOGIN_RATE_LIMIT": LIMIT, **each} for each in environments]
    script, given = services.PROGRAMS / "reach_services.py", json.dumps(limited)
    reported = support.python(
        script, cwd=project, ENVIRONMENTS=given, DATABASE_URL="sqlite:///secure_flask.database"
    )
    assert PASSWORD not in reported
    assert ENCODED not in reported
    found: list[dict[str, Any]] = json.loads(reported.splitlines()[-1])
    return found


@contextlib.contextmanager
def encrypted_redis(folder: Path) -> Iterator[str]:
    """Start one for a user with a password, over TLS alone; gives its URL."""
    certificate, key, port = folder / "redis.crt", folder / "redis.key", support.free_port()
    write_certificate(certificate, key)
    files = {"cert": certificate, "key": key, "ca-cert": certificate}
    tls = [part for name, file in files.items() for part in (f"--tls-{name}-file", str(file))]
    with services.redis(port, *ONE_USER, *ONLY_TLS, "--tls-port", str(port), *tls):
        yield f"rediss://{USER}:{ENCODED}@127.0.0.1:{port}/0?ssl_ca_certs={certificate}"


def test_redis_is_reached_over_tls_by_its_authority_and_password_alone(
    project: Path, another_authority: Path, tmp_path: Path
) -> None:
    with encrypted_redis(tmp_path) as url:
        wrong = [
            url.replace(url.partition("ssl_ca_certs=")[2], str(another_authority)),
            url.partition("?")[0],  # the authorities of this system
            url.replace(ENCODED, f"{ENCODED}!"),
            url.replace(f"{USER}:", "other:"),
            url.replace("rediss://", "redis://").partition("?")[0],
        ]
        found = reach(project, *({"REDIS_URL": each} for each in [url, *wrong]))
    assert found == [SHARED, *[NOT_SHARED] * len(wrong)]


def test_valkey_shares_limits(project: Path) -> None:
    with services.redis(program="valkey-server") as url:
        assert reach(project, {"REDIS_URL": url}) == [SHARED]


@pytest.fixture
def encrypted_database(tmp_path: Path) -> Iterator[str]:
    """Serve PostgreSQL to a user with a password, over TLS alone; gives the URL."""
    with services.postgresql_server() as server:
        certificate = tmp_path / "server.crt"
        services.encrypt(server, certificate)
        server.execute(f"CREATE ROLE {USER} LOGIN SUPERUSER PASSWORD '{PASSWORD}'")
        address = f"127.0.0.1:{server.port}/postgres"
        yield f"postgresql://{USER}:{ENCODED}@{address}?sslmode=verify-full&sslrootcert={certificate}"


def test_postgresql_is_reached_over_tls_by_its_authority_and_password_alone(
    project: Path, another_authority: Path, encrypted_database: str
) -> None:
    url = encrypted_database
    wrong = [
        url.replace(url.partition("sslrootcert=")[2], str(another_authority)),
        url.replace(ENCODED, f"{ENCODED}!"),
        url.partition("?")[0] + "?sslmode=disable",
    ]
    found = reach(project, *({"DATABASE_URL": each} for each in [url, *wrong]))
    assert found[0]["ready"] == "ok"
    assert found[0]["logins"] == [401] * 4 + [429]
    assert found[1:] == [NO_DATABASE] * len(wrong)
