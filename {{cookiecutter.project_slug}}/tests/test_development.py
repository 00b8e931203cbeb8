"""Flask's own server, as a developer and a program meet it."""

import socket
from collections.abc import Callable
from threading import Thread

import pytest
from flask import Flask
from werkzeug import serving

import development  # noqa: F401 (replaces parts of that server)

Send = Callable[[str], str]


@pytest.fixture
def send(app: Flask) -> Send:
    """`send("GET / HTTP/1.1\\r\\n…")`: what the server that `flask run` starts says to it."""

    def to_new_server(request: str) -> str:
        server = serving.make_server("127.0.0.1", 0, app)
        with server, socket.create_connection(("127.0.0.1", server.port)) as client:
            Thread(target=server.handle_request).start()
            client.sendall(request.encode())
            with client.makefile("rb") as answer:
                return answer.read().decode()

    return to_new_server


def test_it_names_no_version(send: Send) -> None:
    answer = send("GET /healthz HTTP/1.0\r\n\r\n")
    assert answer.startswith("HTTP/1.0 200 ")
    assert "\r\nServer: development\r\n" in answer


@pytest.mark.parametrize("target", ["//healthz", "///healthz", "http://localhost//healthz"])
def test_it_hands_on_slashes(send: Send, target: str) -> None:
    assert send(f"GET {target} HTTP/1.0\r\nHost: localhost\r\n\r\n").startswith("HTTP/1.0 404 ")


def test_it_hands_on_the_host_beside_a_whole_url(send: Send) -> None:
    answer = send("GET http://localhost/ HTTP/1.0\r\nHost: evil.example\r\n\r\n")
    assert answer.startswith("HTTP/1.0 400 ")
