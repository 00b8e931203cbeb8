"""A release behind a proxy: two instances restart one after the other, and the service stays up.

A request that reaches an instance in the moment at which it stops may fail with 502, since gunicorn
closes connections that it has not read. Each other request is answered.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPConnection, HTTPException
from itertools import chain
from pathlib import Path
from threading import Event
from time import monotonic, sleep

import pytest

import services
import support
from conftest import NewProject
from services import clients, proxies
from services.proxies import Proxy

# Clients at the same time, each with an account and a connection that it keeps open.
PEOPLE = {"nginx": ["bob", "cyd", "dan", "eve"], "caddy": ["fay", "gil", "hal", "ida"]}
# Fewer prove little. ROLL_OVER_SECONDS=60 lets clients ask for that long.
REQUESTS = 1200
# One for each client and each instance that stops.
MOST_FAILED = 8
SECONDS = float(os.environ.get("ROLL_OVER_SECONDS", "0"))


@dataclass
class Instances:
    """Two instances of a project, on ports that they keep."""

    project: Path
    folder: Path
    settings: dict[str, str]
    ports: tuple[int, int] = field(
        default_factory=lambda: (support.free_port(), support.free_port())
    )
    running: dict[int, contextlib.ExitStack] = field(default_factory=dict)
    servers: dict[int, services.Gunicorn] = field(default_factory=dict)

    def start(self, port: int) -> None:
        self.running[port] = contextlib.ExitStack()
        serving = services.serving(
            self.project, self.folder / f"{port}.log", PORT=str(port), **self.settings
        )
        self.servers[port] = self.running[port].enter_context(serving)

    def stop(self, port: int) -> None:
        """Tell it to stop, as Docker, Kubernetes and systemd do, and wait for its end."""
        os.kill(self.servers[port].process, signal.SIGTERM)
        os.waitpid(self.servers[port].process, 0)
        self.running.pop(port).close()

    def restart(self) -> None:
        for port in self.ports:
            self.stop(port)
            self.start(port)
            # Both proxies ask it again: nginx does not at once ask one that was away.
            support.wait_until(partial(everybody_logged_in, self.folder / f"{port}.log"))


def everybody_logged_in(log: Path) -> bool:
    """Whether an instance has logged in each client of each proxy since it started."""
    users = re.findall(r'"user_id": ?"([^"]+)"', log.read_text("utf-8"))
    return len({*users}) == len([*chain.from_iterable(PEOPLE.values())])


@pytest.fixture(scope="module")
def instances(
    new_project: NewProject, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Instances]:
    project, folder = new_project(token_type="jwt"), tmp_path_factory.mktemp("instances")
    with services.postgresql() as database:
        services.add_users(project, database, "ada", *chain.from_iterable(PEOPLE.values()))
        two = Instances(project, folder, {**services.BEHIND_A_PROXY, "DATABASE_URL": database})
        try:
            for port in two.ports:
                two.start(port)
            yield two
        finally:
            for port, running in two.running.items():
                os.kill(two.servers[port].process, signal.SIGQUIT)
                running.close()


@dataclass
class Clients:
    """People that log in, read, and refresh their login, until `stop` is set."""

    proxy: Proxy
    stop: Event = field(default_factory=Event)
    results: Counter[str] = field(default_factory=Counter)

    @property
    def failed(self) -> int:
        return self.results.total() - self.results["good"]

    def few_failed(self) -> None:
        """See that no more failed than may be on their way when an instance stops."""
        assert {name.rpartition(" ")[2] for name in self.results} <= {"good", "502"}, self.results
        assert self.failed <= MOST_FAILED, self.results

    def go_on(self, name: str) -> None:
        with contextlib.closing(self.proxy.connection()) as connection:
            while not self.stop.is_set():
                login = self.ask(
                    connection, "/login", {"username": name, "password": clients.PASSWORD}
                )
                if not login:
                    continue
                self.ask(connection, "/me", token=login["token"])
                self.ask(connection, "/token/refresh", {"refresh_token": login["refresh_token"]})

    def ask(
        self, connection: HTTPConnection, path: str, body: object = None, token: str = ""
    ) -> dict[str, str]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            answer = clients.send(connection, path, body, headers)
        except (OSError, HTTPException) as error:
            connection.close()
            self.results[f"{path}: {type(error).__name__}"] += 1
            return {}
        good = answer.status == 200
        self.results["good" if good else f"{path}: {answer.status}"] += 1
        return dict(answer.body) if good else {}


@pytest.mark.all
def test_a_rolling_restart_interrupts_nobody_for_long(
    instances: Instances, tmp_path_factory: pytest.TempPathFactory
) -> None:
    deadline = monotonic() + SECONDS
    with contextlib.ExitStack() as stack:
        asking: dict[str, Clients] = {}
        for name, start in proxies.STARTS.items():
            folder = tmp_path_factory.mktemp(name)
            proxy = stack.enter_context(start(instances.project, folder, *instances.ports))
            asking[name] = stack.enter_context(crowd(proxy, PEOPLE[name]))
        instances.restart()
        failed = {name: each.failed for name, each in asking.items()}
        for each in asking.values():
            while each.results["good"] < REQUESTS or monotonic() < deadline:
                sleep(0.1)
                each.few_failed()
    assert {name: each.failed for name, each in asking.items()} == failed, "failed afterwards"


@contextlib.contextmanager
def crowd(proxy: Proxy, names: list[str]) -> Iterator[Clients]:
    """Let clients ask meanwhile."""
    asking = Clients(proxy)
    with ThreadPoolExecutor(len(names)) as pool:
        going = [pool.submit(asking.go_on, name) for name in names]
        try:
            yield asking
        finally:
            asking.stop.set()
    for client in going:
        client.result()
    asking.few_failed()
