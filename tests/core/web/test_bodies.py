"""What a client gets for a body that is cut off or too long, and that no view sees half of it."""

from io import BytesIO
from types import SimpleNamespace

import pytest
from flask import Flask, request
from flask.testing import FlaskClient
from secure_flask.auth.access import public
from secure_flask.web.bodies import body_stream, read_body
from secure_flask.web.responses import consumes

from core import routes
from core.conftest import OWN_PAGE, MakeApp

OCTETS = "application/octet-stream"
IN_CHUNKS = {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"}


@pytest.fixture(scope="module")
def app(make_app: MakeApp) -> Flask:
    app = make_app()

    @app.post("/_test/whole")
    @public
    @consumes(OCTETS)
    def whole() -> str:
        return str(len(read_body()))

    @app.post("/_test/twice")
    @public
    @consumes(OCTETS)
    def twice() -> bytes:
        return read_body() + read_body()

    @app.post("/_test/parts/<size>")
    @public
    @consumes(OCTETS)
    def parts(size: str) -> str:
        request.max_content_length = 100_000
        source = body_stream()
        return str(sum(map(len, iter(lambda: source.read(int(size)), b""))))

    @app.post("/_test/flask/<way>")
    @public
    @consumes(OCTETS)
    def by_flask(way: str) -> str:
        """Flask's own ways to read a body."""
        if way == "json":
            return str(len(request.get_json(force=True)))
        if way == "lines":
            return str(sum(map(len, request.stream)))
        return str(len(request.get_data()))

    @app.post("/_test/none")
    @public
    @consumes(OCTETS)
    def none() -> bytes:
        source = body_stream()
        return source.read(3) + source.read(0) + source.read()

    return app


def send(client: FlaskClient, path: str, body: bytes, **environ: object) -> tuple[int, str]:
    """Post a body as gunicorn hands it on: it ends where the client was gone."""
    environ = {"wsgi.input": BytesIO(body), "wsgi.input_terminated": True, **environ}
    environ = {"CONTENT_LENGTH": str(len(body)), "CONTENT_TYPE": OCTETS, **environ}
    answer = client.post(path, environ_overrides=environ)
    return answer.status_code, answer.text if answer.status_code == 200 else ""


def test_a_body_that_breaks_off_is_refused(client: FlaskClient) -> None:
    def broken(size: int) -> bytes:
        raise ArithmeticError("a chunk of no length")  # servers have exceptions of their own

    stream = SimpleNamespace(read=broken, readinto=broken, readline=broken)
    for path in ("whole", "flask/data", "flask/lines"):
        assert send(client, f"/_test/{path}", b"123", **{"wsgi.input": stream}) == (400, "")


def test_a_view_gets_the_whole_body_or_none(client: FlaskClient, subtests: pytest.Subtests) -> None:
    for path in ("whole", "parts/-1", "parts/1000", "parts/60000"):
        with subtests.test(path):
            url, body = f"/_test/{path}", b"x" * 60_000
            assert send(client, url, body) == (200, "60000")
            assert send(client, url, body, **IN_CHUNKS) == (200, "60000")
            assert send(client, url, body, CONTENT_LENGTH="60001") == (400, "")


def test_a_body_may_be_read_twice(client: FlaskClient) -> None:
    assert send(client, "/_test/twice", b"123") == (200, "123123")


def test_a_body_is_read_up_to_the_limit_and_refused_beyond_it(client: FlaskClient) -> None:
    limit = client.application.config["MAX_CONTENT_LENGTH"]
    assert send(client, "/_test/whole", b" " * limit) == (200, str(limit))
    assert send(client, "/_test/whole", b" " * (limit + 1)) == (413, "")
    assert send(client, "/_test/whole", b" " * (limit + 1), **IN_CHUNKS) == (413, "")


def test_flasks_own_ways_to_read_get_the_whole_body_or_none(
    client: FlaskClient, subtests: pytest.Subtests
) -> None:
    limit = client.application.config["MAX_CONTENT_LENGTH"]
    for path in ("/_test/flask/data", "/_test/flask/json", "/_test/flask/lines"):
        with subtests.test(path):
            short, long = b"[1]", b"[\n" + b"1," * (limit // 2) + b"1]"
            assert send(client, path, short)[0] == send(client, path, short, **IN_CHUNKS)[0] == 200
            # What came would be JSON too, and what is cut off none.
            assert send(client, path, short, CONTENT_LENGTH="60001") == (400, "")
            assert send(client, path, long) == (413, "")
            assert send(client, path, long, **IN_CHUNKS) == (413, "")


def test_the_policy_sets_the_limit(make_app: MakeApp) -> None:
    client = make_app(MAX_BODY=1000).test_client()
    for size, status in ((1000, 401), (1001, 413)):
        body = b'{"username": "x", "password": "x"}'.ljust(size)
        assert client.post(
            routes.LOGIN, data=body, content_type="application/json", headers=OWN_PAGE
        ).status_code == (status)


def test_a_read_of_no_bytes_gets_none_and_the_rest_stays(client: FlaskClient) -> None:
    assert send(client, "/_test/none", b"abcdef") == (200, "abcdef")
