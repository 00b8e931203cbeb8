"""Forms sent to a real server: what proves that this site sent one passes, and nothing else."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest

import clients
import owner_edits
import services
import support
from benchmarks.measure import memory
from clients import PASSWORD
from conftest import NewProject

LISTED = "https://app.example.com"
OPEN, CLOSED, LOGIN = "/contact", "/orders", "/login"
UPLOAD_SIZE = 20 * 2**20

VIEWS = '''\
"""Forms for everybody, for users, and for files."""

from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from secure_flask import consumes_form, login_required, public
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


@blueprint.post("/orders")
@login_required
@consumes_form
def order() -> ResponseReturnValue:
    return redirect("/done", 303) if request.form.get("text") else ("", 422)


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

Encode = Callable[[dict[str, str]], tuple[str | None, bytes]]


def urlencoded(fields: dict[str, str]) -> tuple[str, bytes]:
    return "application/x-www-form-urlencoded", urlencode(fields).encode()


def multipart(fields: dict[str, str]) -> tuple[str, bytes]:
    parts = [
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    return "multipart/form-data; boundary=x", "".join([*parts, "--x--\r\n"]).encode()


def as_json(fields: dict[str, str]) -> tuple[str, bytes]:
    return "application/json", json.dumps(fields).encode()


def plain(fields: dict[str, str]) -> tuple[str, bytes]:
    return "text/plain", as_json(fields)[1]


def without_type(fields: dict[str, str]) -> tuple[None, bytes]:
    return None, urlencoded(fields)[1]


FORMS: list[Encode] = [urlencoded, multipart]
BODIES: list[Encode] = [*FORMS, as_json, plain, without_type]
OWN = "own"
ORIGINS = [OWN, LISTED, "https://evil.example", "http://sub.localhost", "null", None]
SITES = ["same-origin", "none", "same-site", "cross-site", None]
LIVE, ENDED = "live", "ended"
LOGINS = [LIVE, ENDED, None]


@dataclass(frozen=True)
class Case:
    """One way to send a form."""

    path: str
    body: Encode
    origin: str | None
    site: str | None
    login: str | None


@dataclass(frozen=True)
class Server:
    """A served project, one login that lives and one that has ended."""

    port: int
    process: int
    logins: dict[str | None, clients.Answer]
    connection: http.client.HTTPConnection

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def send(self, case: Case) -> tuple[int, str | None]:
        """Send a form; the status, and where it leads."""
        shown, fields = self.shown(case.login), {"text": "Hello"}
        headers: dict[str, str] = {}
        if case.path == LOGIN:
            fields = {"username": "ada", "password": PASSWORD}
        headers |= {
            name: value
            for name, value in [("Origin", case.origin), ("Sec-Fetch-Site", case.site)]
            if value
        }
        if case.origin == OWN:
            headers["Origin"] = self.origin
        kind, body = case.body(fields)
        headers |= {"Content-Type": kind} if kind else {}
        self.connection.request("POST", case.path, body, {**shown, **headers})
        answer = self.connection.getresponse()
        answer.read()
        return answer.status, answer.headers["Location"]

    def shown(self, login: str | None) -> dict[str, str]:
        shown = clients.shown(self.logins[login]) if login else {}
        return {name: value for name, value in shown.items() if name != "Sec-Fetch-Site"}


def served(project: Path, log: Path) -> Iterator[Server]:
    owner_edits.module(project, "shop", VIEWS)
    with services.serving(project, log) as server:
        live, ended = clients.log_in(server.port), clients.log_in(server.port)
        answer = clients.ask(server.port, "/logout", {}, clients.shown(ended))
        assert answer.status == 204
        connection = http.client.HTTPConnection("127.0.0.1", server.port, clients.PATIENCE)
        logins: dict[str | None, clients.Answer] = {LIVE: live, ENDED: ended}
        yield Server(server.port, server.workers[0], logins, connection)
        connection.close()


@pytest.fixture(scope="module")
def by_cookie(
    new_project: NewProject, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    project = new_project(token_type="session", cors_origins=LISTED)
    yield from served(project, tmp_path_factory.mktemp("logs") / "log")


@pytest.fixture(scope="module")
def by_bearer(
    new_project: NewProject, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    project = new_project(token_type="opaque", cors_origins=LISTED)
    yield from served(project, tmp_path_factory.mktemp("logs") / "log")


def cases(*paths: str) -> Iterator[Case]:
    for each in itertools.product(paths, BODIES, ORIGINS, SITES, LOGINS):
        yield Case(*each)


# Who may send what: the table of docs/decisions, row by row. Each request here is a POST.


def is_from_here(case: Case, *, cookie: bool) -> bool:
    """Whether a request without a bearer token may write."""
    if case.origin == OWN:
        return case.site in ("same-origin", None)
    if case.origin == "null":
        return case.site == "same-origin"
    if case.origin == LISTED:
        # A browser has asked before it sent JSON.
        return case.body is as_json and case.site in ("same-site", "cross-site", None)
    if case.origin is None:
        by_program = case.site in ("none", None) and case.body is as_json and not cookie
        return case.site == "same-origin" or by_program
    return False


def passes_by_cookie(case: Case) -> bool:
    taken = case.body in FORMS and is_from_here(case, cookie=bool(case.login))
    return taken and (case.path == OPEN or case.login == LIVE)


def passes_by_bearer(case: Case) -> bool:
    # No form of any site can send an Authorization header.
    taken = case.body in FORMS and (bool(case.login) or is_from_here(case, cookie=False))
    return taken and (case.path == OPEN or case.login == LIVE)


def logs_in(case: Case) -> bool:
    """Say whether a login page's form, or a program's JSON, is one that the site accepts."""
    return case.body in [*FORMS, as_json] and is_from_here(case, cookie=False)


def wrong(
    server: Server, sent: Iterator[Case], passes: Callable[[Case], bool]
) -> list[tuple[Case, int]]:
    """Send each; those that were refused and should not have been, or the other way round."""
    found = []
    for case in sent:
        status, location = server.send(case)
        passed = status == 200 or (status == 303 and location in ("/done", "/"))
        # 401 where the only thing that is missing is a login.
        refused = status in ((400, 403, 413, 415, 422) if case.login == LIVE else (401, 403, 415))
        if (passed, refused) != (passes(case), not passes(case)):
            found.append((case, status))
    return found


def test_with_a_login_by_cookie_a_form_needs_this_site(by_cookie: Server) -> None:
    assert not wrong(by_cookie, cases(OPEN, CLOSED), passes_by_cookie)


def test_with_a_bearer_login_a_form_needs_this_site_or_the_header(by_bearer: Server) -> None:
    assert not wrong(by_bearer, cases(OPEN, CLOSED), passes_by_bearer)


@pytest.mark.parametrize("kind", ["by_cookie", "by_bearer"])
def test_nobody_is_logged_in_by_a_form_of_another_site(
    kind: str, request: pytest.FixtureRequest
) -> None:
    # A login that comes along ends, so each needs none.
    sent = (case for case in cases(LOGIN) if case.login is None)
    assert not wrong(request.getfixturevalue(kind), sent, logs_in)


# A form is read as a whole or not at all.

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


def by_length(kind: str | None, body: bytes) -> str:
    return f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n"


def in_chunks(kind: str | None) -> str:
    return f"Content-Type: {kind}\r\nTransfer-Encoding: chunked\r\n"


def chunked(body: bytes) -> bytes:
    middle = len(body) // 2
    parts = [body[:middle], body[middle:], b""]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)


@pytest.mark.parametrize("encode", FORMS)
def test_a_whole_form_passes_with_a_length_or_in_chunks(by_cookie: Server, encode: Encode) -> None:
    kind, body = encode(FIELDS)
    assert sent_raw(by_cookie, by_length(kind, body), body) == 303
    assert sent_raw(by_cookie, in_chunks(kind), chunked(body)) == 303


@pytest.mark.parametrize("encode", FORMS)
def test_a_form_that_is_cut_off_anywhere_is_refused(by_cookie: Server, encode: Encode) -> None:
    kind, body = encode(FIELDS)
    cut_off = by_length(kind, body)
    statuses = {cut: sent_raw(by_cookie, cut_off, body[:cut]) for cut in range(1, len(body))}
    assert statuses == dict.fromkeys(statuses, 400)


@pytest.mark.parametrize("encode", FORMS)
def test_a_form_in_chunks_that_is_cut_off_anywhere_is_refused(
    by_cookie: Server, encode: Encode
) -> None:
    kind, body = encode(FIELDS)
    whole = chunked(body)
    # The last CR and LF end the trailers, of which there are none.
    cuts = range(1, len(whole) - len(b"0\r\n\r\n"))
    statuses = {cut: sent_raw(by_cookie, in_chunks(kind), whole[:cut]) for cut in cuts}
    assert statuses == dict.fromkeys(cuts, 400)


@pytest.mark.parametrize("path", [OPEN, "/pictures", LOGIN])
def test_millions_of_fields_are_refused(by_cookie: Server, path: str) -> None:
    kind, body = urlencoded({})[0], b"a=&" * 2_500_000
    assert sent_raw(by_cookie, by_length(kind, body), body, path) == 413
    assert sent_raw(by_cookie, in_chunks(kind), chunked(body), path) == 413


def test_a_large_file_goes_to_disk_and_leaves_nothing(by_cookie: Server) -> None:
    support.need(Path("/proc/self/status").exists(), "Linux")
    head = '--x\r\nContent-Disposition: form-data; name="picture"; filename="a.png"\r\n\r\n'
    body = b"".join([head.encode(), os.urandom(UPLOAD_SIZE), b"\r\n--x--\r\n"])
    before, files = memory(by_cookie.process, "VmHWM"), open_files(by_cookie)
    headers = {"Content-Type": "multipart/form-data; boundary=x", "Origin": by_cookie.origin}
    by_cookie.connection.close()  # gunicorn ends one that was idle for long
    by_cookie.connection.request("POST", "/pictures", body, headers)
    answer = json.load(by_cookie.connection.getresponse())
    assert answer == {"size": UPLOAD_SIZE, "on disk": True}
    assert memory(by_cookie.process, "VmHWM") - before < UPLOAD_SIZE / 2**20 / 2
    assert open_files(by_cookie) <= files


def open_files(server: Server) -> set[str]:
    """Return the files that the worker holds, those without a name included."""
    descriptors = Path(f"/proc/{server.process}/fd").iterdir()
    links = {os.readlink(each) for each in descriptors if each.is_symlink()}
    return {link for link in links if "deleted" in link or link.startswith("/tmp/")}  # noqa: S108
