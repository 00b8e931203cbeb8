"""`POST /csp-reports`: receives reports of blocked content and connections, and counts them.

Anybody can post here, so a report may be forged. Size and rate are limited, reports are
reduced to a few fields, and they can neither fill the database nor overload it. The audit log has
a line for each new violation; the table counts repeated ones.
Source: W3C Content Security Policy Level 3, section 5; W3C Reporting API;
OWASP ASVS 3.4.7, 15.2.2.
"""

from collections import Counter
from itertools import islice

from flask import Blueprint, Flask, Response, current_app, request
from limits import parse
from secure_flask.auth.access import public
from secure_flask.csp_reports.violations import (
    Violation,
    add_violations,
    has_table,
    read_violations,
)
from secure_flask.web import audit, strict_json
from secure_flask.web.counters import counters
from secure_flask.web.csrf import csrf_exempt
from secure_flask.web.errors import error_response, plain_error
from secure_flask.web.rate_limits import limited
from secure_flask.web.responses import consumes, responds
from sqlalchemy.exc import OperationalError, ProgrammingError

blueprint = Blueprint("secure_flask_csp_reports", __name__)

MAX_REPORTS = 20  # in one body; a browser sends a few together
# This limits the bodies of all addresses together, so that they cannot overload the database.
STORE_LIMIT = parse("600 per minute")

TABLE_WARNING_LIMIT = parse("1 per day")
_TYPES = ("application/csp-report", "application/reports+json", "application/json")


@blueprint.post("/csp-reports")
@consumes(*_TYPES, max_size=16 * 1024)
@responds(None)
@public
@csrf_exempt
@limited("60 per minute")
def receive() -> Response:
    """Receive the reports of browsers about what the policy blocked."""
    if request.mimetype not in _TYPES:
        raise error_response(415, "Content-Type must be application/csp-report or reports+json")
    try:
        found = Counter(islice(read_violations(strict_json.loads(request.get_data())), MAX_REPORTS))
    except ValueError:
        raise plain_error(400) from None
    if found and counters().add_locally(STORE_LIMIT, "csp-reports").allowed:
        _store(found)
    return Response(status=204)


def _store(found: Counter[Violation]) -> None:
    try:
        for violation in add_violations(found):
            audit.record(audit.CSP_VIOLATION, **violation._asdict())
    except (OperationalError, ProgrammingError):
        if has_table():
            raise
        # The browser gets no error, since it cannot help if the table is missing.
        if counters().add_locally(TABLE_WARNING_LIMIT, "csp-reports-table").allowed:
            current_app.logger.warning(
                "CSP reports are not stored: the table csp_violations is missing. "
                "Run `.venv/bin/flask db upgrade`."
            )


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)
