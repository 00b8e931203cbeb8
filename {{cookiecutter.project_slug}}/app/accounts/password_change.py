"""`POST /password`: changes the password of a user who knows the current one.

All other logins end, which locks out an attacker who had logged in. This client gets a
new credential. Source: OWASP ASVS 6.2.2, 6.2.3, 7.4.3.
"""

from typing import Annotated, Any

from blinker import Namespace
from flask import Blueprint, Flask, g
from flask.typing import ResponseReturnValue
from pydantic import Field

from app.auth import access, logins, password_rules, throttle, tokens, users
from app.auth.access import recent_login
from app.auth.passwords import MAX_LENGTH, hash_password, verify_password
from app.auth.users import User
from app.security import audit
from app.security.errors import error_response
from app.security.responses import responds
from app.security.validation import Body, PlainText, validated

blueprint = Blueprint("password_change", __name__)

# Sent by the user before the commit, for what else depends on a password.
password_changed = Namespace().signal("password-changed")

WRONG = "Wrong current password"


class PasswordChange(Body):
    current_password: Annotated[PlainText, Field(max_length=MAX_LENGTH)]
    new_password: Annotated[PlainText, Field(max_length=MAX_LENGTH)]


@blueprint.post("/password")
@responds(tokens.Issued, 429)
@recent_login
@access.credentials
@validated(PasswordChange)
def change(passwords: PasswordChange) -> ResponseReturnValue:
    return change_password(passwords.current_password, passwords.new_password)


def change_password(current_password: str, new_password: str, **options: Any) -> dict[str, Any]:
    """Change the user's password, end all logins and issue a new one.

    `options` are for `tokens.issue`.

    :raises ErrorResponse: 400, a bad new password; 401, the login has ended in the meantime; 403,
        a wrong current one; 429, too many failures; 503, too busy.
    """
    stored = g.user.password_hash
    with throttle.attempt("password", g.user.name) as attempt:
        attempt.succeeded = verify_password(stored, current_password)
        # Inside the attempt, so that the throttle also limits concurrent hashes of new passwords.
        new = _hash_new(new_password) if attempt.succeeded else None
    if new is None:
        audit.record(audit.PASSWORD_CHANGE_FAIL)
    if new is None or not users.replace_hash(g.user.name, stored, new):
        raise error_response(403, WRONG)
    logins.require(g.grant.family)
    password_changed.send(g.user)
    logins.end_all(g.user)
    audit.record(audit.PASSWORD_CHANGE)
    return tokens.issue(g.user, **options)


def set_password(user: User, password: str) -> None:
    """Store a new password and end all logins, in one transaction."""
    user.password_hash = hash_password(password)
    password_changed.send(user)
    logins.end_all(user)


def _hash_new(password: str) -> str:
    return password_rules.hash_new(password, g.user.name, g.user.email or "")


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)
