"""`POST /password`: a new password, for somebody who knows the old one.

Every other login ends, so a thief who got in is out again, and this client gets a new
credential. Source: OWASP ASVS 6.2.2, 6.2.3, 7.4.3.
"""

from typing import Annotated

from flask import Blueprint, Flask, g
from flask.typing import ResponseReturnValue
from pydantic import Field

from app.auth import grants, password_rules, throttle, tokens, users
from app.auth.access import login_required
from app.auth.passwords import MAX_LENGTH, hash_password, verify_password
from app.auth.users import User
from app.security import audit
from app.security.errors import error_response
from app.security.responses import responds
from app.security.validation import Body, PlainText, validated

blueprint = Blueprint("password_change", __name__)

WRONG = "Wrong current password"


class PasswordChange(Body):
    current_password: Annotated[PlainText, Field(max_length=MAX_LENGTH)]
    new_password: Annotated[PlainText, Field(max_length=MAX_LENGTH)]


@blueprint.post("/password")
@responds(tokens.Issued, 429)
@login_required
@validated(PasswordChange)
def change(passwords: PasswordChange) -> ResponseReturnValue:
    known = g.user.password_hash
    with throttle.attempt("password", g.user.name) as attempt:
        attempt.good = verify_password(known, passwords.current_password)
        # Within the attempt, so that hashes of new passwords take no places from others.
        new = _hash_new(passwords.new_password) if attempt.good else None
    if new is None:
        audit.record(audit.PASSWORD_CHANGE_FAIL)
    if new is None or not users.replace_hash(g.user.name, known, new):
        raise error_response(403, WRONG)
    grants.end_all(g.user)
    audit.record(audit.PASSWORD_CHANGE)
    return tokens.issue(g.user)


def set_password(user: User, password: str) -> None:
    """Store a new password and end all logins, both or neither."""
    user.password_hash = hash_password(password)
    grants.end_all(user)


def _hash_new(password: str) -> str:
    problem = password_rules.why_refused(password, g.user.name)
    if problem:
        raise error_response(400, problem)
    return hash_password(password)


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)
