"""Logins by passkey: as a first factor it replaces the password, as a second one it follows it.

`/wan-verify` proves again who is logged in, in place of the password.
Source: Web Authentication Level 3; OWASP ASVS 6.3.3, 6.5.7, 7.5.1.
"""

from typing import Any

from flask import Blueprint, Flask
from flask.typing import ResponseReturnValue
from flask_security import webauthn
from werkzeug.exceptions import Unauthorized

from app.accounts.factors import half_logins, library_views, passkey_challenges
from app.accounts.factors.half_login_secret import AnyStep
from app.accounts.factors.passkey_challenges import WRONG, Answer, Credential
from app.accounts.pending import PendingStep
from app.auth import access, throttle, tokens
from app.auth.access import login_required, public
from app.security import audit
from app.security.rate_limits import limited
from app.security.responses import responds
from app.security.validation import Body, EmptyBody, validated

# The library builds the address of `wan_signin` by this name.
blueprint = Blueprint("security", __name__)


class LoginAnswer(AnyStep):
    credential: Credential


@blueprint.post("/wan-signin")
@responds("application/json", 429, 503)
@limited("30 per minute")
@public
@validated(AnyStep)
def wan_signin(body: AnyStep) -> ResponseReturnValue:
    """Begin a login by passkey: options for `navigator.credentials.get`."""
    passkey_challenges.require_own_host()
    half = half_logins.current(body)
    return library_views.call(webauthn.webauthn_signin, body=body, half=half)


@blueprint.post("/wan-signin/<string:state>")
@responds(tokens.Issued, 401, 429, 503)
@public
@access.credentials
@validated(LoginAnswer)
def wan_signin_response(body: LoginAnswer, state: str) -> ResponseReturnValue:
    """Log in with the passkey that the browser used."""
    return _log_in(webauthn.webauthn_signin_response, state, body, half_logins.current(body))


@blueprint.post("/wan-verify")
@responds("application/json")
@login_required
@validated(EmptyBody)
def wan_verify(body: EmptyBody) -> ResponseReturnValue:
    """Begin to prove again who is logged in, by passkey instead of the password."""
    passkey_challenges.require_own_host()
    return library_views.call(webauthn.webauthn_verify, body=body)


@blueprint.post("/wan-verify/<string:state>")
@responds(tokens.Issued, 429)
@login_required
@access.credentials
@validated(Answer)
def wan_verify_response(body: Answer, state: str) -> ResponseReturnValue:
    """Replace the login by a recent one."""
    return _log_in(webauthn.webauthn_verify_response, state, body)


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)


def _log_in(view: Any, state: str, body: Body, half: PendingStep | None = None) -> dict[str, Any]:
    refused: Unauthorized | None = None
    with throttle.attempt("passkey") as attempt:
        try:
            answer = passkey_challenges.answer(view, state, body, (401, WRONG), half=half)
        except Unauthorized as error:
            refused = error
        attempt.succeeded = refused is None
    if refused:
        audit.record(audit.LOGIN_FAIL, reason="passkey")
        raise refused
    return answer
