"""The user's own passkeys: keys that never leave the device, added and deleted by JSON.

A passkey works only at this site, so a copy of the site gets nothing; passkey_logins.py lets it
log in. Adding and deleting one needs a recent login.
Source: Web Authentication Level 3; OWASP ASVS 6.5.6, 6.7.1, 7.5.1.
"""

from datetime import UTC
from typing import Annotated, Any, Literal

from flask import Blueprint, Flask, g
from flask.typing import ResponseReturnValue
from flask_security import webauthn
from pydantic import Field

from app.accounts.factors import library_views, passkey_challenges
from app.accounts.factors.passkey_challenges import WRONG, Answer
from app.auth import access
from app.auth.access import login_required, recent_login
from app.auth.factors import MAX_NAME
from app.security.responses import ResponseBody, responds
from app.security.validation import Body, PlainText, validated

blueprint = Blueprint("passkeys", __name__)

RECENT = 5  # minutes


class NewPasskey(Body):
    name: Annotated[PlainText, Field(max_length=MAX_NAME)]
    usage: Literal["first", "secondary"] = "first"


class Name(Body):
    name: Annotated[PlainText, Field(max_length=MAX_NAME)]


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
@validated(NewPasskey)
def wan_register(body: NewPasskey) -> ResponseReturnValue:
    """Begin to add a passkey: options for `navigator.credentials.create`."""
    passkey_challenges.require_own_host()
    return library_views.call(webauthn.webauthn_register, body=body)


@blueprint.post("/wan-register/<string:state>")
@responds("application/json", 409)
@recent_login(minutes=RECENT)
@access.credentials
@validated(Answer)
def wan_register_response(body: Answer, state: str) -> ResponseReturnValue:
    """Add the passkey that the browser created."""
    return passkey_challenges.answer(
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
