"""Clients that never end their request or never read the answer, through both proxies.

gunicorn has sixteen threads, and each waits for one client: the proxy must wait instead.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from secure_flask import Settings

import services
from conftest import NewProject
from services import clients, proxies
from services.proxies import Proxy
from tools.benchmarks.measure import memory

pytestmark = pytest.mark.weekly

# More than gunicorn has threads.
CLIENTS = 24
# Seconds. What a proxy holds longer than this would stop the service for somebody who looks on.
SOON = 20
# Just below what each proxy gives back from a buffer.
SIZE = 1_000_000
# The largest body that each proxy lets in.
UPLOAD = Settings.model_fields["max_request_body"].default
# More than the kernel's own buffers hold, too.
HUGE = 24_000_000
# Seconds for which such answers may hold gunicorn: nginx has a file for them, Caddy a deadline.
HELD = {"nginx": 3 * SOON, "caddy": 60 + SOON}
VIEWS = f"""
from flask import request
from secure_flask import consumes, public

@blueprint.get("/large")
@public
def large() -> str:
    return "x" * {SIZE}

@blueprint.get("/huge")
@public
def huge() -> str:
    return "x" * {HUGE}

@blueprint.post("/upload")
@public
@consumes("application/octet-stream", max_size={UPLOAD})
def upload() -> str:
    return str(len(request.get_data()))
"""
GET = b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = (
    b"POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\n"
    b"Content-Length: %d\r\n\r\n" % UPLOAD
)


@pytest.fixture(scope="module")
def app(
    new_project: NewProject, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Path, int]]:
    """Serve by one process, as an owner's first machine does."""
    project, log = new_project(), tmp_path_factory.mktemp("logs") / "log"
    with (project / "app" / "pages.py").open("a", encoding="utf-8") as pages:
        pages.write(VIEWS)
    behind = services.BEHIND_A_PROXY
    database = f"sqlite:///{log.parent / 'slow.database'}"
    with services.serving(project, log, DATABASE_URL=database, **behind) as server:
        yield project, server.port


@pytest.fixture(scope="module", params=proxies.STARTS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def proxy(
    name: str, app: tuple[Path, int], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxy]:
    project, port = app
    folder = tmp_path_factory.mktemp("proxy")
    with proxies.STARTS[name](project, folder, port, port) as proxy:
        yield proxy


@contextlib.contextmanager
def silent(proxy: Proxy) -> Iterator[None]:
    """Connect, and do not even begin TLS."""
    with socket.create_connection(("127.0.0.1", proxy.https)):
        yield


@contextlib.contextmanager
def silent_over_tls(proxy: Proxy) -> Iterator[None]:
    with proxy.opened():
        yield


@contextlib.contextmanager
def half_a_header(proxy: Proxy) -> Iterator[None]:
    with proxy.opened() as client:
        client.sendall(GET[:-4])
        yield


@contextlib.contextmanager
def uploader(proxy: Proxy) -> Iterator[None]:
    """Send all of the largest body but its last byte."""
    with proxy.opened() as client:
        client.sendall(POST + b"x" * (UPLOAD - 1))
        yield


@contextlib.contextmanager
def reader(proxy: Proxy, requests: bytes = 12 * GET) -> Iterator[None]:
    """Ask for more than the buffers of the network hold, and read nothing."""
    with contextlib.ExitStack() as stack:
        plain = stack.enter_context(socket.socket())
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.connect(("127.0.0.1", proxy.https))
        context = proxy.context()
        client = stack.enter_context(context.wrap_socket(plain, server_hostname="localhost"))
        client.sendall(requests)
        yield


SLOW: dict[str, Callable[[Proxy], contextlib.AbstractContextManager[None]]] = {
    each.__name__: each for each in (silent, silent_over_tls, half_a_header, uploader, reader)
}


@pytest.mark.parametrize("slow", SLOW.values(), ids=SLOW)
def test_others_are_served_while_clients_are_slow(
    proxy: Proxy, slow: Callable[[Proxy], contextlib.AbstractContextManager[None]]
) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(CLIENTS):
            stack.enter_context(slow(proxy))
        statuses, waited = zip(*(timed_status(proxy) for _ in range(5)), strict=True)
    assert statuses == (200,) * 5
    assert max(waited) < SOON


def timed_status(proxy: Proxy) -> tuple[int, float]:
    """The status of one more request, and the seconds until it came."""
    time.sleep(0.2)
    begun = time.monotonic()
    return status(proxy), time.monotonic() - begun


def test_a_stranger_fills_no_more_than_half_of_caddys_memory(
    app: tuple[Path, int], tmp_path: Path
) -> None:
    project, port = app
    compose = yaml.safe_load((project / "compose.yaml").read_text("utf-8"))
    limit = int(compose["services"]["proxy"]["mem_limit"].removesuffix("m"))
    with proxies.caddy(project, tmp_path, port, port) as proxy, contextlib.ExitStack() as stack:
        for _ in range(150):
            stack.enter_context(uploader(proxy))
        assert status(proxy) == 200
        held = memory(proxy.process, "VmHWM")
    assert held < limit / 2


def test_others_are_served_soon_while_clients_read_no_huge_answer(proxy: Proxy, name: str) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(CLIENTS):
            stack.enter_context(reader(proxy, GET.replace(b"/large", b"/huge")))
        time.sleep(1)
        begun = time.monotonic()
        while not is_served(proxy) and time.monotonic() - begun < HELD[name]:
            pass
    waited = time.monotonic() - begun
    assert waited < HELD[name]


def is_served(proxy: Proxy) -> bool:
    with contextlib.suppress(OSError):
        return status(proxy, patience=5) == 200
    return False


def status(proxy: Proxy, patience: float = clients.PATIENCE) -> int:
    with contextlib.closing(proxy.connection()) as connection:
        connection.timeout = patience
        connection.request("GET", "/healthz")
        return connection.getresponse().status


def test_a_header_that_does_not_end_is_given_up(proxy: Proxy) -> None:
    """Also where the client sends a byte now and then."""
    with proxy.opened() as client:
        client.sendall(GET[:-2])
        end = time.monotonic() + 2 * SOON
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            while drip(client) and time.monotonic() < end:
                pass
    assert time.monotonic() < end


def drip(client: ssl.SSLSocket) -> bool:
    """Send one more byte of a header; False once the proxy has hung up."""
    client.sendall(b"a")
    client.settimeout(1)
    try:
        return bool(client.recv(1))
    except TimeoutError:
        return True


def test_a_body_of_the_largest_size_arrives(proxy: Proxy) -> None:
    with contextlib.closing(proxy.connection()) as connection:
        headers = {"Content-Type": "application/octet-stream"}
        connection.request("POST", "/upload", b"x" * UPLOAD, headers)
        assert connection.getresponse().read() == str(UPLOAD).encode()
