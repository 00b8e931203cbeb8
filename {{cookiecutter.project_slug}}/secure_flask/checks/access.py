"""Finds public writes without a limit, and settings of access and forms that do not work.

`flask access` shows who may call each route. Source: OWASP ASVS 2.4.1, 8.1.1.
"""

from collections.abc import Iterable
from logging import ERROR, WARNING

from flask import Flask
from secure_flask.auth import route_table
from secure_flask.checks.registry import check
from secure_flask.programs import FLASK
from secure_flask.web.csrf import SAFE_METHODS
from secure_flask.web.view_options import FORM_TYPES


@check(
    "access.unlimited-write",
    WARNING,
    "{} is public, and one address may send it as many requests as it likes.",
    'Write @limited("10 per minute") at the view, from secure_flask.web.rate_limits, or set RATE_LIMIT.',
)
def unlimited_writes(app: Flask) -> Iterable[str]:
    writes = (row for row in route_table.rows(app) if row.method not in SAFE_METHODS)
    open_to_all = [row for row in writes if row.who == route_table.EVERYBODY and not row.limits]
    return [] if app.config["RATE_LIMIT"] else [f"{row.method} {row.route}" for row in open_to_all]


@check(
    "access.unknown-endpoint",
    WARNING,
    "PUBLIC_ENDPOINTS opens {}, and no route has this endpoint.",
    f"Remove it from app/policy.py, or correct it: `{FLASK} access --format json` lists endpoints.",
)
def unknown_endpoints(app: Flask) -> Iterable[str]:
    endpoints = {rule.endpoint for rule in app.url_map.iter_rules()}
    return sorted(app.config["PUBLIC_ENDPOINTS"].keys() - endpoints)


@check(
    "forms.no-referrer",
    ERROR,
    "Pages have Referrer-Policy: no-referrer, so browsers send the forms of {} with Origin: null, "
    "and each is refused.",
    "Set strict-origin-when-cross-origin in PAGE_HEADERS in app/policy.py.",
)
def forms_without_origin(app: Flask) -> Iterable[str]:
    rows = route_table.rows(app)
    with_forms = {row.route for row in rows if not set(row.bodies).isdisjoint(FORM_TYPES)}
    found = with_forms and _referrer_policy(app) == "no-referrer"
    return [", ".join(sorted(with_forms))] if found else []


def _referrer_policy(app: Flask) -> str:
    """The policy of pages: of several that are sent, browsers follow the last."""
    sent = [*app.config["HEADERS"].items(), *app.config["PAGE_HEADERS"].items()]
    policies = [value for name, value in sent if name.lower() == "referrer-policy"]
    return ",".join(policies).rpartition(",")[2].strip().lower()
