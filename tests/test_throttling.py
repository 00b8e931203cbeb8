"""Limits that processes share in a real Redis, while it is there, gone, and back again."""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import services
import support
from conftest import NewProject

# A Redis that is stopped, started and silent.
pytestmark = pytest.mark.all

LIMIT = 4  # failures a minute for each address
FIRST, SECOND, THIRD, FOURTH, FIFTH, ELSEWHERE = (f"192.0.2.{last}" for last in range(1, 7))


@dataclass(frozen=True)
class Process:
    """One of the processes that serve the same app."""

    port: int
    password: str

    def fail(self, address: str, times: int) -> list[int]:
        """Log in with a wrong password, as a proxy tells of it; what that gets."""
        return [self.log_in(address, "a wrong long password") for _ in range(times)]

    def succeed(self, address: str) -> int:
        return self.log_in(address, self.password)

    def log_in(self, address: str, password: str) -> int:
        body = json.dumps({"username": "ada", "password": password}).encode()
        headers = {"Content-Type": "application/json", "X-Forwarded-For": address}
        status, answer, retry_after = self.ask("/login", body, headers)
        assert status in (200, 401, 429)
        if status == 429:
            assert answer == {"error": "Too many requests"}
            assert 0 < int(retry_after or "") <= 60
        return status

    def ready(self) -> str:
        status, answer, _ = self.ask("/readyz")
        assert status == 200
        return str(answer["status"])

    def ask(
        self, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any, str | None]:
        url = f"http://127.0.0.1:{self.port}{path}"
        request = urllib.request.Request(url, body, headers or {})
        try:
            answer = urllib.request.urlopen(request)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            return answer.status, json.load(answer), answer.headers["Retry-After"]


@pytest.fixture(scope="module")
def redis_port() -> int:
    return support.free_port()


@pytest.fixture(scope="module")
def processes(
    new_project: NewProject,
    redis_port: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[list[Process]]:
    """Serve one project by two processes behind a proxy, with a Redis that may be there."""
    project = new_project(token_type="opaque")
    support.write_settings(project)
    with (project / ".env").open("a", encoding="utf-8") as file:
        file.write(f"REDIS_URL=redis://127.0.0.1:{redis_port}/0\nPROXY_HOPS=1\n")
        file.write(f"LOGIN_RATE_LIMIT={LIMIT} per minute\n")
    support.python("-m", "flask", "db", "upgrade", cwd=project)
    told = support.python("-m", "flask", "user", "create", "ada", cwd=project)
    logs = tmp_path_factory.mktemp("logs")
    with contextlib.ExitStack() as stack:
        yield [
            Process(stack.enter_context(served(project, logs / name)), told.split()[-1])
            for name in ("one.log", "two.log")
        ]


@contextlib.contextmanager
def served(project: Path, log: Path) -> Iterator[int]:
    port = support.free_port()
    command = [sys.executable, "-m", "flask", "run", "--port", str(port)]
    with support.started(*command, cwd=project, log=log) as process:
        support.wait_for(port, process, log)
        yield port


def test_limits_outlive_redis_and_are_shared_again_after_it(
    processes: list[Process], redis_port: int
) -> None:
    one, two = processes

    with services.redis(redis_port):
        assert [process.ready() for process in processes] == ["ok", "ok"]
        assert_shared(one, two, FIRST)

    assert [process.ready() for process in processes] == ["degraded", "degraded"]
    for process in processes:  # each counts for itself, and allows half
        assert process.fail(SECOND, LIMIT) == [401] * (LIMIT // 2) + [429] * (LIMIT // 2)
        assert process.succeed(SECOND) == 429
        assert process.succeed(ELSEWHERE) == 200

    with services.redis(redis_port):
        assert [process.ready() for process in processes] == ["ok", "ok"]
        assert_shared(one, two, THIRD)


def test_many_at_once_are_checked_no_oftener_than_one_after_another(
    processes: list[Process], redis_port: int
) -> None:
    def fail(number: int) -> int:
        [status] = processes[number % 2].fail(FIFTH, 1)
        return status

    with services.redis(redis_port):
        with ThreadPoolExecutor(50) as pool:
            statuses = list(pool.map(fail, range(50)))
        # Those that are refused are in each other's way for a moment.
        left = LIMIT - statuses.count(401)
        assert 0 <= left < LIMIT
        assert processes[0].fail(FIFTH, LIMIT) == [401] * left + [429] * (LIMIT - left)


def test_a_redis_that_hangs_opens_nothing(processes: list[Process], redis_port: int) -> None:
    one, two = processes
    with socket.create_server(("127.0.0.1", redis_port)):  # accepts, and never says a word
        assert one.ready() == "degraded"
        assert one.fail(FOURTH, LIMIT) == [401] * (LIMIT // 2) + [429] * (LIMIT // 2)
        assert two.succeed(FOURTH) == 200


def assert_shared(one: Process, two: Process, address: str) -> None:
    """Each process sees what failed in the other."""
    assert one.fail(address, LIMIT // 2) + two.fail(address, LIMIT // 2) == [401] * LIMIT
    for process in (one, two):
        assert process.fail(address, 1) == [429]
        assert process.succeed(address) == 429
        assert process.succeed(ELSEWHERE) == 200
