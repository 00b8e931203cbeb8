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
MASTERS = 3


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
    support.need(shutil.which(program), program)
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
    """Start one that speaks TLS alone, to a user with a password; gives its URL."""
    certificate, key, port = folder / "redis.crt", folder / "redis.key", support.free_port()
    proxies.write_certificate(certificate, key)
    tls = ("--tls-port", str(port), "--port", "0", "--tls-auth-clients", "no")
    files = ("--tls-cert-file", str(certificate), "--tls-key-file", str(key))
    users = ("--user", USER, "on", f">{PASSWORD}", "~*", "+@all", "--user", "default", "off")
    with server(folder, *tls, *files, *users, port=port):
        yield f"rediss://{USER}:{ENCODED}@127.0.0.1:{port}/0?ssl_ca_certs={certificate}"


@dataclass(frozen=True)
class Watched:
    """A master and its replica, watched by a Sentinel."""

    master: Server
    replica: Server
    url: str

    def wait_for_replica(self) -> None:
        """Wait until the replica has all that the master was told so far."""
        with redis.Redis(port=self.master.port, password=PASSWORD) as client:
            client.set("written", "last")
            assert client.wait(1, 10_000) == 1


@contextlib.contextmanager
def sentinel(folder: Path) -> Iterator[Watched]:
    """Start a Sentinel without a password, and two servers that ask for one."""
    password = ("--requirepass", PASSWORD, "--masterauth", PASSWORD)
    with contextlib.ExitStack() as stack:
        master = stack.enter_context(server(folder, *password))
        following = ("--replicaof", f"127.0.0.1 {master.port}")
        replica = stack.enter_context(server(folder, *password, *following))
        file = folder / "sentinel.conf"
        file.write_text(
            f"sentinel monitor main 127.0.0.1 {master.port} 1\n"
            f'sentinel auth-pass main "{PASSWORD}"\n'
            "sentinel down-after-milliseconds main 500\n"
            "sentinel failover-timeout main 5000\n",
            "utf-8",
        )
        watching = stack.enter_context(server(folder, str(file), "--sentinel"))
        support.wait_until(lambda: watching.ask("SENTINEL", "REPLICAS", "main"))
        url = f"redis+sentinel://:{ENCODED}@{watching.address}/main?sentinel_password="
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
            bus = ("--cluster-port", str(support.free_port()), "--cluster-node-timeout", "1000")
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
