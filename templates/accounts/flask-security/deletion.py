"""`DELETE /me`: users delete their account, with all that is stored about them.

It needs a recent login, and the address gets a last mail, so that nobody who took over a login
deletes the account unnoticed. Source: GDPR, article 17; OWASP ASVS 6.3.7, 7.4.2, 7.5.1, 14.3.1.
"""

from typing import TypeVar

from blinker import Namespace
from flask import Blueprint, Flask, Response, g
from flask.typing import ResponseReturnValue
from sqlalchemy import delete
from werkzeug.wrappers import Response as BaseResponse

from app.accounts import notices, owned_rows
from app.auth import tokens
from app.auth.access import recent_login
from app.auth.users import User
from app.db import db
from app.security import audit
from app.security.responses import responds

blueprint = Blueprint("deletion", __name__)

RECENT = 5  # minutes
USER_DELETED = audit.Event("user_deleted")

# Sent by the user while all rows are there, for files and other systems that know the user. A
# receiver that raises an exception keeps the account.
user_deleted = Namespace().signal("user-deleted")

AnyResponse = TypeVar("AnyResponse", bound=BaseResponse)


@blueprint.delete("/me")
@responds(None)
@recent_login(minutes=RECENT)
def delete_own() -> ResponseReturnValue:
    delete_account(g.user)
    return forget_login(Response(status=204))


def delete_account(user: User) -> None:
    """Delete a user and all rows of that user, in one transaction."""
    user_deleted.send(user)
    notices.send(user, "account_deleted")
    owned_rows.remove(user)
    # The database deletes logins, factors and pending steps with it, by ON DELETE CASCADE.
    db.session.execute(delete(User).where(User.id == user.id))
    db.session.commit()
    audit.record(USER_DELETED, account=user.name, user_id=user.id)


def forget_login(response: AnyResponse) -> AnyResponse:
    """Let the browser forget the login, which has ended with its user."""
    tokens.revoke(g.grant)
    # Without "cookies", which would clear sibling sites' cookies; revoke() expires ours.
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)
