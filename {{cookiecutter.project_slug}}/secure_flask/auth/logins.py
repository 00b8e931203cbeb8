"""Starts, lists and ends logins. A login is a family of grants, of which one is live.

A user has at most MAX_LOGINS of each kind, so that no account grows without end.
Source: OWASP ASVS 7.1.2, 7.4.1 to 7.4.3.
"""

import secrets
import time

from flask import current_app
from secure_flask.auth import clients, users
from secure_flask.auth.grants import (
    Grant,
    alive,
    hash_secret,
    lifetime_of,
)
from secure_flask.auth.users import UserMixin
from secure_flask.database import db
from secure_flask.web import audit
from secure_flask.web.errors import error_response
from sqlalchemy import ColumnElement, delete, or_, select

# The most logins that one login ends: a statement takes only so many parameters. If an owner
# lowers MAX_LOGINS by more, the following logins end the rest.
MAX_ENDED = 100


def create(
    user: UserMixin,
    kind: str,
    secret: str,
    *,
    lifetime: int | None = None,
    kept: bool = False,
    shown: str = "",
    replaces: str = "",
) -> Grant:
    """Store the credential of a login for `lifetime` seconds, or as long as its kind lasts.

    The grant whose secret is `shown` ends, and so does the login whose family is `replaces`.
    Where the user then has more than MAX_LOGINS logins of this kind, the least recently used ones
    end too, at most MAX_ENDED of them.

    :raises ErrorResponse: 401, the login `replaces` has ended in the meantime, as by a logout.
    """
    # The caller's transaction has locked the user's row, so no concurrent login changes these.
    if replaces:
        require(replaces)
    replaced = or_(Grant.secret_hash == hash_secret(shown), Grant.family == replaces)
    now = int(time.time())
    grant = Grant(
        secret_hash=hash_secret(secret),
        user_id=user.id,
        family=secrets.token_hex(16),
        kind=kind,
        issued=now,
        last_used=now,
        expires=now + (lifetime or lifetime_of(kind)),
        kept=kept,
        client=clients.describe(),
    )
    db.session.add(grant)
    excess = _least_recently_used(user, Grant.kind == kind, ~replaced)
    _delete(or_(replaced, Grant.family.in_(excess)))
    db.session.commit()
    for family in excess:
        audit.record(
            audit.SESSION_EXPIRED, reason="too many logins", user_id=user.id, session=family
        )
    return grant


def require(family: str) -> None:
    """Check that a login still lives, in a transaction that has locked the user's row.

    A request is let in before its body is read, and a slow client sends that for many seconds. So
    what changes how a user logs in asks again.

    :raises ErrorResponse: 401, it has ended in the meantime, as by a logout or a new password.
    """
    found = select(Grant.id).where(Grant.family == family, *alive()).with_for_update()
    if db.session.scalars(found).first() is None:
        db.session.rollback()
        raise error_response(401, "Authentication required")


def all_of(user: UserMixin) -> list[Grant]:
    """The live grants of a user, one for each login, newest first."""
    mine = select(Grant).where(Grant.user_id == user.id, *alive())
    return list(db.session.scalars(mine.order_by(Grant.issued.desc(), Grant.id.desc())))


def end(family: str) -> None:
    """End a login by deleting all its grants."""
    _end(Grant.family == family)


def end_all(user: UserMixin, *, keep: str | None = None) -> None:
    """End all logins of a user, except the family `keep`."""
    users.lock(user.id)
    _end(Grant.user_id == user.id, Grant.family != (keep or ""))


def purge() -> int:
    """Delete expired grants; return their number."""
    expired = delete(Grant).where(Grant.expires <= int(time.time()))
    count: int = db.session.execute(expired).rowcount  # type: ignore[attr-defined]
    db.session.commit()
    return count


def _least_recently_used(user: UserMixin, *conditions: ColumnElement[bool]) -> list[str]:
    """The families of a user's live logins beyond MAX_LOGINS, as many as one statement ends."""
    mine = select(Grant.family).where(Grant.user_id == user.id, *conditions, *alive())
    families = mine.order_by(Grant.last_used.desc(), Grant.id.desc())
    excess = families.offset(current_app.config["MAX_LOGINS"]).limit(MAX_ENDED)
    return list(db.session.scalars(excess))


def _end(*conditions: ColumnElement[bool]) -> None:
    _delete(*conditions)
    db.session.commit()


def _delete(*conditions: ColumnElement[bool]) -> None:
    # A loop: during a concurrent refresh PostgreSQL waits for it and deletes the used grant,
    # but only the next statement sees the new one. The fixed order prevents a deadlock
    # between two requests that end the same login.
    rows = select(Grant.id).where(*conditions).order_by(Grant.id).with_for_update()
    while db.session.scalars(rows).first():
        db.session.execute(delete(Grant).where(*conditions))
