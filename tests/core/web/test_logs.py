"""Log lines, as a collector or a developer reads them, whatever they hold."""

import io
import logging
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
import structlog
from flask import Flask, Response, abort, request
from flask.logging import default_handler
from secure_flask.auth.access import public
from secure_flask.web import audit, counters
from secure_flask.web.logs import MAX_FIELD, WithoutRequests

from core import routes
from core.conftest import (
    LOGIN,
    OWN_PAGE,
    PRODUCTION,
    USERNAME,
    Lines,
    MakeApp,
    Wait,
    log_in,
    protect,
)
from core.standing_clock import clock

SECRET = "hunter2-in-a-header"
FORGED = (
    '"}\n{"event":"authn_login_success"}\r\x1b[2K\x1b[31mred\x00\x85\u2028\u2029\u202e\ud800\\n é'
)


def with_view(app: Flask) -> Flask:
    """The app with a view that writes to the audit log."""

    @app.get("/_test/audited")
    @public
    def audited() -> str:
        audit.record(audit.AUTHZ_FAIL)
        return ""

    return app


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """Production: one line of JSON for each."""
    return with_view(make_app(**PRODUCTION))


def log(value: str) -> None:
    """Log a value in each way that a developer has: in words, as a field and as an error."""
    logger = logging.getLogger("app")
    logger.warning("got %s", value)
    structlog.get_logger("app").warning("got", value=value, other=[value])
    try:
        raise ValueError(f"refused {value}")
    except ValueError:
        logger.exception("failed: %s", value)


@pytest.mark.asvs("16.4.1")
def test_no_value_begins_a_line_or_steers_a_terminal(
    app: Flask, lines: Lines, capsys: pytest.CaptureFixture[str]
) -> None:
    log(FORGED)
    message, field, failure = lines()
    assert (message["event"], field["value"]) == (f"got {FORGED}", FORGED)
    assert failure["event"] == f"failed: {FORGED}"
    log(FORGED)
    written = capsys.readouterr().err.removesuffix("\n").split("\n")
    assert [(line.isascii(), line.isprintable()) for line in written] == [(True, True)] * 3


@pytest.mark.asvs("16.4.1")
def test_development_reads_as_key_and_value_and_no_value_begins_a_line(
    make_app: MakeApp, capsys: pytest.CaptureFixture[str]
) -> None:
    with_view(make_app()).test_client().get("/_test/audited")
    log(FORGED)
    written = capsys.readouterr().err.splitlines()
    assert all(line.isprintable() for line in written)
    beginnings = [line for line in written if not line.startswith("    ")]
    assert len(beginnings) == 4
    assert all(line.startswith("datetime='2") for line in beginnings)
    assert "level='warning' event='authz_fail'" in beginnings[0]
    assert "route='/_test/audited'" in beginnings[0]
    traceback = written[written.index(beginnings[3]) + 1 :]
    assert traceback[0] == "    Traceback (most recent call last):"
    assert traceback[-1].startswith("    ")


def test_a_long_value_is_cut_and_keeps_both_ends(app: Flask, lines: Lines) -> None:
    app.logger.warning("begins %s ends", "\u2028" * 100_000)
    [line] = lines()
    assert len(line["event"]) < 8100
    assert line["event"].startswith("begins")
    assert line["event"].endswith("ends")


LONG = 20_000
# What a client chooses of a request, of any length: no server here refuses it.
CHOSEN: list[dict[str, Any]] = [
    {"path": f"/{'p' * LONG}"},
    {"path": "/_test/audited", "query_string": "q" * LONG},
    {"path": routes.LOGIN, "method": "M" * LONG},
    {"path": routes.LOGIN, "method": "POST", "json": {**LOGIN, "username": "é" * LONG}},
    {"path": routes.LOGIN, "method": "POST", "headers": {"Host": f"{'h' * LONG}.example"}},
    {
        # A probe is answered for any host.
        "path": routes.HEALTHZ,
        "headers": {"Host": f"{'h.' * LONG}example", "Upgrade": "websocket", "Origin": "null"},
    },
    *(
        {"path": path, "method": method, "headers": {name: value * LONG}}
        for name, value in {
            "Origin": "https://o",
            "Referer": "r",
            "User-Agent": "\u00e9",
            "X-Forwarded-For": "1.2.3.4, ",
            "X-Request-ID": "i",
            "Authorization": "Bearer t",
            "Cookie": "c=d; ",
            "Accept": "a/b,",
            "Access-Control-Request-Method": "M",
        }.items()
        for path, method in (
            (routes.LOGIN, "OPTIONS"),
            (routes.LOGIN, "POST"),
            ("/_test/crash", "GET"),
        )
    ),
]


