"""`python -m tools.benchmarks.servers`: this project under gunicorn's threads, gevent and granian.

One process each, on PostgreSQL, asked by the same clients on the same machine, so that ratios
count. It needs two packages more: `uv run --with gevent --with granian python -m
benchmarks.servers`. docs/decisions/0022-servers.md has its figures. No part of `make bench`.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from tools.benchmarks import rendered
from tools.benchmarks.load import PREPARE, Client, Tally

sys.path.insert(0, str(rendered.TEMPLATE / "tests"))

import services
import support

SECONDS, CLIENTS, LOGINS, HALF_SENT = 8, 32, 8, 40
GIVE_UP = 65  # seconds until a client that sent half a request counts as kept for ever
PASSWORD = "a good long password"  # noqa: S105

GUNICORN = [sys.executable, "-m", "gunicorn"]
SERVERS = {
    "gunicorn, threads": GUNICORN,
    # gunicorn.conf.py refuses other workers than its own.
    "gunicorn, gevent": [*GUNICORN, "--config=/dev/null", "--worker-class=gevent", "wsgi:app"],
    "granian": [
        *(sys.executable, "-m", "granian", "--interface=wsgi", "--host=127.0.0.1"),
        *("--blocking-threads=16", "--backpressure=1024", "--no-ws", "wsgi:app"),
    ],
}


def main() -> None:
    with rendered.temporary_folder() as folder, services.postgresql() as database:
        rendered.render(rendered.TEMPLATE, Path(folder), "served", token_type="opaque")  # noqa: S106
        project = Path(folder, "served")
        with (project / "app" / "policy.py").open("a", encoding="utf-8") as policy:
            policy.write("\nMAX_LOGINS = 1_000_000\n")
        environment = os.environ | {"DATABASE_URL": database}
        subprocess.run([sys.executable, "-c", PREPARE], cwd=project, env=environment, check=True)
        for name, command in SERVERS.items():
            with _served(project, command, database) as port:
                print(f"\n{name}", flush=True)
                asyncio.run(_measure(port))


@contextmanager
def _served(project: Path, command: list[str], database: str) -> Iterator[int]:
    port = support.free_port()
    limits = {"LOGIN_RATE_LIMIT": "1000000 per minute"}
    place = {"DATABASE_URL": database, "PORT": str(port), "GRANIAN_PORT": str(port)}
    place["GUNICORN_CMD_ARGS"] = f"--bind=127.0.0.1:{port}"
    with (project / "log").open("wb") as log:
        server = subprocess.Popen(
            command, cwd=project, env=os.environ | limits | place, stdout=log, stderr=log
        )
        try:
            support.wait_until_open(port)
            yield port
        finally:
            server.terminate()
            server.wait()


async def _measure(port: int) -> None:
    token = await _token(port)
    shown = f"Authorization: Bearer {token}\r\n"
    await _show("GET /healthz", port, CLIENTS, lambda client: client.ask("GET", "/healthz"))
    await _show("GET /me", port, CLIENTS, lambda client: client.ask("GET", "/me", shown=shown))
    waits: list[float] = []
    probe = asyncio.create_task(_probe(port, waits))
    await _show("POST /login", port, LOGINS, _log_in)
    probe.cancel()
    print(f"  GET /healthz meanwhile: median {median(waits):.3f} s, longest {max(waits):.3f} s")
    await _send_halves(port)
    print(f"  GET //me: {(await _raw(port, 'GET //me')).partition(chr(13))[0]}")
    malformed = await _raw(port, "GET /\x01 bad")
    print(f"  a malformed request: {malformed.partition(chr(13))[0]}, {_has(malformed)}")


async def _show(
    name: str, port: int, clients: int, ask: Callable[[Client], Coroutine[Any, Any, Any]]
) -> None:
    tally, until = Tally(), time.monotonic() + SECONDS

    async def go_on(client: Client) -> None:
        while time.monotonic() < until:
            await ask(client)

    async with asyncio.TaskGroup() as group:
        for number in range(clients):
            group.create_task(go_on(Client(port, tally, f"user-{number}")))
    good = [each for taken in tally.seconds.values() for each in taken]
    others = {key[1]: count for key, count in tally.statuses.items() if key[1] != "200"}
    late = quantiles(good, n=100)[94]
    rate = f"{len(good) / SECONDS:8.1f} a second"
    print(f"  {name:14}{rate}, 95 % within {late:.3f} s, others: {others or 'none'}", flush=True)


async def _log_in(client: Client) -> None:
    body = json.dumps({"username": client.name, "password": PASSWORD})
    await client.ask("POST", "/login", body)


async def _token(port: int) -> str:
    body = json.dumps({"username": "user-0", "password": PASSWORD})
    _, _, answered = await Client(port, Tally(), "user-0").ask("POST", "/login", body)
    return str(json.loads(answered)["token"])


async def _probe(port: int, waits: list[float]) -> None:
    client = Client(port, Tally(), "")
    while True:
        start = time.monotonic()
        await client.ask("GET", "/healthz")
        waits.append(time.monotonic() - start)
        await asyncio.sleep(0.05)


async def _send_halves(port: int) -> None:
    """Send many halves of a request; print what another client sees, and when they are closed."""
    halves = []
    for number in range(HALF_SENT):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        body = b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        head = b"GET /healthz HTTP/1.1\r\nHost: loc"
        writer.write(body + b"Content-Length: 90\r\n\r\n{" if number % 2 else head)
        halves.append((reader, writer))
    start = time.monotonic()
    client = Client(port, Tally(), "")
    try:
        await asyncio.wait_for(client.ask("GET", "/healthz"), GIVE_UP)
        print(f"  beside {HALF_SENT} halves: served after {time.monotonic() - start:.1f} s")
    except TimeoutError:
        print(f"  beside {HALF_SENT} halves: not served within {GIVE_UP} s")
    closed = await asyncio.gather(*(_closed(reader) for reader, _ in halves))
    kept = [name for name, part in (("heads", 0), ("bodies", 1)) if not all(closed[part::2])]
    print(f"  after {GIVE_UP} s: {' and '.join(kept) + ' are kept' if kept else 'all closed'}")
    for _, writer in halves:
        writer.close()


async def _closed(reader: asyncio.StreamReader) -> bool:
    with suppress(TimeoutError, OSError):
        await asyncio.wait_for(reader.read(), GIVE_UP)
        return True
    return False


async def _raw(port: int, line: str) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    answered = (await asyncio.wait_for(reader.read(), 10)).decode()
    writer.close()
    return answered


def _has(answered: str) -> str:
    names = ("content-security-policy", "x-content-type-options", "server")
    found = [name for name in names if f"\n{name}:" in answered.lower()]
    return f"with {', '.join(found)}" if found else "without security headers"


if __name__ == "__main__":
    main()
