"""`flask check --deploy --url` at real proxies: silent at a good one, and sees what a bad one does."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import following
import services
import support
from conftest import NewProject

pytestmark = pytest.mark.slow

PRODUCTION = {"APP_ENV": "production", "TRUSTED_HOSTS": "localhost", "PROXY_HOPS": "1"}
CADDY = Path(sys.executable).with_name("caddy")
# All that a Caddyfile can do wrong at once.
BAD_SITE = """
{$TRUSTED_HOSTS} {
	tls {
		protocols tls1.2 tls1.2
	}
	respond /metrics "logins_total 7"
	respond /.well-known/security.txt 404
	reverse_proxy app:8000 {
		header_up Host localhost
		header_down X-Frame-Options SAMEORIGIN
		header_down -Permissions-Policy
		header_down +Strict-Transport-Security max-age=1
		header_down Access-Control-Allow-Origin *
		header_down X-Powered-By PHP/5.2.17
		header_down X-Cache HIT
		header_down +Set-Cookie "route=s3cret"
	}
}
http://, https:// {
	reverse_proxy app:8000 {
		header_up Host localhost
		header_up X-Forwarded-Proto https
	}
}
"""
# What is found there; a certificate that expires and old TLS are tried by the project's own tests.
BAD = {
    *("cookie", "cors", "foreign-host", "header-added", "header-changed", "header-doubled"),
    *("header-missing", "http-served", "no-tls-1.3", "private-path"),
    *("security-txt", "software", "software-version"),
}


@dataclass(frozen=True)
class Proxy:
    https: int
    http: int
    authority: Path


@dataclass(frozen=True)
class Running:
    project: Path
    port: int

    def check(self, proxy: Proxy, **environment: str) -> tuple[int, dict[str, list[str]]]:
        """The exit status, and the messages of what is found from outside, by id."""
        url = f"--url=https://localhost:{proxy.https}"
        options = ("--deploy", url, f"--http-port={proxy.http}", "--format=json")
        trusted = {"SSL_CERT_FILE": str(proxy.authority)}
        finished = subprocess.run(
            [sys.executable, "-m", "flask", "check", *options],
            cwd=self.project,
            env=os.environ | support.COMPILED | PRODUCTION | trusted | environment,
            capture_output=True,
            encoding="utf-8",
        )
        found: dict[str, list[str]] = {}
        for item in json.loads(finished.stdout)["findings"]:
            if item["id"].startswith("outside."):
                found.setdefault(item["id"], []).append(item["message"])
        return finished.returncode, found


@pytest.fixture(scope="module")
def running(new_project: NewProject, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    project = new_project()
    log = tmp_path_factory.mktemp("served") / "log"
    with services.serving(project, log, **PRODUCTION) as server:
        yield Running(project, server.port)


@contextlib.contextmanager
def caddy(running: Running, folder: Path, *, bad: bool = False) -> Iterator[Proxy]:
    """Start Caddy by the project's Caddyfile, or with a bad site in place of the good one."""
    authority = folder / "caddy/pki/authorities/local/root.crt"
    proxy = Proxy(support.free_port(), support.free_port(), authority)
    text = (running.project / "deploy" / "Caddyfile").read_text("utf-8")
    if bad:
        # Without the sites of the file, which come after its global options.
        text = text.partition("\n}\n")[0] + "\n\tauto_https disable_redirects\n}\n" + BAD_SITE
    for there, here in {
        "http_port 8080": f"http_port {proxy.http}",
        "https_port 8443": f"https_port {proxy.https}",
        "app:8000": f"127.0.0.1:{running.port}",
    }.items():
        assert there in text
        text = text.replace(there, here)
    (folder / "Caddyfile").write_text(text, "utf-8")
    command = ["env", f"XDG_DATA_HOME={folder}", "TRUSTED_HOSTS=localhost", str(CADDY)]
    log = folder / "log"
    with support.started(
        *command, "run", "--config", str(folder / "Caddyfile"), cwd=folder, log=log
    ) as process:
        support.wait_for(proxy.https, process, log)
        support.wait_for(proxy.http, process, log)
        wait_for_certificate(proxy)
        yield proxy


