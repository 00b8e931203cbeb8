"""Odd request lines, sent as they are: none reaches a route past a proxy that reads it otherwise."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

import services
import support
from conftest import NewProject
from services import clients, proxies
from services.proxies import Proxy

HOST = "Host: localhost"
PROTECTED = {"content-security-policy", "x-content-type-options", "cache-control"}

# By the app or by the proxy itself: no method, no such route, a host that is none of ours.
REFUSED = {400, 404, 405, 421}
# What leads to a route, and what that route says to somebody without a login.
READ_ALIKE = {
    "GET /me": 401,
    "GET /m%65": 401,
    "GET /static/page.css": 200,
    "GET http://localhost/me": 401,
    "GET HTTP://LOCALHOST:8000/me": 401,
}
NOT_FOUND = [
    *("GET //me", "GET ///me", "GET ///static/page.css", "GET /%2fme", "GET /%2Fstatic/page.css"),
    *("GET /./me", "GET /x/../me", "GET /%2e/me", "GET /me//", "GET /me/", "GET /me."),
    *("GET /me;", "GET /me;x=1", "GET /me#", "GET /me#x", "GET /me%00", "GET /static//page.css"),
    *("GET me", "GET \\me", "GET @me", "GET ?x", "GET *", "OPTIONS *", "CONNECT localhost:8000"),
    *("GET http:/me", "GET http:///me", "GET x:/me", "GET http://localhost//me"),
]
# Caddy answers the first itself. It reads and passes on the others as /me, so its own rules for
# /me hold for them too.
READ_BY_PROXIES = {"OPTIONS *", "GET http:/me", "GET http:///me", "GET x:/me"}
# gunicorn reads these as /me, as nginx does with the first two.
READ_BY_GUNICORN = {"GET /me#", "GET /me#x", "GET http:///me"}
# The target and the lines that name the host.
ANOTHER_SITE = [
    ("http://localhost/me", "Host: other.example"),
    ("http://localhost/me", "Host: user@localhost"),
    ("/me", "Host: user@localhost"),
    ("/me", f"{HOST}\r\n{HOST}"),
    ("/me", f"{HOST}\r\nHost: other.example"),
    ("/me", f"Host: other.example\r\n{HOST}"),
    ("http://localhost/me", f"Host: other.example\r\n{HOST}"),
    ("/me", "X-Host: localhost"),
    ("http://localhost/me", "X-Host: localhost"),
]


# gunicorn leaves the name in the target out, and the proxy decides by it.
ANOTHER_SITE_IN_TARGET = [
    "http://other.example/me",
    "http://127.0.0.1/me",
    "http://localhost:80@other.example/me",
]


@pytest.fixture(scope="module")
def project(new_project: NewProject) -> Path:
    project = new_project()
    support.write_settings(project)
    return project


@pytest.fixture(scope="module")
def port(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Serve by gunicorn alone, since a proxy may pass a target on as it came."""
    with services.gunicorn(project, tmp_path_factory.mktemp("logs") / "log") as port:
        yield port


@pytest.fixture(scope="module", params=proxies.STARTS)
def proxy(
    request: pytest.FixtureRequest, project: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxy]:
    folder, start = tmp_path_factory.mktemp("proxy"), proxies.STARTS[request.param]
    behind = services.BEHIND_A_PROXY
    database = f"sqlite:///{folder / 'targets.database'}"
    with (
        services.serving(project, folder / "log", DATABASE_URL=database, **behind) as server,
        start(project, folder, server.port, server.port) as proxy,
    ):
        yield proxy


def ask(port: int, line: str, host: str = HOST) -> clients.Answer:
    """Send a request line as it is; what a view or the app answers has the app's headers."""
    with socket.create_connection(("127.0.0.1", port), clients.PATIENCE) as client:
        answer = send(client, line, host)
    # gunicorn itself has no more than a sentence, for a request that it cannot read.
    assert answer.headers.keys() >= PROTECTED or answer.status == 400, answer
    return answer


def send(client: socket.socket, line: str, host: str) -> clients.Answer:
    client.sendall(f"{line}\r\n{host}\r\nConnection: close\r\n\r\n".encode())
    with client.makefile("rb") as sent:
        head, _, text = sent.read().decode().partition("\r\n\r\n")
    status, *lines = head.split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return clients.Answer(int(status.split()[1]), headers, text)


def test_what_a_proxy_reads_alike_reaches_its_route(port: int) -> None:
    answered = {line: ask(port, f"{line} HTTP/1.1").status for line in READ_ALIKE}
    assert answered == READ_ALIKE


@pytest.mark.parametrize("line", [each for each in NOT_FOUND if each not in READ_BY_GUNICORN])
def test_any_other_target_reaches_none(port: int, line: str) -> None:
    assert ask(port, f"{line} HTTP/1.1").status in (400, 404)


@pytest.mark.all
@pytest.mark.parametrize(
    "line", [each for each in NOT_FOUND if each not in READ_BY_PROXIES | READ_BY_GUNICORN]
)
def test_any_other_target_reaches_none_through_a_proxy(proxy: Proxy, line: str) -> None:
    with proxy.opened() as client:
        assert send(client, f"{line} HTTP/1.1", HOST).status in REFUSED


@pytest.mark.all
@pytest.mark.parametrize("target", ANOTHER_SITE_IN_TARGET)
def test_a_proxy_answers_nothing_of_another_site(proxy: Proxy, target: str) -> None:
    with proxy.opened() as client:
        assert send(client, f"GET {target} HTTP/1.1", HOST).status in REFUSED


@pytest.mark.parametrize(("target", "host"), ANOTHER_SITE)
def test_a_site_that_is_named_twice_is_named_alike(port: int, target: str, host: str) -> None:
    assert ask(port, f"GET {target} HTTP/1.1", host).status == 400


@pytest.mark.parametrize("version", ["HTTP/1.0", "HTTP/1.1"])
def test_without_a_host_probes_alone_are_answered(port: int, version: str) -> None:
    nobody = "X-Host: localhost"
    assert ask(port, f"GET / {version}", nobody).status == 400
    assert ask(port, f"GET /healthz {version}", nobody).status == 200
    answer = ask(port, f"GET http://other.example/readyz {version}", nobody)
    assert (answer.status, "other.example" in f"{answer.headers}{answer.text}") == (200, False)