@pytest.mark.parametrize("environment", [PRODUCTION, {**PRODUCTION, "proxy_hops": 1}, {}])
def test_no_client_makes_a_line_long_or_gets_many_of_them(
    make_app: MakeApp,
    capsys: pytest.CaptureFixture[str],
    environment: dict[str, Any],
    subtests: pytest.Subtests,
) -> None:
    app = with_view(make_app(**environment, access_log=True))
    app.config["PROPAGATE_EXCEPTIONS"] = False

    @app.get("/_test/crash")
    @public
    def crash() -> str:
        raise ValueError(str(request.headers))

    for sent in CHOSEN:
        with subtests.test(sent=sent):
            counters.init_app(app, audit.record_redis_error)
            # A client that keeps cookies would leave out the header of that name.
            asking = app.test_client(use_cookies=False)
            asking.open(**sent, environ_overrides={"REMOTE_ADDR": "192.0.2.7"})
            written = capsys.readouterr().err
            most = 6 * MAX_FIELD if sent["path"] == "/_test/crash" else 0
            assert len(written) < 1000 + most, written[:1000]
            assert len(re.findall("datetime", written)) <= 2, (
                f"an alarm and the access line: {written}"
            )


@pytest.mark.asvs("16.2.1", "16.2.2", "16.2.4")
def test_a_line_of_any_library_begins_with_the_time_in_utc(app: Flask, lines: Lines) -> None:
    logging.getLogger("some.library").error("%s is away", "it")
    [line] = lines()
    assert list(line)[:3] == ["datetime", "level", "event"]
    assert (line["logger"], line["level"], line["event"]) == ("some.library", "error", "it is away")
    assert line["datetime"].endswith("Z")
    age = datetime.now(UTC) - datetime.fromisoformat(line["datetime"])
    assert 0 <= age.total_seconds() < 60