@contextlib.contextmanager
def nginx(running: Running, folder: Path, *, without: str = "") -> Iterator[Proxy]:
    """Start nginx with what docs/how-to/checks.md says to add, without some lines of it."""
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    support.need(program, "nginx")
    assert program
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    support.run(
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "90"),
        *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
        *("-keyout", key, "-out", certificate),
        cwd=folder,
    )
    proxy = Proxy(support.free_port(), support.free_port(), certificate)
    page = running.project / "docs" / "how-to" / "checks.md"
    around, inside = (step.code for step in following.steps(page) if step.language == "nginx")
    site = f"""
server {{
    listen 80;
    server_name localhost;
    return 308 https://localhost$request_uri;
}}

server {{
    listen 443 ssl;
    server_name localhost;
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    location / {{
        proxy_pass http://127.0.0.1:{running.port};
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
    }}
{inside}}}
"""
    text = f"daemon off; events {{}} http {{ access_log off;\n{around}{site}}}"
    for there, here in {
        "listen 80": f"listen {proxy.http}",
        "listen 443": f"listen {proxy.https}",
    }.items():
        assert there in text
        text = text.replace(there, here)
    if without:
        text, left_out = re.subn(rf"^ *{without} .*\n", "", text, flags=re.MULTILINE)
        assert left_out
    (folder / "nginx.conf").write_text(f"pid {folder}/pid; error_log stderr; {text}", "utf-8")
    log = folder / "log"
    command = (program, "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf"))
    with support.started(*command, cwd=folder, log=log) as process:
        support.wait_for(proxy.https, process, log)
        yield proxy


def wait_for_certificate(proxy: Proxy) -> None:
    """Caddy listens a moment before it has made its certificate."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", proxy.https), 5) as plain,
        ):
            context = ssl.create_default_context(cafile=proxy.authority)
            context.wrap_socket(plain, server_hostname="localhost").close()
            return
        time.sleep(0.05)
    pytest.fail("Caddy made no certificate")


def test_nothing_is_found_behind_the_projects_own_caddy(running: Running, tmp_path: Path) -> None:
    with caddy(running, tmp_path) as proxy:
        _, found = running.check(proxy)
        assert found == {}
        # Nobody trusts Caddy's own authority.
        status, found = running.check(proxy, SSL_CERT_FILE="/dev/null")
        assert status == 1
        assert [*found] == ["outside.certificate"]


def test_nothing_but_its_name_is_found_behind_nginx_as_the_page_says(
    running: Running, tmp_path: Path
) -> None:
    with nginx(running, tmp_path) as proxy:
        _, found = running.check(proxy)
    assert found == {"outside.software": ["Server: nginx names software."]}


def test_pages_of_nginx_itself_and_its_version_are_found_where_the_page_was_not_followed(
    running: Running, tmp_path: Path
) -> None:
    with nginx(running, tmp_path, without="(?:error_page|server_tokens)") as proxy:
        _, found = running.check(proxy)
    absent = "Content-Security-Policy, Strict-Transport-Security, X-Content-Type-Options"
    assert found.pop("outside.proxy-errors") == [
        f"The response 414 to a long URL lacks {absent}, X-Frame-Options.",
        f"The response 413 to a large body lacks {absent}, X-Frame-Options.",
    ]
    assert [*found] == ["outside.software-version"]


def test_all_that_a_bad_caddy_does_is_found(running: Running, tmp_path: Path) -> None:
    with caddy(running, tmp_path, bad=True) as proxy:
        status, found = running.check(proxy)
    assert status == 1
    assert {name.removeprefix("outside.") for name in found} == BAD
    assert "s3cret" not in str(found)
