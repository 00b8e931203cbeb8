"""What really goes out: the app is asked over https, and its headers held against policy.py.

A middleware or an extension can drop or change what `create_app` promised, and no look
at settings would show it. Source: OWASP ASVS 3.4.1 to 3.4.8, 16.5.1.
"""

from collections.abc import Callable, Iterable, Iterator
from logging import ERROR, WARNING
from typing import TYPE_CHECKING, NamedTuple

from flask import Flask
from werkzeug.test import Client, TestResponse

from app import assets
from app.checks.registry import check
from app.security import csp, framing, headers, hosts

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

# A page, JSON, an error and what no route knows; static files come to them.
PATHS = ["/", "/healthz", "/me", "/asked-by-flask-check"]
PROMISES = [headers.contribution, hosts.contribution, csp.contribution, framing.contribution]
# An asset's URL changes with its content, so that it is kept for long.
OWN_AFFAIR = {"Cache-Control"}


class Asked(NamedTuple):
    path: str
    answer: TestResponse
    promised: dict[str, str]


@check(
    "answers.crash",
    ERROR,
    "GET {} is answered with 500 or above.",
    "The log says why.",
    deploy=True,
)
def crashes(app: Flask) -> Iterable[str]:
    return [asked.path for asked in _ask(app) if asked.answer.status_code >= 500]


@check(
    "headers.missing",
    ERROR,
    "{} does not go out, though app/policy.py promises it.",
    "Look for a middleware or an extension that takes it away.",
    deploy=True,
)
def missing_headers(app: Flask) -> Iterable[str]:
    return _broken_promises(app, lambda name, sent, promised: not sent)


@check(
    "headers.changed",
    WARNING,
    "{} does not go out as app/policy.py promises.",
    "Look for a middleware, an extension or a view that sets it; @csp changes a view's policy.",
    deploy=True,
)
def changed_headers(app: Flask) -> Iterable[str]:
    return _broken_promises(app, _is_changed)


def _is_changed(name: str, sent: list[str], promised: str) -> bool:
    return bool(sent) and promised not in sent and name not in OWN_AFFAIR


def _broken_promises(app: Flask, broken: Callable[[str, list[str], str], bool]) -> Iterable[str]:
    """The headers whose promise is broken, each with the paths where it is."""
    paths: dict[str, list[str]] = {}
    for path, answer, promised in _ask(app):
        for name, value in promised.items():
            if broken(name, answer.headers.getlist(name), value):
                paths.setdefault(name, []).append(path)
    return [f"{name} of {', '.join(where)}" for name, where in paths.items()]


def _ask(app: Flask) -> Iterator[Asked]:
    environs: list[WSGIEnvironment] = []

    # What the app keeps there, a nonce and what a view replaced, is part of the promise.
    def recording(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        environs.append(environ)
        return app(environ, start)

    served = filter(None, (assets.find(file.name) for file in assets.STATIC.glob("*.*")))
    one_of_each_type = {file.suffix: f"/static/{file.name}" for file in served}
    site = f"https://{min(app.extensions['trusted_hosts'])}"
    for path in [*PATHS, *sorted(one_of_each_type.values())]:
        answer = Client(recording).get(path, base_url=site, buffered=True)
        yield Asked(path, answer, _promised(app, answer, environs[-1]))


def _promised(app: Flask, answer: TestResponse, environ: "WSGIEnvironment") -> dict[str, str]:
    kind = headers.kind_of(answer.status, answer.headers.get("Content-Type", ""))
    contributions = [promise(app.config) for promise in PROMISES]
    return {name: value for each in contributions for name, value in each(environ, kind)}