@pytest.mark.asvs("16.2.3")
def test_a_line_is_written_once(make_app: MakeApp, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(3):
        make_app(**PRODUCTION, log_level="ERROR").logger.info("not here")
    app = Flask("shop")
    # Flask does this at the first use, unless the root logger has a handler.
    app.logger.addHandler(default_handler)
    protect(app, **PRODUCTION)
    app.logger.warning("here")
    structlog.get_logger("app.api").error("there")
    written = capsys.readouterr()
    counted = [written.err.count(each) for each in ("not here", '"here"', "there")]
    assert (written.out, counted) == ("", [0, 1, 1])


def test_a_stream_that_fails_stops_no_request(
    app: Flask, monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    for error in (OSError(28, "full"), BrokenPipeError(), ValueError("closed")):
        with subtests.test(error=error):
            monkeypatch.setattr(sys, "stderr", Mock(write=Mock(side_effect=error)))
            assert app.test_client().get("/_test/audited").status_code == 200, error


def test_a_line_of_gunicorn_quotes_nothing_of_a_request_that_failed(
    subtests: pytest.Subtests,
) -> None:
    lines: list[tuple[str, tuple[str, ...], str]] = [
        ("Error handling request %s %s", ("GET", f"/reset/{SECRET}"), "Error handling request"),
        ("Error handling request %s", (f"/?{SECRET}",), "Error handling request"),
        (f"Invalid request from ip=::1: {SECRET}", (), "Invalid request from ip="),
        ("Listening at: %s", ("http://[::1]:8000",), "Listening at: http://[::1]:8000"),
    ]
    for message, quoted, kept in lines:
        with subtests.test(message=message, quoted=quoted, kept=kept):
            record = logging.LogRecord(
                "gunicorn.error", logging.ERROR, "", 1, message, quoted, None
            )
            assert WithoutRequests().filter(record)
            assert record.getMessage() == kept


def test_a_client_makes_at_most_sixty_lines_of_gunicorn_a_minute(wait: Wait) -> None:
    requests = WithoutRequests(clock.now)

    def number_written(message: str) -> int:
        level = (logging.WARNING, "", 1)
        lines = [logging.LogRecord("gunicorn.error", *level, message, (), None) for _ in range(70)]
        return sum(map(requests.filter, lines))

    invalid = "Invalid request from ip=192.0.2.1: any"
    assert [number_written(invalid) for _ in range(2)] == [60, 0]
    assert number_written(invalid.replace(".1", ".2")) == 60
    assert number_written("Worker exiting") == 70
    wait(60)
    assert number_written(invalid) == 60


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The logger that an owner configures; it has its handlers and its level back afterwards."""
    logger = logging.getLogger()
    former = logger.level
    handlers = list(logger.handlers)
    yield logger
    logger.handlers[:] = handlers
    logger.setLevel(former)


def crash_and_be_audited(app: Flask) -> None:
    """One request crashes, and one is audited."""
    app.config["PROPAGATE_EXCEPTIONS"] = False

    @app.get("/_test/crash")
    @public
    def crash() -> str:
        raise ZeroDivisionError("by nothing")

    app.test_client().get("/_test/crash")
    app.test_client().get("/_test/audited")


def test_a_handler_of_the_owners_prints_tracebacks_as_text_beside_the_line_of_the_core(
    app: Flask, root: logging.Logger, lines: Lines
) -> None:
    stream = io.StringIO()
    owners = logging.StreamHandler(stream)
    owners.setFormatter(logging.Formatter("OWN %(levelname)s %(message)s"))
    # It comes first, so what it keeps in the record must not come into the line of the core.
    root.handlers.insert(0, owners)
    crash_and_be_audited(app)
    written = stream.getvalue()
    assert "exc_info" not in written
    assert written.count("Traceback (most recent call last):") == 1
    assert "\nZeroDivisionError: by nothing\n" in written
    crashed, audited = lines()
    assert crashed["exception"].endswith("ZeroDivisionError: by nothing")
    assert (crashed["event"], audited["event"]) == ("sys_crash", "authz_fail")


def test_dictconfig_as_the_page_shows_it_writes_the_lines_of_the_core_once(
    app: Flask, root: logging.Logger, lines: Lines
) -> None:
    page = Path(__file__).parents[3] / "docs" / "how-to" / "logs.md"
    examples = re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    [example] = [each for each in examples if "dictConfig" in each]
    exec(example)  # noqa: S102 - it is what a reader copies
    crash_and_be_audited(app)
    crashed, audited = lines()
    assert crashed["exception"].endswith("ZeroDivisionError: by nothing")
    assert (crashed["route"], audited["route"]) == ("/_test/crash", "/_test/audited")


class Refused(Exception):
    """As psycopg's, whose message has the detail too."""

    diag = SimpleNamespace(message_detail=f"Failing row contains (1, {SECRET}\n, null).")

    def __str__(self) -> str:
        return f"null value in a column\nDETAIL:  {self.diag.message_detail}"


@pytest.mark.parametrize("given", ["the error", "its tuple", "the present one", "a group"])
def test_no_line_holds_the_row_that_postgresql_refused(
    app: Flask, lines: Lines, given: str
) -> None:
    try:
        try:
            raise Refused
        except Refused as refused:
            raise RuntimeError(str(refused)) from refused
    except RuntimeError as error:
        group = ExceptionGroup("", [error, ValueError()])
        logged = {"the error": error, "its tuple": sys.exc_info(), "a group": group}
        structlog.get_logger("app").error("failed", exc_info=logged.get(given, True))
    [line] = lines()
    assert SECRET not in line["exception"]
    assert line["exception"].count("null value in a column\n") == 2


ACCESS = {
    *("datetime", "level", "event", "logger", "request_id", "request_method", "route", "status"),
    *("milliseconds", "bytes"),
}


@pytest.fixture
def watched(make_app: MakeApp) -> Flask:
    """An app with an access log, whose requests end in each way."""
    app = make_app(**PRODUCTION, access_log=True, log_level="WARNING")
    app.config["PROPAGATE_EXCEPTIONS"] = False  # a crash is answered, as in production

    @app.url_value_preprocessor
    def before_all_else(endpoint: str | None, values: dict[str, str] | None) -> None:
        if "soon" in request.args:
            abort(410)

    @app.before_request
    def early() -> Response | None:
        return Response("early", 418) if "early" in request.args else None

    @app.route("/_test/<kind>/<code>", methods=["GET", "POST"])
    @public
    def respond(kind: str, code: str) -> Response:
        if kind == "crash":
            raise RuntimeError(code)
        return Response(iter("123")) if kind == "stream" else Response("12345")

    return app


# A request, and the status and route in its line.
ROUTE = "/_test/<kind>/<code>"
ENDS = [
    ("GET", f"/_test/plain/{SECRET}", 200, ROUTE),
    ("HEAD", f"/_test/plain/{SECRET}?name={SECRET}", 200, ROUTE),
    ("GET", f"/_test/stream/{SECRET}", 200, ROUTE),
    ("POST", f"/_test/plain/{SECRET}", 403, ROUTE),
    ("GET", f"/_test/crash/{SECRET}", 500, ROUTE),
    ("GET", f"/_test/plain/{SECRET}?early=1", 418, ROUTE),
    ("GET", f"/_test/plain/{SECRET}?soon=1", 410, ROUTE),
    ("GET", f"/{SECRET}", 404, None),
    ("DELETE", f"/_test/plain/{SECRET}", 405, None),
    ("GET", routes.ME, 200, routes.ME),
]


@pytest.mark.asvs("16.2.1", "16.2.5")
def test_each_request_has_one_access_line_that_names_nobody(
    watched: Flask, lines: Lines, subtests: pytest.Subtests
) -> None:
    client = watched.test_client()
    log_in(client)
    lines()
    for method, path, status, route in ENDS:
        with subtests.test(method=method, path=path, status=status, route=route):
            headers = {"Origin": "null"} if method == "POST" else OWN_PAGE
            response = client.open(path, method=method, headers=headers)
            [line] = [line for line in lines() if line["logger"] == "secure_flask.access"]
            assert set(line) <= ACCESS
            seen = (line["request_method"], line["status"], line.get("route"))
            assert seen == (method, status, route)
            assert line["request_id"] == response.headers["X-Request-ID"]
            # A fast machine takes less than the 0.1 that the line can say.
            assert isinstance(line["milliseconds"], float)
            assert line["milliseconds"] >= 0
            assert SECRET not in str(line)
            assert USERNAME not in map(str, line.values())
    client.get(ENDS[0][1])
    assert lines()[-1]["bytes"] == 5


SENT = "7c9e6679-7425-40de-944b-e07fc1f90ae7"


def id_for(app: Flask, sent: str = "", path: str = "/_test/nowhere") -> str:
    return app.test_client().get(path, headers={"X-Request-ID": sent}).headers["X-Request-ID"]


@pytest.mark.asvs("16.2.1", "16.2.4")
def test_an_answer_and_its_lines_share_an_id_of_their_own(app: Flask, lines: Lines) -> None:
    app.before_request(lambda: app.logger.warning("on the way"))
    ids = [id_for(app, path=path) for path in ("/_test/audited", "/_test/audited", "/no")]
    assert len(set(ids)) == 3
    assert all(re.fullmatch("[0-9a-f]{32}", each) for each in ids)
    assert [line["request_id"] for line in lines()] == [ids[0], *ids[:2], *ids[1:]]


def test_only_a_trusted_proxy_sets_the_id_and_no_odd_one(make_app: MakeApp, app: Flask) -> None:
    behind_proxy = make_app(**PRODUCTION, proxy_hops=1)
    assert id_for(app, SENT) != SENT
    assert id_for(behind_proxy, SENT) == SENT
    odd = ("short", "x" * 15, "a" * 65, f"{SENT} ", f'{SENT[:-1]}"', "\u00e9" * 16)
    given = {sent: id_for(behind_proxy, sent) for sent in odd}
    assert [sent for sent in odd if not re.fullmatch("[0-9a-f]{32}", given[sent])] == []
