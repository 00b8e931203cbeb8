"""`/passkeys`, `/wan-register`, `/wan-delete`: people manage passkeys, by JSON from passkeys.js.

Source: Web Authentication Level 3; W3C, "A Well-Known URL for Relying Party Passkey Endpoints";
OWASP ASVS 6.5.6, 7.5.1.
"""

from typing import Annotated, Any

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from pydantic import Field
from secure_flask import (
    Body,
    PlainText,
    ResponseBody,
    accounts,
    consumes_form,
    limited,
    login_required,
    public,
    recent_login,
    responds,
    takes_credentials,
    validated,
)
from werkzeug.exceptions import Conflict

from app.account import EVERYWHERE
from app.accounts.factors import codes_page
from app.accounts.routes import RECENT, blueprint, sentence
from app.current_user import current_user

MAX_NAME = 64  # characters
MAX_CREDENTIAL = 16 * 1024  # characters
PasskeyName = Annotated[PlainText, Field(max_length=MAX_NAME)]
Credential = Annotated[PlainText, Field(max_length=MAX_CREDENTIAL)]


class NewPasskey(Body):
    name: PasskeyName
    credential: Credential


class OldPasskey(Body):
    name: PasskeyName


class Challenge(ResponseBody):
    state: str
    options: dict[str, Any]


class PasskeyAdded(ResponseBody):
    """Recovery codes where this is the first factor, and the page that shows them once."""

    recovery_codes: list[str] = Field(default_factory=list)
    next: str = ""


class PasskeyShown(ResponseBody):
    name: str
    last_used: int  # seconds since 1970


class Passkeys(ResponseBody):
    passkeys: list[PasskeyShown]


class Endpoints(ResponseBody):
    enroll: str
    manage: str


@blueprint.get("/passkeys")
@responds(Passkeys)
@login_required
def list_passkeys() -> ResponseReturnValue:
    """List your passkeys."""
    return {"passkeys": accounts.list_passkeys(current_user)}


@blueprint.get("/account/passkeys")
@responds("text/html")
@recent_login(minutes=RECENT)
def passkeys_page() -> ResponseReturnValue:
    """Show the page of your passkeys."""
    listed = accounts.list_passkeys(current_user)
    return render_template("accounts/passkeys.html", passkeys=listed)


@blueprint.post("/wan-register")
@responds(Challenge, 403, 409)
@limited("20 per minute")
@recent_login(minutes=RECENT)
@validated(Body)
def begin_adding(body: Body) -> ResponseReturnValue:
    """Begin to add a passkey."""
    return accounts.begin_passkey_registration()


@blueprint.post("/wan-register/<string:state>")
@responds(PasskeyAdded, 400, 403, 409)
@limited("20 per minute")
@recent_login(minutes=RECENT)
@takes_credentials
@validated(NewPasskey)
def add_passkey(body: NewPasskey, state: str) -> ResponseReturnValue:
    """Add a passkey. The first factor brings recovery codes, which are shown only here."""
    added = accounts.add_passkey(state, body.credential, body.name)
    # The next page shows the message. A program with a token has no pages.
    if "Authorization" not in request.headers:
        flash(f"Your passkey is added. {EVERYWHERE}", "success")
    if codes := added.get("recovery_codes"):
        return {**added, "next": codes_page(current_user, codes)}
    return added


@blueprint.post("/wan-delete")
@responds(None, 404, 409)
@limited("20 per minute")
@recent_login(minutes=RECENT)
@validated(OldPasskey)
def delete_passkey(body: OldPasskey) -> ResponseReturnValue:
    """Delete one of your passkeys."""
    accounts.delete_passkey(body.name)
    return Response(status=204)


@blueprint.post("/account/passkeys/delete")
@responds("text/html", 404)
@limited("20 per minute")
@recent_login(minutes=RECENT)
@consumes_form
def delete_by_form() -> ResponseReturnValue:
    """Delete one of your passkeys by a form."""
    try:
        accounts.delete_passkey(request.args.get("name", ""))
        flash(f"The passkey is deleted. {EVERYWHERE}", "success")
    except Conflict as refused:
        flash(sentence(refused), "error")
    return redirect(url_for("self_service.passkeys_page"), 303)


@blueprint.get("/.well-known/passkey-endpoints")
@responds(Endpoints)
@public
def passkey_endpoints() -> ResponseReturnValue:
    """Name the page where password managers let people add and manage passkeys."""
    address = accounts.public_link("self_service.passkeys_page")
    return {"enroll": address, "manage": address}
