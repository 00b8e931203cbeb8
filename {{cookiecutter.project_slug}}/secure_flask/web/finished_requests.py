"""Reports each request after its response was sent: route, status, duration and size.

It wraps the whole WSGI application, so it also sees errors, unknown paths and requests that a
`before_request` function answered. It passes on no path, query or address, and no method that
a client made up. Source: OWASP ASVS 16.2.1, 16.2.5.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

from flask import Flask
from secure_flask.web.headers import Header
from secure_flask.web.request_ids import request_id
from werkzeug.routing import Rule

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

NO_ROUTE, OTHER_METHOD = "(no route)", "(other)"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class FinishedRequest(NamedTuple):
    """A request whose response was sent, or whose client left."""

    request_id: str
    method: str
    route: str
    status: int
    seconds: float
    bytes_sent: int  # of the body


Observer = Callable[[FinishedRequest], None]


def register(app: Flask, observer: Observer) -> None:
    """Call `observer` for each request. The first call wraps all middleware that exists then."""
    if "finished_requests" not in app.extensions:
        observers = app.extensions["finished_requests"] = list[Observer]()
        app.wsgi_app = Measured(app.wsgi_app, observers)  # type: ignore[method-assign]
    app.extensions["finished_requests"].append(observer)


@contextmanager
def unobserved(app: Flask) -> Iterator[None]:
    """Report no request while this lasts. For a command that sends requests to its own app."""
    observers: list[Observer] = app.extensions.get("finished_requests", [])
    kept = observers.copy()
    observers.clear()
    try:
        yield
    finally:
        observers.extend(kept)


class Measured:
    """WSGI middleware that measures each response."""

    def __init__(self, wsgi_app: "WSGIApplication", observers: Iterable[Observer]) -> None:
        self.wsgi_app = wsgi_app
        self.observers = observers

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        response = _Response(environ, self.observers)

        def noted(status: str, headers: list[Header], exc_info: Any = None) -> Any:
            response.status, response.rule = int(status[:3]), _rule(environ)
            return start_response(status, headers, exc_info)

        try:
            response.body = self.wsgi_app(environ, noted)
        except BaseException:
            response.close()
            raise
        return response


class _Response:
    """A response body that counts its bytes. The server calls `close` at the end."""

    body: Iterable[bytes] = ()
    # Where the application raises before it answers, the server responds 500.
    status = 500
    rule: Rule | None = None

    def __init__(self, environ: "WSGIEnvironment", observers: Iterable[Observer]) -> None:
        self.environ, self.observers = environ, observers
        self.bytes_sent, self.started = 0, perf_counter()

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self.body:
            self.bytes_sent += len(chunk)
            yield chunk

    def close(self) -> None:
        try:
            if hasattr(self.body, "close"):
                self.body.close()
        finally:
            finished = self._finished()
            for observe in self.observers:
                observe(finished)

    def _finished(self) -> FinishedRequest:
        method = self.environ["REQUEST_METHOD"]
        return FinishedRequest(
            request_id=request_id(self.environ),
            method=method if self.rule or method in METHODS else OTHER_METHOD,
            route=self.rule.rule if self.rule else NO_ROUTE,
            status=self.status,
            seconds=perf_counter() - self.started,
            bytes_sent=self.bytes_sent,
        )


def _rule(environ: "WSGIEnvironment") -> Rule | None:
    # Flask's request, which is there until its context ends.
    rule: Rule | None = getattr(environ.get("werkzeug.request"), "url_rule", None)
    return rule
