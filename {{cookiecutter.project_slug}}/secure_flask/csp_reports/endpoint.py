"""`POST /csp-reports`: receives CSP reports, counts them in a table and logs them.

Anybody can post here, so a report may be forged. Size and rate are limited, reports are
reduced to a few fields, and they can neither fill the database nor overload it.
`flask csp report` shows the table.
Source: W3C Content Security Policy Level 3, section 5; W3C Reporting API;
OWASP ASVS 3.4.7, 15.2.2.
"""

import json
from collections import Counter
from itertools import islice

from flask import Blueprint, Flask, Response, current_app, request
from limits import parse
from secure_flask.auth.access import public
from secure_flask.csp_reports import table
from secure_flask.csp_reports.formats import Violation, read
from secure_flask.web import audit, strict_json
from secure_flask.web.bodies import read_body
from secure_flask.web.csrf import exempt
from secure_flask.web.errors import error_response
from secure_flask.web.rate_limiter import rate_limiter
from secure_flask.web.rate_limits import client_address, limited
from secure_flask.web.responses import consumes, responds
from sqlalchemy.exc import SQLAlchemyError

blueprint = Blueprint("reports", __name__)

MAX_BYTES = 16 * 1024
MAX_REPORTS = 20  # in one body; a browser sends a few together
# Bodies stored from all addresses together, so that reports cannot overload the database.
STORE_LIMIT = parse("600 per minute")

# Log lines from one address, and from all. The table counts the reports that are not logged.
LOG_LIMIT_PER_ADDRESS, LOG_LIMIT = parse("20 per minute"), parse("200 per minute")

_TYPES = ("application/csp-report", "application/reports+json", "application/json")


@blueprint.post("/csp-reports")
@consumes(*_TYPES)
@responds(None)
@public
@exempt
@limited("60 per minute")
def receive() -> Response:
    request.max_content_length = MAX_BYTES
    if request.mimetype not in _TYPES:
        raise error_response(415, "Content-Type must be application/csp-report or reports+json")
    try:
        found = Counter(islice(read(strict_json.loads(read_body())), MAX_REPORTS))
    except ValueError:
        raise error_response(400, "Invalid request") from None
    for violation in found:
        if _may_be_logged():
            current_app.logger.warning("csp violation %s", json.dumps(violation._asdict()))
    if found and rate_limiter().local.hit(STORE_LIMIT, "csp-reports"):
        _store(found)
    return Response(status=204)


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)


def _may_be_logged() -> bool:
    # The address first, so that an address over its limit does not use up the shared limit.
    local = rate_limiter().local
    allowed = local.hit(LOG_LIMIT_PER_ADDRESS, "csp-reports lines", client_address())
    return allowed and local.hit(LOG_LIMIT, "csp-reports lines")


def _store(found: Counter[Violation]) -> None:
    try:
        table.add(found)
    except SQLAlchemyError as error:
        # Not a 503: browsers do not retry reports, and the log contains the error.
        audit.record(audit.CRASH, exc_info=error)
