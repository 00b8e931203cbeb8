"""Log lines, as a collector or a developer reads them, whatever they hold."""

import logging
import logging.config
import sys
from datetime import UTC, datetime
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
import structlog
from flask import Flask
from secure_flask.auth.access import public
from secure_flask.web import audit
from secure_flask.web.logs import GUNICORN_LOGGING

from core.conftest import PRODUCTION, Lines, MakeApp

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


def test_a_line_of_any_library_begins_with_the_time_in_utc(app: Flask, lines: Lines) -> None:
    logging.getLogger("some.library").error("%s is away", "it")
    [line] = lines()
    assert list(line)[:3] == ["datetime", "level", "event"]
    assert (line["logger"], line["level"], line["event"]) == ("some.library", "error", "it is away")
    assert line["datetime"].endswith("Z")
    age = datetime.now(UTC) - datetime.fromisoformat(line["datetime"])
    assert 0 <= age.total_seconds() < 60


def test_the_level_that_was_set_counts(make_app: MakeApp, lines: Lines) -> None:
    for level, events in (
        ("DEBUG", ["debug", "info", "error"]),
        ("INFO", ["info", "error"]),
        ("ERROR", ["error"]),
    ):
        logger = make_app(**PRODUCTION, log_level=level).logger
        logger.debug("debug")
        logger.info("info")
        structlog.get_logger("app.api").error("error")
        assert [line["event"] for line in lines()] == events


def test_a_line_is_written_once(make_app: MakeApp, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(3):
        make_app(**PRODUCTION)
    logging.getLogger("app").warning("here")
    written = capsys.readouterr()
    assert (written.out, written.err.count("here")) == ("", 1)
    handlers = {*logging.getLogger().handlers, *logging.getLogger("app").handlers}
    # pytest listens too.
    ours = [each for each in handlers if not type(each).__module__.startswith("_pytest")]
    assert len(ours) == 1


def test_a_stream_that_fails_stops_no_request(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    for error in (OSError(28, "full"), BrokenPipeError(), ValueError("closed")):
        monkeypatch.setattr(sys, "stderr", Mock(write=Mock(side_effect=error)))
        assert app.test_client().get("/_test/audited").status_code == 200


def test_a_line_of_gunicorn_quotes_nothing_of_an_invalid_request(lines: Lines) -> None:
    base = pytest.importorskip("gunicorn.workers.base")
    logger = logging.getLogger("gunicorn.error")
    kept = logger.handlers, logger.level, logger.propagate
    # As gunicorn sets it up, but for the root, whose handlers are those of pytest.
    logging.config.dictConfig({**GUNICORN_LOGGING, "root": {}})
    try:
        for address in ("192.0.2.1", "2001:db8::1"):
            base.Worker.handle_error(
                SimpleNamespace(log=logger),
                *(None, Mock(), (address, 1), base.InvalidRequestLine(f"{SECRET}: {SECRET}")),
            )
        logger.info("Listening at: %s", "http://127.0.0.1:8000")
    finally:
        logger.handlers, logger.level, logger.propagate = kept
    *refused, listening = lines()
    assert listening["event"] == "Listening at: http://127.0.0.1:8000"
    assert [line["event"][:26] for line in refused] == [
        "Invalid request from ip=19",
        "Invalid request from ip=20",
    ]
    assert SECRET not in str(refused)
