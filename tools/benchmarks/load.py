"""`python -m tools.benchmarks.load [--seconds 60] [--clients 500]`: many clients at once.

Each logs in, then looks who it is and loads the page, again and again, and now and then
logs in anew; told to come back later, it does. The app runs as in production: two
gunicorn processes, real password hashes, PostgreSQL and Redis. The clients share the
machine with all of that, so the rates are a lower bound. No part of `make bench`.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles

from tools.benchmarks import rendered
from tools.benchmarks.measure import memory

sys.path.insert(0, str(rendered.TEMPLATE / "tests"))

import services

WORKERS = 2
ASKS = 50  # requests of one login
USERS = 500
PASSWORD = "a good long password"  # noqa: S105

PREPARE = f"""
from app import create_app
from secure_flask.auth.passwords import hash_password
from app.models import User
from secure_flask.database import Model, db
from secure_flask.settings.__main__ import main as write_env_file

write_env_file()
with create_app().app_context():
    Model.metadata.create_all(db.engine)
    known = hash_password("{PASSWORD}")
    names = [f"user-{{number}}" for number in range({USERS})]
    db.session.add_all([User(name=name, password_hash=known) for name in names])
    db.session.commit()
"""


@dataclass
class Tally:
    """What clients saw: how often each status of each path, and how long good answers took."""

    statuses: Counter[tuple[str, str]] = field(default_factory=Counter)
    seconds: dict[str, list[float]] = field(default_factory=dict)

    def note(self, path: str, status: int, headers: dict[str, str], seconds: float) -> None:
        asked_back = status == 503 and "retry-after" in headers
        self.statuses[path, f"{status} with Retry-After" if asked_back else str(status)] += 1
        if status == 200:
            self.seconds.setdefault(path, []).append(seconds)

    @property
    def failures(self) -> int:
        """5xx that nobody meant, and connections that broke."""
        return sum(
            count
            for (_, status), count in self.statuses.items()
            if status == "broken" or (status.startswith("5") and "Retry-After" not in status)
        )


@dataclass
class Client:
    """One connection, kept open as a browser does."""

    port: int
    tally: Tally
    name: str
    streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def go_on(self, until: float) -> None:
        login = json.dumps({"username": self.name, "password": PASSWORD})
        while time.monotonic() < until:
            status, headers, body = await self.ask("POST", "/login", login)
            if status != 200:
                await asyncio.sleep(int(headers.get("retry-after", "1")))
                continue
            shown = f"Authorization: Bearer {json.loads(body)['token']}\r\n"
            for number in range(ASKS):
                if time.monotonic() < until:
                    await self.ask("GET", "/" if number % 5 == 0 else "/me", shown=shown)

    async def ask(
        self, method: str, path: str, body: str = "", shown: str = ""
    ) -> tuple[int, dict[str, str], bytes]:
        start = time.monotonic()
        kind = "Content-Type: application/json\r\n" if body else ""
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{shown}{kind}"
        try:
            answer = await self.exchange(f"{head}Content-Length: {len(body)}\r\n\r\n{body}")
        except (OSError, asyncio.IncompleteReadError):
            self.streams = None
            self.tally.statuses[path, "broken"] += 1
            return 0, {}, b""
        self.tally.note(path, *answer[:2], time.monotonic() - start)
        return answer

    async def exchange(self, request: str) -> tuple[int, dict[str, str], bytes]:
        if self.streams is None:
            self.streams = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self.streams
        writer.write(request.encode())
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        if headers.get("connection") == "close":
            writer.close()
            self.streams = None
        return int(first.split()[1]), headers, body


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m tools.benchmarks.load", description=__doc__)
    arguments.add_argument("--seconds", type=int, default=60)
    arguments.add_argument("--clients", type=int, default=500)
    asked = arguments.parse_args()
    with (
        rendered.temporary_folder() as folder,
        services.postgresql() as database,
        services.redis() as redis,
    ):
        rendered.render(rendered.TEMPLATE, Path(folder), "loaded", token_type="opaque")  # noqa: S106
        project = Path(folder, "loaded")
        stores = {"DATABASE_URL": database, "REDIS_URL": redis}
        subprocess.run(
            [sys.executable, "-c", PREPARE], cwd=project, env=os.environ | stores, check=True
        )
        log, options = Path(folder, "log"), f"--workers={WORKERS}"
        with services.serving(project, log, options, app="wsgi:app", **stores) as server:
            while log.read_text("utf-8").count("sys_startup") < WORKERS:
                time.sleep(0.1)
            tally = asyncio.run(_load(server.port, asked.clients, asked.seconds))
            peaks = [memory(worker, "VmHWM") for worker in server.workers]
    _show(tally, asked.seconds, peaks)


async def _load(port: int, clients: int, seconds: int) -> Tally:
    tally, until = Tally(), time.monotonic() + seconds
    async with asyncio.TaskGroup() as group:
        for number in range(clients):
            client = Client(port, tally, f"user-{number % USERS}")
            group.create_task(client.go_on(until))
    return tally


def _show(tally: Tally, seconds: int, peaks: list[float]) -> None:
    for (path, status), count in sorted(tally.statuses.items()):
        print(f"{path:8}{status:24}{count:8}{count / seconds:9.1f} a second")
    for path, taken in sorted(tally.seconds.items()):
        cuts = quantiles(taken, n=100)
        print(f"{path:8}median {cuts[49]:.2f} s, 95 % within {cuts[94]:.2f} s")
    print("Peak memory of the processes:", ", ".join(f"{peak:.0f} MiB" for peak in peaks))
    print(f"5xx without Retry-After, or broken connections: {tally.failures}")


if __name__ == "__main__":
    main()
