"""`python -m tools.benchmarks.crowded [--seconds 20]`: what sites in tight loops leave of the logins.

Each site is an address with an account and its right password. Its connections log in again and
again without a pause, also after a 503. Meanwhile somebody at another address logs in, about twice
a second. The app runs as in production with real password hashes, once on SQLite with one process,
once on PostgreSQL and Redis with two. LOGIN_RATE_LIMIT is high, so that only the queue for
passwords protects. The clients share the machine with all of that. No part of `make bench`.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.benchmarks import rendered
from tools.benchmarks.load import PASSWORD, PREPARE, Client, Tally

sys.path.insert(0, str(rendered.TEMPLATE / "tests"))

import services

PAUSE = 0.4  # seconds between two logins of the other party
CROWDS = [(4, 4), (9, 2)]  # sites, connections of each
SETTINGS = {"LOGIN_RATE_LIMIT": "1000 per minute", "PROXY_HOPS": "1"}


def main() -> None:
    arguments = argparse.ArgumentParser(
        prog="python -m tools.benchmarks.crowded", description=__doc__
    )
    arguments.add_argument("--seconds", type=int, default=20)
    seconds = arguments.parse_args().seconds
    with (
        rendered.temporary_folder() as folder,
        services.postgresql() as database,
        services.redis() as redis,
    ):
        rendered.render(rendered.TEMPLATE, Path(folder), "crowded", token_type="opaque")  # noqa: S106
        project = Path(folder, "crowded")
        with (project / "app" / "policy.py").open("a", encoding="utf-8") as policy:
            policy.write("\nMAX_LOGINS = 1_000_000\n")
        sqlite = {"DATABASE_URL": f"sqlite:///{project / 'crowded.db'}"}
        _measure("SQLite, one process", project, 1, seconds, sqlite)
        shared = {"DATABASE_URL": database, "REDIS_URL": redis}
        _measure("PostgreSQL and Redis, two processes", project, 2, seconds, shared)


def _measure(name: str, project: Path, workers: int, seconds: int, stores: dict[str, str]) -> None:
    environment = os.environ | stores
    subprocess.run([sys.executable, "-c", PREPARE], cwd=project, env=environment, check=True)
    with _served(project, workers, stores) as port:
        for sites, connections in CROWDS:
            tally, crowd = Tally(), Tally()
            asyncio.run(_log_in_amid(port, sites, connections, seconds, tally, crowd))
            print(f"{name}: {sites} sites with {connections} connections", flush=True)
            _show("another party", tally)
            _show("the sites", crowd)


@contextmanager
def _served(project: Path, workers: int, stores: dict[str, str]) -> Iterator[int]:
    log, options = project / f"{workers}.log", f"--workers={workers}"
    environment = {**SETTINGS, **stores}
    with services.serving(project, log, options, app="wsgi:app", **environment) as server:
        while log.read_text("utf-8").count("sys_startup") < workers:
            time.sleep(0.1)
        yield server.port


async def _log_in_amid(
    port: int, sites: int, connections: int, seconds: int, tally: Tally, crowd: Tally
) -> None:
    until = time.monotonic() + seconds
    async with asyncio.TaskGroup() as group:
        for site in range(1, sites + 1):
            for _ in range(connections):
                group.create_task(_log_in(Client(port, crowd, f"user-{site}"), site, until, 0))
        group.create_task(_log_in(Client(port, tally, "user-0"), 0, until, PAUSE))


async def _log_in(client: Client, site: int, until: float, pause: float) -> None:
    body = json.dumps({"username": client.name, "password": PASSWORD})
    address = f"X-Forwarded-For: 192.0.2.{site + 1}\r\nX-Forwarded-Proto: https\r\n"
    while time.monotonic() < until:
        await client.ask("POST", "/login", body, address)
        await asyncio.sleep(pause)


def _show(who: str, tally: Tally) -> None:
    statuses = Counter[str]()
    for (_, status), count in tally.statuses.items():
        statuses[status] += count
    slowest = max((second for taken in tally.seconds.values() for second in taken), default=0)
    print(f"  {who:16}{dict(statuses)}, the slowest login {slowest:.1f} s", flush=True)


if __name__ == "__main__":
    main()
