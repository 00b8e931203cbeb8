"""The clean site, served over TLS on this computer behind a proxy that each test can spoil."""

import socket
import ssl
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from flask import Flask, g
from werkzeug.datastructures import Headers
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from app.checks import registry
from app.checks.outside.routes import PRIVATE
from app.checks.outside.site import Site
from tests.checks.conftest import CLEAN

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

[NAME] = CLEAN["trusted_hosts"]
# Makes the answers of a proxy out of those of the app.
Proxy = Callable[["WSGIApplication"], "WSGIApplication"]
Visit = Callable[..., dict[str, list[str]]]
Ask = Callable[..., list[str]]


class Handler(WSGIRequestHandler):
    """Names no software and writes no log."""

    def version_string(self) -> str:
        return ""

    def log(self, type: str, message: str, *args: Any) -> None:
        """Nothing."""


class Served:
    """A server on this computer; whatever is put into `answer` answers."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.answer: WSGIApplication = Response()
        self.server = make_server(
            "127.0.0.1",
            0,
            self._read_and_answer,
            True,
            request_handler=Handler,
            ssl_context=context,
        )
        self.port = self.server.port

    def _read_and_answer(
        self, environ: "WSGIEnvironment", start: "StartResponse"
    ) -> Iterable[bytes]:
        # A connection that is closed before the body is read resets the answer.
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        return self.answer(environ, start)


@contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[Served]:
    served = Served(context)
    thread = Thread(target=served.server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield served
    finally:
        served.server.shutdown()
        thread.join()
        served.server.server_close()


def write_certificate(folder: Path, name: str = NAME, days: float = 60, lifetime: int = 90) -> Path:
    """A certificate that has this many days left, and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    end = datetime.now(UTC) + timedelta(days=days)
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False
    )
    usage |= {"crl_sign": False, "encipher_only": False, "decipher_only": False}
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(end - timedelta(days=lifetime))
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(digital_signature=True, key_cert_sign=True, **usage), critical=True
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file = folder / "certificate.pem"
    file.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return file


def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def close(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
    """End the connection without an answer."""
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    raise ConnectionResetError


def only_own_name(other: "WSGIApplication") -> Proxy:
    """A proxy that lets something else answer all names that are not the site's."""

    def proxy(app: "WSGIApplication") -> "WSGIApplication":
        def answer(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
            return (app if environ["HTTP_HOST"].startswith(NAME) else other)(environ, start)

        return answer

    return proxy


def good(app: "WSGIApplication") -> "WSGIApplication":
    """What a good proxy does, whatever routes you added.

    The start page of the clean site comes before the app's own look at the name.
    """
    hidden = answering(Response(status=404), *PRIVATE)
    return only_own_name(Response(status=421))(hidden(app))


def to_https(app: "WSGIApplication") -> "WSGIApplication":
    """What a good proxy does with plain http."""
    location = f"https://{NAME}/"
    return Response(status=308, headers={"Location": location})


def with_headers(change: Callable[[Headers], object]) -> Proxy:
    """A proxy that changes the headers of each answer."""

    def proxy(app: "WSGIApplication") -> "WSGIApplication":
        def changed(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
            response = Response.from_app(app, environ, buffered=True)
            change(response.headers)
            return response(environ, start)

        return changed

    return proxy


def answering(response: "WSGIApplication", *paths: str) -> Proxy:
    """A proxy that answers these paths by itself, or all."""

    def proxy(app: "WSGIApplication") -> "WSGIApplication":
        return lambda environ, start: (
            response if Request(environ).path in paths or not paths else app
        )(environ, start)

    return proxy


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="session")
def _https(certificate: Path) -> Iterator[Served]:
    with serving(tls(certificate)) as served:
        yield served


@pytest.fixture(scope="session")
def _http() -> Iterator[Served]:
    with serving() as served:
        yield served


@pytest.fixture(autouse=True)
def _name_of_this_computer(monkeypatch: pytest.MonkeyPatch, certificate: Path) -> None:
    """The site's name leads here, and its certificate is trusted."""
    look_up = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _, *rest: look_up("127.0.0.1", *rest))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))


@pytest.fixture
def visit(_clean: Flask, _https: Served, _http: Served) -> Visit:
    """`visit(["outside.cors"], proxy)`: what these checks find at the site behind this proxy.

    `http` is what the proxy does with plain http, and `port` that of another server.
    """

    def visit(
        finding_ids: Iterable[str],
        proxy: Proxy = good,
        *,
        http: Proxy = to_https,
        port: int | None = None,
        http_port: int | None = None,
    ) -> dict[str, list[str]]:
        _https.answer, _http.answer = proxy(_clean), http(_clean)
        origin = f"https://{NAME}:{port or _https.port}"
        with _clean.app_context():
            g.site = Site(_clean, origin, http_port or _http.port)
            found = {name: registry.CHECKS[name].find(_clean) for name in finding_ids}
        return {name: [each.message for each in one] for name, one in found.items() if one}

    return visit


@pytest.fixture
def ask(visit: Visit) -> Ask:
    """`ask("outside.cors", proxy)`: what the messages of one check say."""
    return lambda name, *proxy, **options: visit([name], *proxy, **options).get(name, [])


@pytest.fixture
def closed_port() -> int:
    """A port of this computer at which nothing listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port
