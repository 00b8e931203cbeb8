"""Forms sent to a real server: each is read as a whole or not at all, and a large one from disk."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest

import services
import support
from conftest import NewProject
from render import owner_edits
from services import clients
from tools.benchmarks.measure import memory

OPEN, LOGIN = "/contact", "/login"
UPLOAD_SIZE = 20 * 2**20

VIEWS = '''\
"""Forms for everybody, and for files."""

from flask import Blueprint, redirect
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from secure_flask import consumes_form, public
from wtforms import StringField
from wtforms.validators import DataRequired

blueprint = Blueprint("shop", __name__)


class ContactForm(FlaskForm):
    text = StringField(validators=[DataRequired()])


class UploadForm(FlaskForm):
    picture = FileField(validators=[FileRequired()])


@blueprint.post("/contact")
@public
@consumes_form
def contact() -> ResponseReturnValue:
    form = ContactForm()
    return redirect("/done", 303) if form.validate_on_submit() else (form.errors, 422)


@blueprint.post("/pictures")
@public
@consumes_form(max_size=32 * 2**20)
def upload() -> ResponseReturnValue:
    form = UploadForm()
    if not form.validate_on_submit():
        return form.errors, 422
    stream = form.picture.data.stream
    return {"size": stream.seek(0, 2), "on disk": stream.fileno() > 0}
'''

Encode = Callable[[dict[str, str]], tuple[str, bytes]]


def urlencoded(fields: dict[str, str]) -> tuple[str, bytes]:
    return "application/x-www-form-urlencoded", urlencode(fields).encode()


def multipart(fields: dict[str, str]) -> tuple[str, bytes]:
    parts = [
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    return "multipart/form-data; boundary=x", "".join([*parts, "--x--\r\n"]).encode()


FORMS: list[Encode] = [urlencoded, multipart]


@dataclass(frozen=True)
class Server:
    """A served project with these forms."""

    port: int
    process: int


@pytest.fixture(scope="module")
def server(new_project: NewProject, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    project = new_project(token_type="session")
    owner_edits.module(project, "shop", VIEWS)
    with services.serving(project, tmp_path_factory.mktemp("logs") / "log") as started:
        yield Server(started.port, started.workers[0])


FIELDS = {"text": "Hello" * 20}


def sent_raw(server: Server, head: str, body: bytes, path: str = OPEN) -> int:
    """Send a form as it is, and nothing after it; the status."""
    start = (
        f"POST {path} HTTP/1.1\r\nHost: localhost:{server.port}\r\nSec-Fetch-Site: same-origin\r\n"
    )
    address = ("127.0.0.1", server.port)
    with socket.create_connection(address, clients.PATIENCE) as client:
        # What is too large may be refused before it is all there.
        with contextlib.suppress(ConnectionError):
            client.sendall(f"{start}Connection: close\r\n{head}\r\n".encode() + body)
            client.shutdown(socket.SHUT_WR)
        with client.makefile("rb") as answer:
            return int(answer.readline().split()[1])


def by_length(kind: str, body: bytes) -> str:
    return f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n"


def in_chunks(kind: str) -> str:
    return f"Content-Type: {kind}\r\nTransfer-Encoding: chunked\r\n"


def chunked(body: bytes) -> bytes:
    middle = len(body) // 2
    parts = [body[:middle], body[middle:], b""]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)


@pytest.mark.parametrize("encode", FORMS)
def test_a_whole_form_passes_with_a_length_or_in_chunks(server: Server, encode: Encode) -> None:
    kind, body = encode(FIELDS)
    assert sent_raw(server, by_length(kind, body), body) == 303
    assert sent_raw(server, in_chunks(kind), chunked(body)) == 303


@pytest.mark.parametrize("encode", FORMS)
def test_a_form_that_is_cut_off_anywhere_is_refused(server: Server, encode: Encode) -> None:
    kind, body = encode(FIELDS)
    cut_off = by_length(kind, body)
    statuses = {cut: sent_raw(server, cut_off, body[:cut]) for cut in range(1, len(body))}
    assert statuses == dict.fromkeys(statuses, 400)


@pytest.mark.parametrize("encode", FORMS)
def test_a_form_in_chunks_that_is_cut_off_anywhere_is_refused(
    server: Server, encode: Encode
) -> None:
    kind, body = encode(FIELDS)
    whole = chunked(body)
    # The last CR and LF end the trailers, of which there are none.
    cuts = range(1, len(whole) - len(b"0\r\n\r\n"))
    statuses = {cut: sent_raw(server, in_chunks(kind), whole[:cut]) for cut in cuts}
    assert statuses == dict.fromkeys(cuts, 400)


@pytest.mark.parametrize("path", [OPEN, "/pictures", LOGIN])
def test_millions_of_fields_are_refused(server: Server, path: str) -> None:
    kind, body = urlencoded({})[0], b"a=&" * 2_500_000
    assert sent_raw(server, by_length(kind, body), body, path) == 413
    assert sent_raw(server, in_chunks(kind), chunked(body), path) == 413


def test_a_large_file_goes_to_disk_and_leaves_nothing(server: Server) -> None:
    support.need(Path("/proc/self/status").exists(), "Linux")
    head = '--x\r\nContent-Disposition: form-data; name="picture"; filename="a.png"\r\n\r\n'
    body = b"".join([head.encode(), os.urandom(UPLOAD_SIZE), b"\r\n--x--\r\n"])
    before, files = memory(server.process, "VmHWM"), open_files(server)
    headers = {"Content-Type": "multipart/form-data; boundary=x", "Sec-Fetch-Site": "same-origin"}
    connection = http.client.HTTPConnection("127.0.0.1", server.port, clients.PATIENCE)
    with contextlib.closing(connection):
        connection.request("POST", "/pictures", body, headers)
        answer = json.load(connection.getresponse())
    assert answer == {"size": UPLOAD_SIZE, "on disk": True}
    assert memory(server.process, "VmHWM") - before < UPLOAD_SIZE / 2**20 / 2
    assert open_files(server) <= files


def open_files(server: Server) -> set[str]:
    """Return the files that the worker holds, those without a name included."""
    descriptors = Path(f"/proc/{server.process}/fd").iterdir()
    links = {os.readlink(each) for each in descriptors if each.is_symlink()}
    return {link for link in links if "deleted" in link or link.startswith("/tmp/")}  # noqa: S108
