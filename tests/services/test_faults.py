"""Services that stop, freeze and come back while clients keep asking: nothing but 200 and 503."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import psycopg
import pytest

import services
import support
from conftest import NewProject
from services import clients, crowds
from services.clients import Answer

pytestmark = pytest.mark.all


@dataclass(frozen=True)
class Service:
    """One instance and what it stands on."""

    server: services.Gunicorn
    database: services.PostgreSQL
    redis_port: int

    @property
    def port(self) -> int:
        return self.server.port

    def ready(self) -> str | None:
        return clients.ready(self.port)


@pytest.fixture(scope="module")
def service(
    new_project: NewProject,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Service]:
    project = new_project(token_type="jwt")
    redis_port = support.free_port()
    with services.postgresql_server() as database:
        services.add_users(project, database.url, "ada", *crowds.ASKING)
        with services.serving(
            *(project, tmp_path_factory.mktemp("logs") / "log"),
            DATABASE_URL=database.url,
            REDIS_URL=f"redis://127.0.0.1:{redis_port}/0",
        ) as server:
            yield Service(server, database, redis_port)


def test_a_postgresql_that_crashed_loses_no_login_that_was_answered(service: Service) -> None:
    with crowds.crowd(service.port) as asking:
        service.database.stop()
        asking.wait_for(crowds.is_unavailable)
        assert service.ready() is None
        service.database.start()
        asking.wait_for(crowds.is_served)
    assert service.ready()
    asking.assert_no_login_is_lost()


def test_all_who_waited_for_a_postgresql_that_was_frozen_are_answered(service: Service) -> None:
    """No public setting ends the wait of a connection that is open: docs/faults.md."""
    with crowds.crowd(service.port) as asking:
        with service.database.frozen():
            time.sleep(3)
        asking.wait_for(crowds.is_served)
    asking.assert_no_login_is_lost()


def test_a_redis_that_comes_and_goes_is_not_seen_by_clients(service: Service) -> None:
    with crowds.crowd(service.port) as asking:
        with services.redis(service.redis_port):
            asking.wait_for(crowds.is_served)
            support.wait_until(lambda: service.ready() == "ok")
        asking.wait_for(crowds.is_served)
        assert service.ready() == "degraded"
    assert all(map(crowds.is_served, asking.answers))


def kill_workers(service: Service) -> None:
    """Kill them as a lack of memory does, and wait until others are there."""
    before = service.server.workers
    for worker in before:
        os.kill(worker, signal.SIGKILL)
    support.wait_until(lambda: set(service.server.workers) - set(before))


def test_who_lost_a_worker_in_the_middle_of_a_request_tries_again(service: Service) -> None:
    connection = HTTPConnection("127.0.0.1", service.port, timeout=clients.PATIENCE)
    with contextlib.closing(connection):
        # By its answer, a worker has taken the connection.
        assert clients.send(connection, "/healthz").status == 200
        connection.sock.sendall(b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n")
        kill_workers(service)
        with contextlib.suppress(ConnectionError):
            assert connection.sock.recv(1) == b""
    assert clients.log_in(service.port).status == 200


@contextlib.contextmanager
def locked_logins(service: Service) -> Iterator[Callable[[], bool]]:
    """Keep requests waiting for the table of logins; gives whether one does."""
    with psycopg.connect(service.database.url) as holder:
        holder.execute("LOCK TABLE logins")
        with psycopg.connect(service.database.url, autocommit=True) as watcher:
            waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            yield lambda: watcher.execute(waiting).fetchone() != (0,)


def test_a_refresh_that_was_cut_short_can_be_tried_again(service: Service) -> None:
    login = clients.log_in(service.port)
    with ThreadPoolExecutor() as pool, locked_logins(service) as somebody_waits:
        refreshing = pool.submit(clients.refresh, service.port, login)
        support.wait_until(somebody_waits)
        kill_workers(service)
        assert isinstance(refreshing.exception(), HTTPException | OSError)
    assert clients.refresh(service.port, login).status == 200


def test_who_never_saw_the_answer_to_a_refresh_gets_it_again(service: Service) -> None:
    login = clients.log_in(service.port)
    lost = clients.refresh(service.port, login)
    kill_workers(service)
    again = clients.refresh(service.port, login)
    assert (again.status, again.body["refresh_token"]) == (200, lost.body["refresh_token"])
    assert clients.is_accepted(service.port, again)


def test_a_sqlite_that_cannot_grow_loses_no_login_that_was_answered(
    new_project: NewProject, tmp_path: Path
) -> None:
    project, logins = new_project(token_type="opaque"), list[Answer]()
    url = f"sqlite:///{tmp_path / 'secure_flask.database'}"
    services.add_users(project, url, "ada")
    with services.serving(project, tmp_path / "log", DATABASE_URL=url) as server:
        with files_at_most(256 * 1024, server.workers):
            while (answer := clients.log_in(server.port)).status == 200:
                logins.append(answer)
            assert answer.unavailable
            assert all(clients.is_accepted(server.port, login) for login in logins)
        assert clients.log_in(server.port).status == 200
        assert all(clients.is_accepted(server.port, login) for login in logins)


@contextlib.contextmanager
def files_at_most(size: int, processes: list[int]) -> Iterator[None]:
    """Let processes write no file beyond a size, as if the disk were full."""
    support.need(sys.platform == "linux", "Linux")
    import resource

    def limit(soft: int) -> None:
        for process in processes:
            _, hard = resource.prlimit(process, resource.RLIMIT_FSIZE)
            resource.prlimit(process, resource.RLIMIT_FSIZE, (soft, hard))

    limit(size)
    yield
    limit(resource.RLIM_INFINITY)
