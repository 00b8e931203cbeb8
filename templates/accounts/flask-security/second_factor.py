"""The second factor: codes of an authenticator app, and recovery codes, as JSON.

A password that was guessed or stolen does not log in a user who has a second factor. Setting
it up, changing it or removing it needs a recent login, and ends all other logins.
Source: RFC 6238; OWASP ASVS 6.3.3, 6.4.3, 6.5.1 to 6.5.5, 7.4.3.
"""

from typing import Annotated, Any, Literal

from flask import Blueprint, Flask
from flask.typing import ResponseReturnValue
from flask_security import recovery_codes, tf_plugin, views
from pydantic import Field
from werkzeug.exceptions import Unauthorized

from app.accounts import pending
from app.accounts.factors import factor_setup, half_logins, library_views, second_factor_limits
from app.accounts.factors.factor_setup import RECENT
from app.accounts.factors.half_login_secret import AnyStep, SecondStep
from app.auth import access, tokens
from app.auth.access import public, recent_login
from app.security.responses import ResponseBody, responds
from app.security.validation import Body, EmptyBody, PlainText, validated

blueprint = Blueprint("second_factor", __name__)

WRONG = "Wrong code"

ShortText = Annotated[PlainText, Field(max_length=40)]


class Code(Body):
    code: ShortText


class SecondCode(SecondStep):
    code: ShortText


class Which(SecondStep):
    which: Literal["authenticator", "webauthn"]


class Setup(AnyStep):
    setup: Literal["authenticator", "disable"]


class RecoveryCodes(ResponseBody):
    recovery_codes: list[str]


@blueprint.post("/tf-validate")
@responds(tokens.Issued, 401, 429, 503)
@public
@access.credentials
@validated(SecondCode)
def validate(body: SecondCode) -> ResponseReturnValue:
    """Complete a login with a code of the authenticator app."""
    return complete(views.two_factor_token_validation, body)


@blueprint.post("/mf-recovery")
@responds(tokens.Issued, 401, 429, 503)
@public
@access.credentials
@validated(SecondCode)
def recover(body: SecondCode) -> ResponseReturnValue:
    """Complete a login with a recovery code, which is then used up."""
    return complete(recovery_codes.mf_recovery, body)


@blueprint.post("/tf-select")
@responds("application/json", 401, 503)
@public
@access.credentials
@validated(Which)
def select(body: Which) -> ResponseReturnValue:
    """Choose one of several second factors."""
    return library_views.call(tf_plugin.tf_select, body=body, half=half_logins.required(body))


@blueprint.post("/tf-setup")
@responds("application/json", 401, 503)
@public
@access.credentials
@validated(Setup)
def set_up(body: Setup) -> ResponseReturnValue:
    """Begin to set up an authenticator app, or remove it.

    For a user who logged in recently, or whose role demands a second factor at login.
    """
    return factor_setup.begin(body.setup, body)


@blueprint.post("/tf-setup/<string:state>")
@responds("application/json", 429)
@recent_login(minutes=RECENT)
@access.credentials
@validated(Code)
def finish(body: Code, state: str) -> ResponseReturnValue:
    """Finish the setup with a first code of the app."""
    return factor_setup.finish(state, body)


@blueprint.post("/mf-recovery-codes")
@responds(RecoveryCodes)
@recent_login(minutes=RECENT)
@validated(EmptyBody)
def renew_recovery_codes(body: EmptyBody) -> ResponseReturnValue:
    """Replace the recovery codes by new ones, which are shown only here."""
    return factor_setup.new_recovery_codes(body)


def complete(view: Any, body: SecondStep | None = None) -> dict[str, Any]:
    """Complete the half login of this request by the code that it carries.

    :raises ErrorResponse: 401, wrong code or no half login; 429, too many wrong codes.
    """
    half = half_logins.required(body)
    change = factor_setup.change_of(half)
    refused: Unauthorized | None = None
    guessable = view is not recovery_codes.mf_recovery
    with second_factor_limits.attempt(half, guessable=guessable) as attempt:
        try:
            issued = library_views.call(
                view, body=body, half=half, refused=(401, WRONG), change=change
            )
        except Unauthorized as error:
            # Another request may have completed the login, as a second click does.
            if not pending.count_failure(half):
                raise half_logins.ended() from None
            refused = error
        attempt.succeeded = refused is None
    if refused:
        raise refused
    return issued


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)
