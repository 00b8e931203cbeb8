"""`POST /csp-reports`: what browsers blocked, bounded and logged one line each.

Anybody may post here, so a report is a hint and never a fact: it is small, limited
in rate, cut down to a few fields and written so that it cannot forge a log line.
Source: W3C Content Security Policy Level 3, section 5; W3C Reporting API.
"""

import json
from collections.abc import Iterable
from typing import Any

from flask import Blueprint, Flask, Response, current_app, request

from app.security.answers import answers, takes
from app.security.csrf import exempt
from app.security.errors import refusal
from app.security.limits import limited
from app.security.validation import read_body

blueprint = Blueprint("reports", __name__)

MAX_BYTES = 16 * 1024
MAX_REPORTS = 20  # in one body; a browser queues a few
MAX_FIELD = 200  # characters

_TYPES = ("application/csp-report", "application/reports+json", "application/json")
# The Reporting API's names and those of report-uri.
_FIELDS = {
    "directive": ("effectiveDirective", "effective-directive", "violated-directive"),
    "blocked": ("blockedURL", "blocked-uri"),
    "page": ("documentURL", "document-uri"),
}


@blueprint.post("/csp-reports")
@takes(*_TYPES)
@answers(None)
@exempt
@limited("60 per minute")
def receive() -> Response:
    request.max_content_length = MAX_BYTES
    if request.mimetype not in _TYPES:
        return refusal(415, "Content-Type must be application/csp-report or reports+json")
    try:
        reports = list(_violations(json.loads(read_body())))
    except (ValueError, RecursionError):
        return refusal(400, "Invalid request")
    for report in reports[:MAX_REPORTS]:
        current_app.logger.warning("csp violation %s", json.dumps(report))
    return Response(status=204)


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)


def _violations(body: Any) -> Iterable[dict[str, str]]:
    for item in body if isinstance(body, list) else [body]:
        report = item.get("csp-report", item.get("body")) if isinstance(item, dict) else None
        if isinstance(report, dict):
            yield {field: _first(report, names) for field, names in _FIELDS.items()}


def _first(report: dict[str, Any], names: Iterable[str]) -> str:
    value = next((report[name] for name in names if isinstance(report.get(name), str)), "")
    # A query string may hold a token or a name.
    return value.partition("?")[0].partition("#")[0][:MAX_FIELD]
