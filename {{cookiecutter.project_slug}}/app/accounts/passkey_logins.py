"""`/wan-signin`, `/wan-second`, `/wan-verify`: passkeys log in, by JSON from passkeys.js.

Source: Web Authentication Level 3; OWASP ASVS 6.5.6, 6.7.1, 7.5.1.
"""

from flask.typing import ResponseReturnValue
from secure_flask import (
    Body,
    LoginResponse,
    PlainText,
    accounts,
    limited,
    login_required,
    public,
    responds,
    takes_credentials,
    validated,
)

from app.accounts.passkeys import Challenge, Credential
from app.accounts.routes import blueprint
from app.current_user import current_user


class HalfLogin(Body):
    tf_token: PlainText | None = None


class Answer(Body):
    """`tf_token` is for the second step of a login.

    `keep` and `cookie` are for a login by passkey alone. A page sends `cookie`, and then gets the
    cookie whatever TOKEN_TYPE is.
    """

    credential: Credential
    keep: bool = False
    cookie: bool = False
    tf_token: PlainText | None = None


@blueprint.post("/wan-signin")
@responds(Challenge, 401, 429)
# The name field of the login asks for a challenge. All visitors of an office share an address.
@limited("120 per minute")
@public
@validated(Body)
def begin_login(body: Body) -> ResponseReturnValue:
    """Begin a login by a passkey."""
    return accounts.begin_passkey_login()


@blueprint.post("/wan-signin/<string:state>")
@responds(LoginResponse, 401, 429, 503)
@limited("30 per minute")
@public
@takes_credentials
@validated(Answer)
def log_in_by_passkey(body: Answer, state: str) -> ResponseReturnValue:
    """Log in by a passkey."""
    return accounts.log_in_by_passkey(state, body.credential, keep=body.keep, cookie=body.cookie)


@blueprint.post("/wan-second")
@responds(Challenge, 401, 429)
@limited("30 per minute")
@public
@takes_credentials
@validated(HalfLogin)
def begin_second_step(body: HalfLogin) -> ResponseReturnValue:
    """Begin the second step of a login by a passkey."""
    return accounts.begin_passkey_second_factor(body.tf_token)


@blueprint.post("/wan-second/<string:state>")
@responds(LoginResponse, 401, 429, 503)
@limited("30 per minute")
@public
@takes_credentials
@validated(Answer)
def second_step(body: Answer, state: str) -> ResponseReturnValue:
    """Finish a login by a passkey."""
    return accounts.complete_login_by_passkey(state, body.credential, body.tf_token)


@blueprint.post("/wan-verify")
@responds(Challenge)
@limited("30 per minute")
@login_required
@validated(Body)
def begin_reauthentication(body: Body) -> ResponseReturnValue:
    """Begin to show a passkey again."""
    return accounts.begin_passkey_login(current_user)


@blueprint.post("/wan-verify/<string:state>")
@responds(LoginResponse, 401, 429)
@limited("30 per minute")
@login_required
@takes_credentials
@validated(Answer)
def reauthenticate_by_passkey(body: Answer, state: str) -> ResponseReturnValue:
    """Show a passkey again, for views that ask for a recent login."""
    return accounts.reauthenticate_by_passkey(state, body.credential)
