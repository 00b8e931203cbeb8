"""What clients get through nginx and Caddy, each with the configuration that the docs print."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

import services
import support
from conftest import NewProject
from services import clients, proxies
from services.proxies import FORGED, Proxy

LOGIN = json.dumps({"username": "nobody", "password": "a good long password"})
JSON = {"Content-Type": "application/json"}
# Another address of this computer than the proxies have.
CLIENT = "127.0.0.2"
pytestmark = pytest.mark.all
# Bytes of an upload, more than any buffer on its way holds.
SIZE = 1_000_000_000


@dataclass(frozen=True)
class Served:
    """A proxy with an app behind it."""

    proxy: Proxy
    log: Path
    name: str


@pytest.fixture(scope="module")
def project(new_project: NewProject) -> Path:
    return new_project()


@pytest.fixture(scope="module")
def app(
    project: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[services.Gunicorn, Path]]:
    log = tmp_path_factory.mktemp("app") / "log"
    database = f"sqlite:///{log.parent / 'secure_flask.database'}"
    behind = services.BEHIND_A_PROXY
    with services.serving(project, log, DATABASE_URL=database, **behind) as server:
        yield server, log


@pytest.fixture(scope="module", params=proxies.STARTS)
def served(
    request: pytest.FixtureRequest,
    project: Path,
    app: tuple[services.Gunicorn, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Served]:
    start, (server, log) = proxies.STARTS[request.param], app
    folder = tmp_path_factory.mktemp("proxy")
    with start(project, folder, server.port, server.port) as proxy:
        yield Served(proxy, log, request.param)


def test_browsers_get_http_2(served: Served) -> None:
    assert proxies.curl(served.proxy, "/", "%{http_version} %{http_code}") == "2 200"


def test_no_log_of_nginx_has_a_path_or_a_query(tmp_path: Path) -> None:
    nobody = support.free_port()
    with proxies.nginx(tmp_path, tmp_path, nobody, nobody) as proxy:
        assert proxies.curl(proxy, "/reset/secret?key=secret", "%{http_code}") == "502"
        other = clients.ask(proxy.http, "/reset/secret", headers={"Host": "other.example"})
        assert other.status == 421
    logs = "".join(log.read_text("utf-8") for log in tmp_path.glob("*.log"))
    assert " GET 502 " in logs
    assert "secret" not in logs


@pytest.mark.asvs("13.4.6")
@pytest.mark.parametrize("path", ["/", "/login", "/me", "/missing", "/static/page.css", "/healthz"])
def test_no_header_comes_twice_and_the_browser_is_told_to_keep_to_https(
    served: Served, path: str
) -> None:
    connection = served.proxy.connection()
    connection.request("GET", path)
    with connection.getresponse() as answer:
        names = [name.lower() for name, _ in answer.getheaders()]
    # A second Set-Cookie or Vary would be another line of a list.
    assert len(names) == len(set(names)), names
    assert "strict-transport-security" in names
    assert "content-security-policy" in names
    assert answer.getheader("Server") in (None, "nginx")  # which cannot leave out its name
    assert "via" not in names


def test_a_client_is_known_by_its_own_address_whatever_it_claims(served: Served) -> None:
    connection = served.proxy.connection(CLIENT)
    connection.request("POST", "/login", LOGIN, {**JSON, **FORGED})
    with connection.getresponse() as answer:
        assert answer.status == 401
        request_id = answer.getheader("X-Request-ID")
    assert request_id != FORGED["X-Request-ID"]
    [line] = [
        line for line in served.log.read_text("utf-8").splitlines() if str(request_id) in line
    ]
    assert json.loads(line)["source_ip"] == CLIENT


def test_a_line_of_nginx_has_the_id_of_the_response_and_no_path(
    project: Path, app: tuple[services.Gunicorn, Path], tmp_path: Path
) -> None:
    server, _ = app
    with proxies.nginx(project, tmp_path, server.port, server.port) as proxy:
        connection = proxy.connection()
        connection.request("GET", "/healthz?token=s3cret")
        with connection.getresponse() as answer:
            request_id = str(answer.getheader("X-Request-ID"))
        # nginx writes the line after the answer.
        support.wait_until((tmp_path / "access.log").read_text)
    line = (tmp_path / "access.log").read_text("utf-8")
    assert request_id in line
    assert "healthz" not in line
    assert "s3cret" not in line


def test_a_client_is_believed_neither_host_nor_scheme(served: Served) -> None:
    connection = served.proxy.connection()
    connection.request("GET", "/", headers=FORGED)
    with connection.getresponse() as answer:
        # Neither an unknown host nor a redirect to https.
        assert answer.status == 200
        assert answer.getheader("Strict-Transport-Security")


def test_an_unknown_host_is_refused(served: Served) -> None:
    connection = served.proxy.connection()
    connection.request("GET", "/", headers={"Host": "evil.example"})
    with connection.getresponse() as answer:
        # Of the proxy itself: the app does not see it.
        assert answer.status == 421
        assert "evil" not in str(answer.getheaders())


def test_http_leads_to_https(served: Served) -> None:
    answer = clients.ask(served.proxy.http, "/me", headers={"Host": "localhost"})
    assert answer.status == 308
    assert answer.headers["Location"].startswith("https://localhost")


def test_a_large_upload_is_refused_while_it_is_sent(served: Served, tmp_path: Path) -> None:
    upload = tmp_path / "upload"
    with upload.open("wb") as file:
        file.truncate(SIZE)
    options = ("--header", "Content-Type: application/json", "--data-binary", f"@{upload}")
    answer = proxies.curl(served.proxy, "/login", "%{http_code} %{size_upload}", *options)
    status, sent = map(int, answer.split())
    # The app refuses by the length alone, and closes. Caddy answers 502 where that comes while
    # it still writes, as docs/how-to/deploy-proxy.md says.
    assert status == 413 or (served.name, status) == ("caddy", 502)
    assert sent < SIZE / 2


@pytest.mark.parametrize("start", proxies.STARTS.values(), ids=proxies.STARTS)
def test_a_request_reaches_the_app_when_all_of_it_has_arrived(
    start: proxies.Start, project: Path, tmp_path: Path
) -> None:
    """Of two clients, the slow one comes first and is passed on last."""
    with socket.create_server(("127.0.0.1", 0)) as app, ThreadPoolExecutor() as pool:
        port = app.getsockname()[1]
        with start(project, tmp_path, port, port) as proxy, proxy.opened() as slow:
            # More than a proxy keeps back for the sake of fewer packets.
            half = b"x" * 30_000
            head = f"POST /slow HTTP/1.1\r\nHost: localhost\r\nContent-Length: {2 * len(half)}"
            slow.sendall(f"{head}\r\n\r\n".encode() + half)
            quick = proxy.connection()
            asked = pool.submit(quick.request, "GET", "/quick")
            assert passed_on(app) == "/quick"
            asked.result()
            slow.sendall(half)
            assert passed_on(app) == "/slow"


def test_a_request_waits_in_caddy_for_the_only_instance(project: Path, tmp_path: Path) -> None:
    """As compose.yaml restarts it. The request is a write, which may not be sent twice."""
    port = support.free_port()
    with proxies.caddy(project, tmp_path, port, port) as proxy:
        connection = proxy.connection()
        connection.request("POST", "/login", LOGIN, JSON)
        with socket.create_server(("127.0.0.1", port)) as app:
            assert passed_on(app) == "/login"
        assert connection.getresponse().status == 204


def passed_on(app: socket.socket) -> str:
    """Answer the next request at the app's place; gives its path."""
    app.settimeout(clients.PATIENCE)
    client, _ = app.accept()
    with client, client.makefile("rb") as request:
        path = request.readline().split()[1].decode()
        headers = http.client.parse_headers(request)
        # What is left unread when a connection is closed can take the answer with it.
        request.read(int(headers.get("Content-Length", 0)))
        client.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
    return path
