"""Redis as larger sites run it: over TLS with users, and as Valkey."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import proxies
import support

# A user of a Redis, with a password that a URL has to encode.
USER, PASSWORD, ENCODED = "app", "not/for@logs", "not%2Ffor%40logs"


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


@contextlib.contextmanager
def server(
    folder: Path, *options: str, port: int | None = None, program: str = "redis-server"
) -> Iterator[Server]:
    """Start one that keeps nothing on disk."""
    support.need(shutil.which(program), program)
    port = port or support.free_port()
    place = folder / str(port)
    place.mkdir(exist_ok=True)
    command = [program, *options, "--bind", "127.0.0.1", "--dir", str(place), "--save", ""]
    command += [] if "--tls-port" in options else ["--port", str(port)]
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
