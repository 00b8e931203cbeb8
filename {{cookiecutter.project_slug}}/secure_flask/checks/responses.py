"""Sends test requests to the app over https and compares the headers with policy.py.

A middleware or an extension can drop or change headers, which a check of the settings
cannot detect. Source: OWASP ASVS 3.4.1 to 3.4.8, 16.5.1.
"""

from collections.abc import Callable, Iterable, Iterator
from logging import ERROR, WARNING
from typing import TYPE_CHECKING, NamedTuple

from flask import Flask
from secure_flask import assets
from secure_flask.checks.registry import check
from secure_flask.web import csp, framing, headers, hosts
from secure_flask.web.finished_requests import unobserved
from werkzeug.test import Client, TestResponse

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

# A page, JSON, a 401 and an unknown path; `paths` adds static files.
PATHS = ["/", "/healthz", "/me", "/asked-by-flask-check"]
HEADER_PROVIDERS = [
    headers.header_provider,
    hosts.header_provider,
    csp.header_provider,
    framing.header_provider,
]
# Views may set these: static files allow caching, since their URL changes with their content.
MAY_DIFFER = {"Cache-Control"}


class Exchange(NamedTuple):
    path: str
    response: TestResponse
    expected: dict[str, str]


@check(
    "responses.server-error",
    ERROR,
    "GET {} returns a status of 500 or above.",
    "Read the log for the cause.",
    deploy=True,
)
def server_errors(app: Flask) -> Iterable[str]:
    return [each.path for each in _exchanges(app) if each.response.status_code >= 500]


@check(
    "headers.missing",
    ERROR,
    "{} is not sent, although app/policy.py sets it.",
    "Look for a middleware or an extension that removes it.",
    deploy=True,
)
def missing_headers(app: Flask) -> Iterable[str]:
    return _mismatches(app, lambda name, sent, expected: not sent)


@check(
    "headers.changed",
    WARNING,
    "{} is sent with a different value than app/policy.py sets.",
    "Look for a middleware, an extension or a view that sets it; @csp changes a view's policy.",
    deploy=True,
)
def changed_headers(app: Flask) -> Iterable[str]:
    return _mismatches(app, _is_changed)


def _is_changed(name: str, sent: list[str], expected: str) -> bool:
    return bool(sent) and expected not in sent and name not in MAY_DIFFER


def _mismatches(app: Flask, differs: Callable[[str, list[str], str], bool]) -> Iterable[str]:
    """The headers that differ from the policy, each with its paths."""
    paths: dict[str, list[str]] = {}
    for path, response, expected in _exchanges(app):
        for name, value in expected.items():
            if differs(name, response.headers.getlist(name), value):
                paths.setdefault(name, []).append(path)
    return [f"{name} of {', '.join(where)}" for name, where in paths.items()]


def paths() -> list[str]:
    """What the test requests ask for: PATHS, and one static file of each type."""
    served = filter(None, (assets.find(file.name) for file in assets.folder().glob("*.*")))
    one_of_each_type = {file.suffix: f"/static/{file.name}" for file in served}
    return [*PATHS, *sorted(one_of_each_type.values())]


def _exchanges(app: Flask) -> Iterator[Exchange]:
    environs: list[WSGIEnvironment] = []

    # The expected headers depend on the environ: it contains the nonce and the @csp overrides.
    def recording(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        environs.append(environ)
        return app(environ, start)

    site = f"https://{min(app.extensions['trusted_hosts'])}"
    for path in paths():
        # No client sent it, so the access log leaves it out.
        with unobserved(app):
            response = Client(recording).get(path, base_url=site, buffered=True)
        yield Exchange(path, response, _expected(app, response, environs[-1]))


def _expected(app: Flask, response: TestResponse, environ: "WSGIEnvironment") -> dict[str, str]:
    kind = headers.kind_of(response.status, response.headers.get("Content-Type", ""))
    providers = [make_provider(app.config) for make_provider in HEADER_PROVIDERS]
    return {name: value for each in providers for name, value in each(environ, kind)}
