"""Finds keys for machines that nobody uses any more, and that a thief could still use.

Source: OWASP Secrets Management Cheat Sheet, "Expiration"; OWASP ASVS 13.3.4.
"""

from collections.abc import Iterator

from flask import Flask
from secure_flask.auth.logins import DAY
from secure_flask.checks import Finding, register_check
from secure_flask.clock import seconds_now
from secure_flask.database import db
from secure_flask.database.core_tables import has_core_tables
from secure_flask.keys.stored_keys import ApiKey
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

UNUSED = 90 * DAY
NAMED = 10  # keys that a finding names


@register_check("api-keys.unused", "warning")
def unused_keys(app: Flask) -> Iterator[Finding]:
    if not has_core_tables():
        return
    now = seconds_now()
    used = func.coalesce(ApiKey.last_used, ApiKey.created)
    unused = select(ApiKey.id).where(used <= now - UNUSED, ApiKey.expires > now)
    try:
        found = list(db.session.scalars(unused.order_by(ApiKey.id).limit(NAMED + 1)))
    except SQLAlchemyError:
        # Another check says what is wrong with the database.
        db.session.rollback()
        return
    if found:
        more = " and more" if len(found) > NAMED else ""
        yield Finding(
            f"These keys were not used for 90 days: {', '.join(found[:NAMED])}{more}.",
            hint="Ask their users, or end each: .venv/bin/flask key end ID",
        )
