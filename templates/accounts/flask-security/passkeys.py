"""Passkeys: logins by a key that never leaves the user's device, as JSON.

A passkey works only at this site, so a copy of the site gets nothing. As a first factor it
replaces the password; as a second one it follows it. Adding and deleting one needs a recent
login. Source: Web Authentication Level 3; OWASP ASVS 6.3.3, 6.5.7, 6.7.1, 6.7.2.
"""

from datetime import UTC
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from flask import Blueprint, Flask, g, request
from flask.typing import ResponseReturnValue
from flask_security import webauthn
from pydantic import Field
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from werkzeug.exceptions import HTTPException, Unauthorized

from app.accounts import pending, public_urls
from app.accounts.factors import half_logins, library_views
from app.accounts.factors.half_login_secret import AnyStep
from app.accounts.pending import PendingStep
from app.auth import access, throttle, tokens
from app.auth.access import login_required, public, recent_login
from app.auth.factors import MAX_NAME
from app.security import audit
from app.security.errors import error_response
from app.security.rate_limits import limited
from app.security.responses import ResponseBody, responds
from app.security.validation import Body, EmptyBody, PlainText, validated

# The library builds addresses of these views by this name.
blueprint = Blueprint("security", __name__)

RECENT = 5  # minutes
MAX_CREDENTIAL = 16 * 1024  # characters
CEREMONY = 5 * 60  # seconds, the longest that a challenge may be answered
WRONG = "Unknown or invalid passkey"


class Registration(Body):
    name: Annotated[PlainText, Field(max_length=MAX_NAME)]
    usage: Literal["first", "secondary"] = "first"


class Name(Body):
    name: Annotated[PlainText, Field(max_length=MAX_NAME)]


class Attestation(Body):
    credential: Annotated[PlainText, Field(max_length=MAX_CREDENTIAL)]


class Assertion(AnyStep):
    credential: Annotated[PlainText, Field(max_length=MAX_CREDENTIAL)]


class PasskeyShown(ResponseBody):
    name: str
    usage: str
    last_used: int  # seconds since 1970


class Passkeys(ResponseBody):
    passkeys: list[PasskeyShown]


@blueprint.get("/passkeys")
@responds(Passkeys)
@login_required
def show() -> ResponseReturnValue:
    return {"passkeys": list_own()}


@blueprint.post("/wan-register")
@responds("application/json")
@recent_login(minutes=RECENT)
@validated(Registration)
def wan_register(body: Registration) -> ResponseReturnValue:
    """Begin to add a passkey: options for `navigator.credentials.create`."""
    _require_own_host()
    return library_views.call(webauthn.webauthn_register, body=body)


@blueprint.post("/wan-register/<string:state>")
@responds("application/json", 409)
@recent_login(minutes=RECENT)
@access.credentials
@validated(Attestation)
def wan_register_response(body: Attestation, state: str) -> ResponseReturnValue:
    """Add the passkey that the browser created."""
    return _answer_challenge(
        webauthn.webauthn_register_response,
        state,
        body,
        refused=(400, WRONG),
        change="A passkey was added",
    )


@blueprint.post("/wan-delete")
@responds("application/json", 404)
@recent_login(minutes=RECENT)
@validated(Name)
def wan_delete(body: Name) -> ResponseReturnValue:
    """Delete a passkey by its name."""
    return delete(body)


@blueprint.post("/wan-signin")
@responds("application/json", 429, 503)
@limited("30 per minute")
@public
@validated(AnyStep)
def wan_signin(body: AnyStep) -> ResponseReturnValue:
    """Begin a login by passkey: options for `navigator.credentials.get`."""
    _require_own_host()
    half = half_logins.current(body)
    return library_views.call(webauthn.webauthn_signin, body=body, half=half)


@blueprint.post("/wan-signin/<string:state>")
@responds(tokens.Issued, 401, 429, 503)
@public
@access.credentials
@validated(Assertion)
def wan_signin_response(body: Assertion, state: str) -> ResponseReturnValue:
    """Log in with the passkey that the browser used."""
    return _log_in(webauthn.webauthn_signin_response, state, body, half_logins.current(body))


@blueprint.post("/wan-verify")
@responds("application/json")
@login_required
@validated(EmptyBody)
def wan_verify(body: EmptyBody) -> ResponseReturnValue:
    """Begin to prove again who is logged in, by passkey instead of the password."""
    _require_own_host()
    return library_views.call(webauthn.webauthn_verify, body=body)


@blueprint.post("/wan-verify/<string:state>")
@responds(tokens.Issued, 429)
@login_required
@access.credentials
@validated(Attestation)
def wan_verify_response(body: Attestation, state: str) -> ResponseReturnValue:
    """Replace the login by a recent one."""
    return _log_in(webauthn.webauthn_verify_response, state, body)


def list_own() -> list[dict[str, Any]]:
    """The passkeys of the user."""
    return [
        {
            "name": passkey.name,
            "usage": passkey.usage,
            "last_used": int(passkey.lastuse_datetime.replace(tzinfo=UTC).timestamp()),
        }
        for passkey in g.user.webauthn
    ]


def delete(body: Name | None = None) -> dict[str, Any]:
    """Delete the passkey that this request names.

    :raises ErrorResponse: 404, there is none of this name.
    """
    refused = (404, "Not Found")
    change = "A passkey was deleted"
    return library_views.call(webauthn.webauthn_delete, body=body, refused=refused, change=change)


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)


def _log_in(view: Any, state: str, body: Body, half: PendingStep | None = None) -> dict[str, Any]:
    refused: Unauthorized | None = None
    with throttle.attempt("passkey") as attempt:
        try:
            answer = _answer_challenge(view, state, body, (401, WRONG), half=half)
        except Unauthorized as error:
            refused = error
        attempt.succeeded = refused is None
    if refused:
        audit.record(audit.LOGIN_FAIL, reason="passkey")
        raise refused
    return answer


def _answer_challenge(
    view: Any, state: str, body: Body, refused: tuple[int, str], **options: Any
) -> dict[str, Any]:
    """Let the library check the answer to a challenge, which may be answered once.

    :raises ErrorResponse: `refused`, for an answer that is wrong, late or given before; 409, a
        passkey of this name was added at the same moment.
    """
    _require_own_host()
    if not pending.use_once(state, CEREMONY):
        raise error_response(*refused)
    try:
        return library_views.call(view, state, body=body, refused=refused, **options)
    except IntegrityError:
        raise error_response(409, "There is a passkey of this name already") from None
    except (HTTPException, SQLAlchemyError):
        raise
    except Exception as error:
        # A forged structure raises nearly anything inside the parsers of the library.
        audit.record(audit.LOGIN_FAIL, reason=type(error).__name__)
        raise error_response(*refused) from None


def _require_own_host() -> None:
    """Refuse another name of this site: the library takes the id of passkeys from the Host."""
    own = public_urls.origin()
    if request.host.partition(":")[0] != urlsplit(own).hostname:
        raise error_response(400, f"Passkeys work at {own} alone")
