"""nginx and Caddy with the configuration that a rendered project prints, each on free ports."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import ssl
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

import pytest
import yaml

import following
import support
from services import clients
from services.certificates import write_certificate

PROGRAMS = Path(sys.executable).parent
# Finds these tests' own Caddy before another.
CADDYS = {"PATH": f"{PROGRAMS}:{os.environ['PATH']}"}
PAGE = support.TEMPLATE / "docs" / "how-to" / "deploy-proxy.md"
NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
# What a client sends in the hope that the app takes it for the proxy's.
FORGED = {
    "X-Forwarded-For": "203.0.113.7",
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Host": "evil.example",
    "X-Request-ID": "chosen-by-a-client",
    "Forwarded": "for=203.0.113.7;proto=http;host=evil.example",
}
# What Debian's nginx.conf holds besides, as far as a site needs it.
AROUND = """\
daemon off;
pid {folder}/nginx.pid;
{user}
events {{}}
http {{
    access_log {folder}/others.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/app.conf;
}}
"""


@dataclass(frozen=True)
class Proxy:
    """A proxy that serves `localhost` over TLS."""

    http: int
    https: int
    authority: Path
    process: int = 0  # its id, of a proxy that these tests start

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.authority)

    def connection(self, source: str = "127.0.0.1") -> HTTPSConnection:
        return HTTPSConnection(
            *("localhost", self.https),
            context=self.context(),
            timeout=clients.PATIENCE,
            source_address=(source, 0),
        )

    @contextlib.contextmanager
    def opened(self) -> Iterator[ssl.SSLSocket]:
        """Connect, to send a request in parts."""
        with (
            socket.create_connection(("127.0.0.1", self.https), clients.PATIENCE) as plain,
            self.context().wrap_socket(plain, server_hostname="localhost") as encrypted,
        ):
            # What is sent goes at once, and is there before what another client sends later.
            encrypted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            yield encrypted


def curl(proxy: Proxy, path: str, shown: str, *options: str) -> str:
    """Ask by HTTP/2 as a browser does, whose protocol Python does not speak."""
    support.need(shutil.which("curl"), "curl")
    command = ("curl", "--silent", "--show-error", "--http2", "--cacert", proxy.authority)
    written = ("--output", "/dev/null", "--write-out", shown)
    url = f"https://localhost:{proxy.https}{path}"
    return support.run(*command, *written, *options, url, cwd=Path("/"))


Start = Callable[[Path, Path, int, int], AbstractContextManager[Proxy]]


@contextlib.contextmanager
def nginx(
    project: Path, folder: Path, first: int, second: int, changes: dict[str, str] | None = None
) -> Iterator[Proxy]:
    """Start nginx as docs/how-to/deploy-proxy.md says, before two instances, or with changes."""
    support.need(NGINX, "nginx")
    assert NGINX
    [printed] = [step.code for step in following.steps(PAGE) if step.language == "nginx"]
    proxy = Proxy(support.free_port(), support.free_port(), folder / "certificate.pem")
    write_certificate(proxy.authority, folder / "key.pem")
    letsencrypt = "/etc/letsencrypt/live/www.example.org"
    printed = replaced(printed, changes or {})
    moved = {
        "127.0.0.1:8000": f"127.0.0.1:{first}",
        **({"127.0.0.1:8001": f"127.0.0.1:{second}"} if "127.0.0.1:8001" in printed else {}),
        "listen 80": f"listen 127.0.0.1:{proxy.http}",
        "listen 443": f"listen 127.0.0.1:{proxy.https}",
        "server_name www.example.org": "server_name localhost",
        "/var/log/nginx/app.log": str(folder / "access.log"),
        "/var/log/nginx/error.log": str(folder / "error.log"),
        f"{letsencrypt}/fullchain.pem": str(proxy.authority),
        f"{letsencrypt}/privkey.pem": str(folder / "key.pem"),
    }
    (folder / "app.conf").write_text(replaced(printed, moved), "utf-8")
    # Its workers would be another user, who may not enter the tests' folders.
    user = "" if os.geteuid() else "user root;"
    (folder / "nginx.conf").write_text(AROUND.format(folder=folder, user=user), "utf-8")
    log = folder / "nginx.log"
    command = [NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr"]
    with support.started(*command, cwd=folder, log=log) as process:
        support.wait_for(proxy.https, process, log)
        yield proxy


@contextlib.contextmanager
def caddy(project: Path, folder: Path, first: int, second: int) -> Iterator[Proxy]:
    """Start Caddy as compose.yaml does, before two instances as deploy-proxy.md says."""
    assert "`127.0.0.1:8000 127.0.0.1:8001` instead of `app:8000`" in PAGE.read_text("utf-8")
    authority = folder / "caddy" / "pki" / "authorities" / "local" / "root.crt"
    proxy = Proxy(support.free_port(), support.free_port(), authority)
    moved = {
        "http_port 8080": f"http_port {proxy.http}",
        "https_port 8443": f"https_port {proxy.https}",
        "app:8000": f"127.0.0.1:{first} 127.0.0.1:{second}",
    }
    text = (project / "deploy" / "Caddyfile").read_text("utf-8")
    (folder / "Caddyfile").write_text(replaced(text, moved), "utf-8")
    log = folder / "caddy.log"
    # It keeps its certificates there.
    variables = {"XDG_DATA_HOME": str(folder), "TRUSTED_HOSTS": "localhost,www.localhost"}
    compose = yaml.safe_load((project / "compose.yaml").read_text("utf-8"))
    command = caddys_command(compose, folder / "Caddyfile")
    with support.started(*command, cwd=folder, log=log, **CADDYS, **variables) as process:
        support.wait_for(proxy.https, process, log)
        wait_for_certificate(proxy)
        yield replace(proxy, process=process.pid)


STARTS: dict[str, Start] = {"nginx": nginx, "caddy": caddy}


def caddys_command(compose: dict[str, Any], caddyfile: Path) -> list[str]:
    """Return the command of compose.yaml's proxy, as compose reads it, for a Caddyfile here."""
    command = compose["services"]["proxy"]["command"]
    there = "/etc/caddy/Caddyfile"
    assert there in command[-1]
    return [part.replace("$$", "$").replace(there, str(caddyfile)) for part in command]


def replaced(text: str, moved: dict[str, str]) -> str:
    """Return a configuration with what is at another place here."""
    for there, here in moved.items():
        assert there in text, there
        text = text.replace(there, here)
    return text


def wait_for_certificate(proxy: Proxy) -> None:
    """Caddy listens a moment before it has made its certificate."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), proxy.opened():
            return
        time.sleep(0.05)
    pytest.fail("Caddy made no certificate")
