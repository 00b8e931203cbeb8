"""The proxy passes on what the app answers, and nothing is public that is meant for operators.

Source: OWASP ASVS 13.4.1, 13.4.2, 13.4.5.
"""

import json
from collections.abc import Iterable
from contextlib import suppress
from http import HTTPStatus
from logging import ERROR, WARNING

from app.checks import responses
from app.checks.outside.check import outside_check
from app.checks.outside.site import Site

# Monitoring, the mail of a development, Werkzeug's debugger, and files that a proxy which serves
# the project's folder hands out.
PRIVATE = ["/metrics", "/dev/mailbox", "/console", "/.env", "/.git/HEAD"]


@outside_check(
    "outside.status",
    ERROR,
    "{} by the app itself.",
    "The proxy must pass on every path, Host and X-Forwarded-Proto. The cause may also be another "
    "version of the app, or a name that TRUSTED_HOSTS lacks.",
)
def other_status(site: Site) -> Iterable[str]:
    asked = [
        (path, site.get(path).status, site.own(path).status_code) for path in responses.paths()
    ]
    return [
        f"GET {path} is answered with {status}, and with {own}"
        for path, status, own in asked
        if status != own
    ]


@outside_check(
    "outside.private-path",
    ERROR,
    "Everybody can read {}.",
    "Serve /metrics on a port of its own or behind a token, run production without APP_ENV="
    "development, and let the proxy serve no folder (nginx: remove root and alias).",
)
def private_paths(site: Site) -> Iterable[str]:
    return [path for path in PRIVATE if site.get(path).status == HTTPStatus.OK]


@outside_check(
    "outside.not-ready",
    WARNING,
    "GET /readyz is answered with {}.",
    "Read the log: the database or Redis of the site cannot be reached.",
)
def not_ready(site: Site) -> Iterable[str]:
    answer = site.get("/readyz")
    with suppress(ValueError):
        if json.loads(answer.body) == {"status": "degraded"}:
            return ["degraded"]
    # A proxy may keep it from visitors: then nothing is known.
    return [str(answer.status)] if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR else []
