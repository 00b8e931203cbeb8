"""What happens when an account is deleted: all that is stored about the user goes with it.

The address gets a last mail, so that nobody who took over a login deletes the account unnoticed.
Source: GDPR, article 17; OWASP ASVS 6.3.7, 7.4.2, 14.3.1.
"""

from typing import TypeVar

from blinker import Namespace
from flask import g
from sqlalchemy import delete, select
from werkzeug.wrappers import Response

from app.accounts import notices, pending
from app.accounts.leaving import owned_rows
from app.auth import logins, tokens
from app.auth.users import User
from app.db import db
from app.security import audit

RECENT = 5  # minutes: how old a login may be that deletes its account
USER_DELETED = audit.Event("user_deleted")

# Sent by the user while all rows are there, for files and other systems that know the user. A
# receiver that raises an exception keeps the account.
user_deleted = Namespace().signal("user-deleted")

AnyResponse = TypeVar("AnyResponse", bound=Response)


def delete_account(user: User) -> None:
    """Delete a user and all rows of that user, in one transaction.

    :raises ErrorResponse: 401, the login of this request has ended in the meantime.
    """
    # Locked first, as by each login, so that concurrent requests wait and none is in a deadlock.
    row = select(User.id).where(User.id == user.id).with_for_update()
    if db.session.scalar(row) is None:
        return
    if "grant" in g:
        logins.require(g.grant.family)
    user_deleted.send(user)
    notices.send(user, "account_deleted")
    owned_rows.remove(user)
    pending.end_without_user(user.email or "")
    # The database deletes logins, factors and pending steps with it, by ON DELETE CASCADE.
    db.session.execute(delete(User).where(User.id == user.id))
    db.session.commit()
    audit.record(USER_DELETED, account=user.name, user_id=user.id)


def forget_login(response: AnyResponse) -> AnyResponse:
    """Let the browser forget the login, which has ended with its user."""
    tokens.revoke(g.grant)
    # A layout that asks for g.user finds nobody on the page that follows.
    del g.user
    # Without "cookies", which would clear sibling sites' cookies; revoke() expires ours.
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response
