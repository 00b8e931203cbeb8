"""PostgreSQL and Redis over TLS, with users and passwords, and Valkey, each the real one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import proxies
import redis_servers
import services
import support
from conftest import NewProject
from redis_servers import ENCODED, PASSWORD, USER

pytestmark = pytest.mark.all

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
    proxies.write_certificate(folder / "authority.crt", folder / "authority.key")
    return folder / "authority.crt"


def reach(project: Path, *environments: dict[str, str]) -> list[dict[str, Any]]:
    """See how a project gets along with services; nothing it writes holds a password."""
    limited = [{"LOGIN_RATE_LIMIT": LIMIT, **each} for each in environments]
    script, given = services.SCRIPTS / "reach_services.py", json.dumps(limited)
    reported = support.python(
        script, cwd=project, ENVIRONMENTS=given, DATABASE_URL="sqlite:///secure_flask.database"
    )
    assert PASSWORD not in reported
    assert ENCODED not in reported
    found: list[dict[str, Any]] = json.loads(reported.splitlines()[-1])
    return found


def test_redis_is_reached_over_tls_by_its_authority_and_password_alone(
    project: Path, another_authority: Path, tmp_path: Path
) -> None:
    with redis_servers.encrypted(tmp_path) as url:
        wrong = [
            url.replace(url.partition("ssl_ca_certs=")[2], str(another_authority)),
            url.partition("?")[0],  # the authorities of this system
            url.replace(ENCODED, f"{ENCODED}!"),
            url.replace(f"{USER}:", "other:"),
            url.replace("rediss://", "redis://").partition("?")[0],
        ]
        found = reach(project, *({"REDIS_URL": each} for each in [url, *wrong]))
    assert found == [SHARED, *[NOT_SHARED] * len(wrong)]


def test_valkey_shares_limits(project: Path, tmp_path: Path) -> None:
    with redis_servers.server(tmp_path, program="valkey-server") as server:
        assert reach(project, {"REDIS_URL": f"redis://{server.address}"}) == [SHARED]


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
