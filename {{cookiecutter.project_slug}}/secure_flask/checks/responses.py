"""Sends test requests to the app over https and compares the headers with the policy.

A middleware or an extension can drop or change headers, which a check of the settings
cannot detect. It also finds what visitors still see of the template: its start page and its
description. Source: OWASP ASVS 3.4.1 to 3.4.8, 16.5.1.
"""

from collections.abc import Iterable, Iterator
from wsgiref.types import StartResponse, WSGIEnvironment

from flask import Flask
from secure_flask import assets
from secure_flask.checks import Finding, register_check
from secure_flask.state import State, app_state, request_state
from secure_flask.web import csp, headers
from secure_flask.web.hosts import TRUSTED_HOSTS
from werkzeug.test import Client, TestResponse

# A page, JSON, a 401 and an unknown path; `_paths` adds static files.
PATHS = ["/", "/healthz", "/me", "/asked-by-flask-check"]
# The template's start page contains MARK, and the template suggests DESCRIPTION.
MARK = b'data-header="content-security-policy"'
DESCRIPTION = "A small web service that starts out secure."


@register_check("headers.different", "error", deploy=True)
def different_headers(app: Flask) -> Iterator[Finding]:
    paths: dict[str, list[str]] = {}
    for path, answer, expected in _exchanges(app):
        for name, value in expected.items():
            sent = answer.headers.getlist(name)
            # Static files allow caching, since their URL changes with their content.
            if value not in sent and not (sent and name == "Cache-Control"):
                paths.setdefault(name, []).append(path)
    for name, where in paths.items():
        yield Finding(
            f"{name} of {', '.join(where)} is missing, or not as the policy has it.",
            hint="Look for a middleware, an extension or a view that removes or sets it.",
        )


@register_check("responses.server-error", "error", deploy=True)
def server_errors(app: Flask) -> Iterator[Finding]:
    for path, answer, _ in _exchanges(app):
        if answer.status_code >= 500:
            yield Finding(f"GET {path} is answered {answer.status}.", hint="Read the log for why.")


@register_check("pages.starter", "warning", deploy=True)
def starter_pages(app: Flask) -> Iterator[Finding]:
    trusted = app_state(app)[TRUSTED_HOSTS]
    if MARK in Client(app).get("/", base_url=f"https://{min(trusted)}").data:
        yield Finding(
            "The start page is still that of the template: visitors read about its headers.",
            hint="Write your own into app/templates/index.html.",
        )
    if app.config["DESCRIPTION"] == DESCRIPTION:
        yield Finding(
            "DESCRIPTION is still that of the template: the start page and /openapi.json show it.",
            hint="In app/policy.py, say in one sentence what the service does.",
        )


def _paths() -> list[str]:
    """PATHS, and one static file of each type."""
    served = filter(
        None, (assets.find_asset(file.name) for file in assets.asset_folder().glob("*.*"))
    )
    one_of_each_type = {file.suffix: f"/static/{file.name}" for file in served}
    return [*PATHS, *sorted(one_of_each_type.values())]


def _exchanges(app: Flask) -> Iterator[tuple[str, TestResponse, dict[str, str]]]:
    """Each path, its response, and the headers that the policy has for it."""
    environs: list[WSGIEnvironment] = []

    # The expected headers depend on the state of the request: its nonce and its @csp.
    def recording(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        environs.append(environ)
        return app(environ, start)

    trusted = app_state(app)[TRUSTED_HOSTS]
    site = f"https://{min(trusted)}"
    for path in _paths():
        answer = Client(recording).get(path, base_url=site, buffered=True)
        kind = headers.kind_of(answer.status, answer.headers.get("Content-Type", ""))
        yield path, answer, _expected_headers(app, kind, request_state(environs[-1]))


def _expected_headers(app: Flask, kind: headers.Kind, state: State) -> dict[str, str]:
    override = csp.override_of(state)
    sent = headers.headers_of(app.config, kind, "https", override, csp.csp_overrides(app))
    return {name: value.replace("{nonce}", csp.nonce_of(state)) for name, value in sent}
