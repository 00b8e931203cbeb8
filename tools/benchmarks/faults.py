"""`python -m tools.benchmarks.faults`: the table of docs/faults.md, measured here.

A client logs in before, during and after each fault of a real server. No part of
`make bench`: tests/services/test_faults.py proves what holds, this tells how long it takes.
"""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tools.benchmarks import rendered

sys.path.append(str(rendered.TEMPLATE / "tests"))


import services
import support
from services import clients

TRIES = 4  # during each fault

Fault = Callable[[], contextlib.AbstractContextManager[None]]


def main() -> None:
    print("| fault | a client meanwhile | its longest wait | served again | logins lost |")
    print("|---|---|---|---|---|")
    with rendered.temporary_folder() as folder, services.postgresql_server() as database:
        rendered.render(rendered.TEMPLATE, Path(folder), "faulty", token_type="jwt")  # noqa: S106
        project, redis_port = Path(folder, "faulty"), support.free_port()
        services.add_users(project, database.url, "ada")
        stores = {"DATABASE_URL": database.url, "REDIS_URL": f"redis://127.0.0.1:{redis_port}/0"}
        redis = contextlib.ExitStack()
        redis.enter_context(services.redis(redis_port))
        with services.serving(project, project / "log", **stores) as server:
            for name, fault in {
                "PostgreSQL crashes": lambda: _stopped(database),
                "PostgreSQL is frozen": database.frozen,
                "all processes of gunicorn are killed": lambda: _killed(server.workers),
                "Redis is gone": lambda: _without(redis),
            }.items():
                print(f"| {name} | {_row(server.port, fault)} |", flush=True)


def _row(port: int, fault: Fault) -> str:
    logins = [clients.log_in(port) for _ in range(TRIES)]
    with fault():
        seen, waits = zip(*(_try(port) for _ in range(TRIES)), strict=True)
    start = time.perf_counter()
    while _try(port)[0] != "200":
        time.sleep(0.02)
    seconds = time.perf_counter() - start
    lost = sum(not clients.is_accepted(port, login) for login in logins)
    return f"{', '.join(sorted(set(seen)))} | {max(waits):.1f} s | after {seconds:.1f} s | {lost}"


def _try(port: int) -> tuple[str, float]:
    start = time.perf_counter()
    try:
        answer = clients.log_in(port)
    except OSError:
        return "no connection", time.perf_counter() - start
    told = " with `Retry-After`" if answer.status == 503 and answer.unavailable else ""
    return f"{answer.status}{told}", time.perf_counter() - start


@contextlib.contextmanager
def _stopped(database: services.PostgreSQL) -> Iterator[None]:
    database.stop()
    yield
    database.start()


@contextlib.contextmanager
def _killed(workers: list[int]) -> Iterator[None]:
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    yield


@contextlib.contextmanager
def _without(server: contextlib.ExitStack) -> Iterator[None]:
    server.close()
    yield


if __name__ == "__main__":
    main()
