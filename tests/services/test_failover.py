"""Services of several servers, of which one fails while clients keep asking, and a pooler that does."""

from __future__ import annotations

import contextlib
import itertools
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import services
import support
from conftest import NewProject
from services import clients, crowds

pytestmark = pytest.mark.weekly

LIMIT = 4  # failures a year for each address; half of it where the servers cannot be asked
SHARED, ALONE = [401] * LIMIT + [429], [401] * (LIMIT // 2) + [429] * (LIMIT // 2 + 1)
_ADDRESSES = (f"192.0.{high}.{low}" for high, low in itertools.product(range(2, 250), range(250)))


@pytest.fixture(scope="module")
def project(new_project: NewProject) -> Path:
    made = new_project(token_type="opaque")
    services.add_users(made, "sqlite:///secure_flask.database", "ada")
    return made


def failures(port: int, address: str | None = None) -> list[int]:
    """What failed logins of an address get, by default of one that is new."""
    address = address or next(_ADDRESSES)
    # A name for each address, since an account has a limit too.
    asking = (port, f"nobody-{address}", "any long password", {"X-Forwarded-For": address})
    return [clients.log_in(*asking).status for _ in SHARED]


def expect_shared(port: int) -> None:
    """Wait until each count is shared, wherever its key lies."""
    support.wait_until(lambda: all(failures(port) == SHARED for _ in range(8)))
    assert clients.ready(port) == "ok"


@contextlib.contextmanager
def limited(project: Path, log: Path, redis: str) -> Iterator[int]:
    limit = {"LOGIN_RATE_LIMIT": f"{LIMIT} per year", "PROXY_HOPS": "1"}
    with services.serving(project, log, REDIS_URL=redis, **limit) as server:
        yield server.port


def test_limits_outlive_redis_and_are_shared_again_after_it(project: Path, tmp_path: Path) -> None:
    redis_port = support.free_port()
    redis = f"redis://127.0.0.1:{redis_port}/0"
    with (
        limited(project, tmp_path / "one.log", redis) as one,
        limited(project, tmp_path / "two.log", redis) as two,
    ):
        with services.redis(redis_port):
            expect_shared(one)
            assert_counted_together(one, two)
            assert_many_at_once_are_checked_no_oftener(one, two)
        with socket.create_server(("127.0.0.1", redis_port)):  # accepts, and never says a word
            assert_counted_apart(one, two)
        assert_counted_apart(one, two)
        with services.redis(redis_port):
            expect_shared(one)
            expect_shared(two)
            assert_counted_together(one, two)


def assert_counted_together(one: int, two: int) -> None:
    address = next(_ADDRESSES)
    assert failures(one, address) == SHARED
    assert failures(two, address) == [429] * len(SHARED)
    assert clients.log_in(two, headers={"X-Forwarded-For": address}).status == 429
    assert clients.log_in(two, headers={"X-Forwarded-For": next(_ADDRESSES)}).status == 200


def assert_counted_apart(*ports: int) -> None:
    """Each counts for itself, and allows half."""
    address = next(_ADDRESSES)
    assert [failures(port, address) for port in ports] == [ALONE, ALONE]
    headers = {"X-Forwarded-For": address}
    assert [clients.log_in(port, headers=headers).status for port in ports] == [429, 429]
    assert [clients.ready(port) for port in ports] == ["degraded", "degraded"]


def assert_many_at_once_are_checked_no_oftener(one: int, two: int) -> None:
    address = {"X-Forwarded-For": next(_ADDRESSES)}

    def fail(number: int) -> int:
        name = f"many-{number}"
        return clients.log_in((one, two)[number % 2], name, "any long password", address).status

    with ThreadPoolExecutor(50) as pool:
        statuses = list(pool.map(fail, range(50)))
    # Those that are refused are in each other's way for a moment.
    left = LIMIT - statuses.count(401)
    assert 0 <= left < LIMIT
    assert [fail(number) for number in range(50, 50 + LIMIT)] == [401] * left + [429] * (
        LIMIT - left
    )


def test_the_second_postgresql_takes_over_and_no_login_that_was_answered_is_lost(
    new_project: NewProject, tmp_path: Path
) -> None:
    project = new_project(token_type="opaque")
    with services.postgresql_server() as first, services.standby(first) as second:
        # The standby comes first, which answers, but takes no login.
        hosts = "&".join(f"host=127.0.0.1:{server.port}" for server in (second, first))
        url = f"postgresql://test@/postgres?{hosts}"
        services.add_users(project, url, "ada", *crowds.ASKING)
        with (
            services.serving(project, tmp_path / "log", DATABASE_URL=url) as server,
            crowds.crowd(server.port) as asking,
        ):
            first.stop()
            asking.wait_for(crowds.is_unavailable)
            assert clients.ready(server.port) is None
            second.promote()
            asking.wait_for(crowds.is_served)
            assert clients.ready(server.port)
            asking.assert_no_login_is_lost()
        first.start()  # which its end stops


def test_a_pgbouncer_that_comes_back_is_used_again(new_project: NewProject, tmp_path: Path) -> None:
    project, port = new_project(token_type="opaque"), support.free_port()
    with services.postgresql_server() as database, contextlib.ExitStack() as pooler:
        services.add_users(project, database.url, "ada", *crowds.ASKING)
        # It refuses the parameter by which the app sets its limits.
        url = f"{pooler.enter_context(services.pgbouncer(database, port=port))}?options=-c%20application_name%3Dapp"
        with (
            services.serving(project, tmp_path / "log", DATABASE_URL=url) as server,
            crowds.crowd(server.port) as asking,
        ):
            pooler.close()
            asking.wait_for(crowds.is_unavailable)
            assert clients.ready(server.port) is None
            pooler.enter_context(services.pgbouncer(database, port=port))
            asking.wait_for(crowds.is_served)
            assert clients.ready(server.port)
            asking.assert_no_login_is_lost()
