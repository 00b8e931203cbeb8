"""Log lines, as a collector or a developer reads them, whatever they hold."""

import logging
import sys
from datetime import UTC, datetime

import pytest
import structlog
from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import LOGIN, PRODUCTION, Lines, MakeApp

FORGED = (
    '"}\n{"event":"authn_login_success"}\r\x1b[2K\x1b[31mred\x00\x85\u2028\u2029\u202e\ud800\\n é'
)


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """Production: one line of JSON for each."""
    return make_app(**PRODUCTION)


class Broken:
    """A stream that nobody reads any more."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def write(self, text: str) -> int:
        raise self.error

    flush = close = lambda self: None


def fail(variable: str) -> None:
    """Log an error as a developer would, with what the client sent in a variable."""
    try:
        raise ValueError(f"refused {variable}")
    except ValueError:
        logging.getLogger("app").exception("failed: %s", variable)


@pytest.mark.asvs("16.4.1")
def test_no_value_begins_a_line(app: Flask, lines: Lines) -> None:
    app.logger.warning("got %s", FORGED)
    structlog.get_logger("app").warning("got", value=FORGED, other=[FORGED])
    fail(FORGED)
    message, value, failure = lines()
    assert message["event"] == f"got {FORGED}"
    assert value["value"] == FORGED
    assert failure["event"] == f"failed: {FORGED}"


@pytest.mark.asvs("16.4.1")
def test_a_terminal_that_shows_a_line_obeys_no_value(
    app: Flask, capsys: pytest.CaptureFixture[str]
) -> None:
    app.logger.warning("got %s", FORGED)
    line = capsys.readouterr().err.removesuffix("\n")
    assert line.isascii()
    assert line.isprintable()


def test_nor_in_development(make_app: MakeApp, capsys: pytest.CaptureFixture[str]) -> None:
    app = make_app()
    app.logger.warning("got %s", FORGED)
    structlog.get_logger("app").warning("got", value=FORGED)
    fail(FORGED)
    written = capsys.readouterr().err.splitlines()
    beginnings = [line for line in written if not line.startswith("    ")]
    assert len(beginnings) == 3
    assert all(line.startswith("datetime='2") for line in beginnings)
    assert all(line.isprintable() for line in written)


def test_development_reads_as_key_and_value_with_the_traceback_below(
    make_app: MakeApp, capsys: pytest.CaptureFixture[str]
) -> None:
    client = make_app().test_client()
    client.post("/login", json=LOGIN)
    fail("it")
    login, failure, *below = capsys.readouterr().err.splitlines()
    assert "level='info' event='authn_login_success'" in login
    assert "route='/login'" in login
    assert "level='error' event='failed: it'" in failure
    assert below[0] == "    Traceback (most recent call last):"
    assert below[-1] == "    ValueError: refused it"


def test_a_long_value_is_cut_and_keeps_both_ends(app: Flask, lines: Lines) -> None:
    app.logger.warning("begins %s ends", "\u2028" * 100_000)
    [line] = lines()
    assert len(line["event"]) < 8100
    assert line["event"].startswith("begins")
    assert line["event"].endswith("ends")


@pytest.mark.asvs("16.2.1", "16.2.2")
def test_the_time_is_utc_and_comes_first(app: Flask, lines: Lines) -> None:
    app.logger.warning("now")
    [line] = lines()
    assert list(line)[:3] == ["datetime", "level", "event"]
    assert line["datetime"].endswith("Z")
    age = datetime.now(UTC) - datetime.fromisoformat(line["datetime"])
    assert 0 <= age.total_seconds() < 60


@pytest.mark.asvs("16.2.4")
def test_a_library_writes_the_same_lines(app: Flask, lines: Lines) -> None:
    logging.getLogger("some.library").error("%s is away", "it")
    [line] = lines()
    assert (line["logger"], line["level"], line["event"]) == ("some.library", "error", "it is away")


@pytest.mark.parametrize(
    ("level", "events"),
    [
        ("DEBUG", ["debug", "info", "error"]),
        ("INFO", ["info", "error"]),
        ("ERROR", ["error"]),
    ],
)
def test_the_level_that_was_set_counts(
    make_app: MakeApp, lines: Lines, level: str, events: list[str]
) -> None:
    logger = make_app(**PRODUCTION, log_level=level).logger
    logger.debug("debug")
    logger.info("info")
    structlog.get_logger("app.api").error("error")
    assert [line["event"] for line in lines()] == events


def test_a_line_is_written_once_however_many_apps_there_are(
    make_app: MakeApp, lines: Lines
) -> None:
    for _ in range(3):
        make_app(**PRODUCTION)
    logging.getLogger("app").warning("once")
    assert len(lines()) == 1


@pytest.mark.parametrize(
    "error", [OSError(28, "full"), BrokenPipeError(), ValueError("closed")], ids=repr
)
def test_a_stream_that_fails_stops_no_request(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(sys, "stderr", Broken(error))
    assert client.post("/login", json=LOGIN).status_code == 200
    assert client.post("/login", json={**LOGIN, "password": "wrong"}).status_code == 401


@pytest.mark.asvs("16.2.3")
def test_lines_go_to_standard_error_alone(app: Flask, capsys: pytest.CaptureFixture[str]) -> None:
    app.logger.warning("here")
    written = capsys.readouterr()
    assert (written.out, written.err.count("here")) == ("", 1)
    handlers = {*logging.getLogger().handlers, *logging.getLogger("app").handlers}
    # pytest listens too.
    ours = [each for each in handlers if not type(each).__module__.startswith("_pytest")]
    assert len(ours) == 1


def test_a_request_that_no_route_serves_has_its_line(app: Flask, lines: Lines) -> None:
    app.test_client().post("/nowhere", headers={"Origin": "https://evil.example"})
    [line] = lines()
    assert (line["event"], "route" in line) == ("authz_fail", False)
