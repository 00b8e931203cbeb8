"""`POST /csp-reports`: what browsers blocked, counted in a table and logged.

Anybody may post here, so a report is a hint and never a fact: it is small, limited in
rate, cut down to a few words, and stored so that it can neither fill the database nor
keep it busy. `flask csp report` shows the table.
Source: W3C Content Security Policy Level 3, section 5; W3C Reporting API;
OWASP ASVS 3.4.7, 15.2.2.
"""

import json
from collections import Counter
from itertools import islice

from flask import Blueprint, Flask, Response, current_app, request
from limits import parse
from sqlalchemy.exc import SQLAlchemyError

from app.csp_reports import table
from app.csp_reports.formats import Violation, read
from app.security import audit
from app.security.bodies import read_body
from app.security.csrf import exempt
from app.security.errors import error_response
from app.security.rate_limiter import rate_limiter
from app.security.rate_limits import client_address, limited
from app.security.responses import consumes, responds

blueprint = Blueprint("reports", __name__)

MAX_BYTES = 16 * 1024
MAX_REPORTS = 20  # in one body; a browser queues a few
# From all addresses together: the database has better things to write.
MOST_STORED = parse("600 per minute")

# Lines in the log. The table counts what they leave out.
LINES_OF_ADDRESS, LINES_IN_ALL = parse("20 per minute"), parse("200 per minute")

_TYPES = ("application/csp-report", "application/reports+json", "application/json")


@blueprint.post("/csp-reports")
@consumes(*_TYPES)
@responds(None)
@exempt
@limited("60 per minute")
def receive() -> Response:
    request.max_content_length = MAX_BYTES
    if request.mimetype not in _TYPES:
        raise error_response(415, "Content-Type must be application/csp-report or reports+json")
    try:
        found = Counter(islice(read(json.loads(read_body())), MAX_REPORTS))
    except (ValueError, RecursionError):
        raise error_response(400, "Invalid request") from None
    for violation in found:
        if _may_be_logged():
            current_app.logger.warning("csp violation %s", json.dumps(violation._asdict()))
    if found and rate_limiter().local.hit(MOST_STORED, "csp-reports"):
        _store(found)
    return Response(status=204)


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)


def _may_be_logged() -> bool:
    # The address first: one that is over its limit takes no line of others.
    local = rate_limiter().local
    mine = local.hit(LINES_OF_ADDRESS, "csp-reports lines", client_address())
    return mine and local.hit(LINES_IN_ALL, "csp-reports lines")


def _store(found: Counter[Violation]) -> None:
    try:
        table.add(found)
    except SQLAlchemyError as error:
        # No browser sends it again, and the log has it: nothing to answer 503 for.
        audit.record(audit.CRASH, exc_info=error)
