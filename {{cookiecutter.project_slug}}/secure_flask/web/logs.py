"""The log: JSON, one line per event, times in UTC; an access line per request if asked for.

Values are escaped and truncated, which prevents log injection and bounds a line. A line names the
route, and no path or query, which may hold a secret. No traceback holds the row that PostgreSQL
refused. An access line holds no address and no user. A log stream that fails breaks no request.
Development writes key=value instead of JSON.

`X-Request-ID` connects a response to its lines. It is random: a client must not control what is
logged. The id of an incoming request is kept only if a trusted proxy sent it (`PROXY_HOPS`), which
must overwrite the header of a client.
Source: OWASP Logging Cheat Sheet; OWASP ASVS 16.2.1 to 16.2.5, 16.4.1.
"""

import logging
import os
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from time import perf_counter, time
from typing import Any, TextIO, cast
from uuid import UUID
from wsgiref.types import WSGIEnvironment

import structlog
from flask import Flask, Request, Response, has_request_context, request, request_started
from flask.logging import default_handler, wsgi_errors_stream
from secure_flask.state import State, StateKey, state_of
from secure_flask.web.audit import WARNING_RATE_LIMIT
from secure_flask.web.counters import Counters
from secure_flask.web.serving import serves_requests
from structlog.processors import JSONRenderer, KeyValueRenderer, TimeStamper, format_exc_info
from structlog.stdlib import (
    BoundLogger,
    LoggerFactory,
    ProcessorFormatter,
    add_log_level,
    add_logger_name,
)
from structlog.typing import EventDict

MAX_FIELD = 8000  # characters: a traceback has several thousand
MAX_CHOSEN = 64  # characters of a method or an address, which a client or a proxy may choose
FIRST = ("datetime", "level", "event")
ACCESS = "secure_flask.access"
REQUEST_ID = StateKey[str]("request id")
# When a request started, in seconds of `perf_counter`; only with an access log.
STARTED = StateKey[float]("started")
# The id of the user who sent a request, once the login was looked up.
USER_ID = StateKey[UUID]("user id")
# The id of the machine key that sent a request.
KEY_ID = StateKey[str]("key id")
_ID = re.compile(r"[0-9A-Za-z-]{16,64}")
# These lines of gunicorn go on with text that a client sent.
_QUOTING = re.compile("Invalid request[^:]*|Error handling request")

# gunicorn.conf.py uses this. `root` stays empty, since the app adds a handler there.
GUNICORN_LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "secure_flask.web.logs.LineFormatter", "production": True}},
    "filters": {"requests": {"()": "secure_flask.web.logs.WithoutRequests"}},
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": "json", "filters": ["requests"]}
    },
    "root": {"handlers": []},
    "loggers": {"gunicorn.error": {"handlers": ["stderr"], "level": "INFO", "propagate": False}},
}

_handler = logging.StreamHandler(cast(TextIO, wsgi_errors_stream))
_access_logger = logging.getLogger(ACCESS)
_key_value = KeyValueRenderer()


class AccessLine(dict[str, Any]):
    """The fields of an access line; None for a field that it does not have."""


class LineFormatter(ProcessorFormatter):
    """Writes a line as JSON, or as key=value.

    An access line skips the other steps, since each request may have one and no client chooses the
    length of its fields.
    """

    def __init__(self, *, production: bool) -> None:
        self._as_text = JSONRenderer() if production else _readable
        super().__init__(
            processors=[
                add_log_level,
                add_logger_name,
                TimeStamper(fmt="iso", key="datetime"),
                _add_traceback,
                ProcessorFormatter.remove_processors_meta,
                _add_request,
                _bound,
                self._as_text,
            ],
            keep_exc_info=True,
        )

    def format(self, record: logging.LogRecord) -> str:
        if not isinstance(record.msg, AccessLine):
            return super().format(record)
        time_utc = datetime.fromtimestamp(record.created, UTC).replace(tzinfo=None)
        line = {"datetime": f"{time_utc.isoformat()}Z", "level": "info", "event": "request"}
        line |= {name: value for name, value in record.msg.items() if value is not None}
        return str(self._as_text(None, "info", {**line, "logger": record.name}))


class WithoutRequests(logging.Filter):
    """Cuts off what gunicorn quotes: an invalid request, or the address of one that failed.

    Either may hold a part of a password or another secret. Such lines are counted as those of the
    audit log are, since anybody can send such requests. `clock` returns the seconds since 1970.
    """

    def __init__(self, clock: Callable[[], float] = time) -> None:
        super().__init__()
        self._counters = Counters(None, clock)

    def filter(self, record: logging.LogRecord) -> bool:
        quoting = _QUOTING.match(str(record.msg))
        if quoting is None:
            return True
        record.msg = quoting[0]
        record.args = ()
        return self._counters.add_locally(WARNING_RATE_LIMIT, record.msg).allowed


