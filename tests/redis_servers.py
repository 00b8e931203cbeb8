"""Redis as larger sites run it: over TLS with users, as Valkey, by Sentinel, as a Cluster."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

import proxies
import support

# A user of a Redis, with a password that a URL has to encode.
USER, PASSWORD, ENCODED = "app", "not/for@logs", "not%2Ffor%40logs"
AT_SENTINEL = "not-for-logs"  # which takes none that is encoded
MASTERS = 3


def users(password: str) -> tuple[str, ...]:
    """The options for one user alone."""
    only = ("--user", "default", "off")
    return ("--user", USER, "on", f">{password}", "~*", "&*", "+@all", *only)


@dataclass(frozen=True)
class Server:
    """One process, in a folder of its own."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def ask(self, *command: str) -> Any:
        with redis.Redis(port=self.port, decode_responses=True) as client:
            return client.execute_command(*command)


@contextlib.contextmanager
def server(
    folder: Path, *options: str, port: int | None = None, program: str = "redis-server"
) -> Iterator[Server]:
    """Start one that keeps nothing on disk and hands a replica all it has at once."""
    support.need(shutil.which(program) and shutil.which("redis-cli"), f"{program} and redis-cli")
    port = port or support.free_port()
    place = folder / str(port)
    place.mkdir(exist_ok=True)
    command = [program, *options, "--bind", "127.0.0.1", "--dir", str(place), "--save", ""]
    command += [] if "--tls-port" in options else ["--port", str(port)]
    command += ["--repl-diskless-sync-delay", "0"]
    log = place / "log"
    with log.open("wb") as output, subprocess.Popen(command, stdout=output) as process:
        try:
            support.wait_for(port, process, log)
            yield Server(port, process)
        finally:
            process.kill()


@contextlib.contextmanager
def encrypted(folder: Path) -> Iterator[str]:
    """Start one for a user with a password, over TLS alone; gives its URL."""
    certificate, key, port = folder / "redis.crt", folder / "redis.key", support.free_port()
    proxies.write_certificate(certificate, key)
    tls = ("--tls-port", str(port), "--port", "0", "--tls-auth-clients", "no")
    files = ("--tls-cert-file", str(certificate), "--tls-key-file", str(key))
    others = ("--tls-ca-cert-file", str(certificate))
    with server(folder, *users(PASSWORD), *tls, *files, *others, port=port) as one:
        yield f"rediss://{USER}:{ENCODED}@{one.address}/0?ssl_ca_certs={certificate}"


@dataclass(frozen=True)
class Watched:
    """A master and its replica, watched by a Sentinel."""

    master: Server
    replica: Server
    url: str

    def wait_for_replica(self) -> None:
        """Wait until the replica has all that the master has sent so far."""
        with redis.Redis(port=self.master.port, username=USER, password=AT_SENTINEL) as client:
            client.set("written", "last")
            assert client.wait(1, 10_000) == 1


@contextlib.contextmanager
def sentinel(folder: Path) -> Iterator[Watched]:
    """Start a Sentinel without users, and two servers for one user with a password."""
    login = (*users(AT_SENTINEL), "--masteruser", USER, "--masterauth", AT_SENTINEL)
    with contextlib.ExitStack() as stack:
        master = stack.enter_context(server(folder, *login))
        following = ("--replicaof", f"127.0.0.1 {master.port}")
        replica = stack.enter_context(server(folder, *login, *following))
        file = folder / "sentinel.conf"
        file.write_text(
            f"sentinel monitor main 127.0.0.1 {master.port} 1\n"
            f"sentinel auth-user main {USER}\nsentinel auth-pass main {AT_SENTINEL}\n"
            "sentinel down-after-milliseconds main 4000\n"
            "sentinel failover-timeout main 10000\n",
            "utf-8",
        )
        watching = stack.enter_context(server(folder, str(file), "--sentinel"))
        support.wait_until(lambda: watching.ask("SENTINEL", "REPLICAS", "main"))
        url = f"redis+sentinel://{USER}:{AT_SENTINEL}@{watching.address}/main?sentinel_password="
        yield Watched(master, replica, url)


@dataclass(frozen=True)
class Cluster:
    """Masters, each with a replica."""

    servers: list[Server]

    @property
    def masters(self) -> list[Server]:
        return [each for each in self.servers if each.ask("ROLE")[0] == "master"]


def cluster_url(ports: list[int]) -> str:
    return "redis+cluster://" + ",".join(f"127.0.0.1:{port}" for port in ports[:2])


@contextlib.contextmanager
def cluster(folder: Path, ports: list[int]) -> Iterator[Cluster]:
    """Start a Cluster at these ports, whose replicas have all that their masters have."""
    with contextlib.ExitStack() as stack:
        servers = []
        for port in ports:
            bus = ("--cluster-port", str(support.free_port()), "--cluster-node-timeout", "5000")
            options = ("--cluster-enabled", "yes", *bus)
            servers.append(stack.enter_context(server(folder, *options, port=port)))
        addresses = [each.address for each in servers]
        create = ("--cluster", "create", *addresses, "--cluster-replicas", "1", "--cluster-yes")
        support.run("redis-cli", *create, cwd=folder)
        for each in servers:
            support.wait_until(lambda: is_in_step(each))  # noqa: B023
        yield Cluster(servers)


def is_in_step(member: Server) -> bool:
    """Say whether a member of a Cluster is a master, or a replica that has all."""
    replication, state = member.ask("INFO", "replication"), member.ask("CLUSTER", "INFO")
    in_step = replication["role"] == "master" or replication["master_link_status"] == "up"
    return in_step and "cluster_state:ok" in state