def request_id(state: State, environ: WSGIEnvironment) -> str:
    """The id of the request with this state and environment, created at the first call."""
    known = state.get(REQUEST_ID)
    if known is None:
        sent = environ.get("HTTP_X_REQUEST_ID", "")
        # ProxyFix sets this key, and hosts.py enables ProxyFix only for PROXY_HOPS.
        trusted = "werkzeug.proxy_fix.orig" in environ and _ID.fullmatch(sent)
        known = state[REQUEST_ID] = sent if trusted else os.urandom(16).hex()
    return known


def init_app(app: Flask) -> None:
    production = app.config["PRODUCTION"]
    structlog.configure(
        processors=[_wrap_for_formatter],
        wrapper_class=BoundLogger,
        logger_factory=LoggerFactory(),
    )
    _handler.setFormatter(LineFormatter(production=production))
    logging.getLogger().addHandler(_handler)
    # If a line cannot be written, Python would report this on the stream that has just failed.
    logging.raiseExceptions = not production
    # The development server colours its lines, and this format would escape the colours.
    logging.getLogger("werkzeug").propagate = False
    # Flask has added it where the app used its logger before. Its lines can be forged.
    app.logger.removeHandler(default_handler)
    for logger in (app.logger, logging.getLogger("secure_flask")):
        logger.setLevel(app.config["LOG_LEVEL"])
    # The test requests of `flask check --deploy` have no access lines.
    if app.config["ACCESS_LOG"] and serves_requests():
        # ACCESS_LOG asks for these lines, so a LOG_LEVEL of WARNING does not drop them.
        _access_logger.setLevel(logging.INFO)
        # A `before_request` function would miss a request that is refused before it.
        request_started.connect(_start, app)
        app.after_request(_write_access)


def _start(app: Flask, **extra: object) -> None:
    state_of(request)[STARTED] = perf_counter()


def _write_access(response: Response) -> Response:
    # The line holds no personal data: no address and no user.
    current = request._get_current_object()  # type: ignore[attr-defined]
    milliseconds = (perf_counter() - state_of(current)[STARTED]) * 1000
    line = AccessLine(
        **_fields_of(current),
        status=response.status_code,
        milliseconds=round(milliseconds, 1),
        bytes=response.content_length,
    )
    _access_logger.info(line)
    return response


def _wrap_for_formatter(logger: Any, method: str, line: EventDict) -> Any:
    """As structlog's, with the error in the record, from which each formatter prints it."""
    error = line.pop("exc_info", None)
    arguments, options = ProcessorFormatter.wrap_for_formatter(logger, method, line)
    return arguments, {**options, "exc_info": error}


def _add_traceback(logger: object, method: str, line: EventDict) -> EventDict:
    # This is a copy of the record. The formatter would add what stays there below the line.
    record: logging.LogRecord = line["_record"]
    error = record.exc_info[1] if record.exc_info else None
    record.exc_info = None
    record.exc_text = None
    line = format_exc_info(cast(Any, logger), method, {**line, "exc_info": error})
    for detail in _details_of(error):
        # Each line in the traceback of an exception group begins with a margin.
        quoted = r"\n[ |]*".join(map(re.escape, detail.split("\n")))
        line["exception"] = re.sub(quoted, "...", line["exception"])
    return line


def _details_of(error: BaseException | None) -> Iterator[str]:
    """The texts in which PostgreSQL quotes refused rows and keys, in an error and its causes.

    psycopg adds them to the message, so `hide_parameters` of SQLAlchemy does not hide them.
    """
    waiting = [error]
    seen = set[int]()
    while waiting:
        each = waiting.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        if detail := getattr(getattr(each, "diag", None), "message_detail", None):
            yield str(detail)
        waiting += [each.__cause__, each.__context__, *getattr(each, "exceptions", ())]


def _add_request(logger: object, method: str, line: EventDict) -> EventDict:
    if not has_request_context():
        return line
    who = {
        "source_ip": (request.remote_addr or "")[:MAX_CHOSEN] or None,
        "user_id": state_of(request).get(USER_ID),
    }
    return {**_fields_of(request), **who, **line}


def _fields_of(request: Request) -> dict[str, Any]:
    """What each line says of the request in which it is written."""
    state = state_of(request)
    return {
        "request_id": request_id(state, request.environ),
        "request_method": request.method[:MAX_CHOSEN],
        # The path is left out, since it may contain a secret.
        "route": request.url_rule and request.url_rule.rule,
        "key": state.get(KEY_ID),
    }


def _bound(logger: object, method: str, line: EventDict) -> EventDict:
    present = (name for name in (*FIRST, *line) if line[name] is not None)
    return {name: _cut(line[name]) for name in present}


def _cut(value: object) -> float | str:
    if isinstance(value, int | float):
        return value
    text = str(value)
    # Both ends of a traceback matter: the start names the view, the end the error.
    half = MAX_FIELD // 2
    return text if len(text) <= MAX_FIELD else f"{text[:half]} ... {text[-half:]}"


def _readable(logger: object, method: str, line: EventDict) -> str:
    """Key=value with Python's quoting. A traceback follows, indented so that it forges no line."""
    traceback = line.pop("exception", "").splitlines()
    shown = str(_key_value(None, method, line))
    return "\n    ".join([shown, *(repr(text)[1:-1] for text in traceback)])
