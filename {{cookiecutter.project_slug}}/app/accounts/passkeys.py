"""`/passkeys`, `/wan-…`: passkeys are added, deleted and used to log in, by JSON from passkeys.js.

Source: Web Authentication Level 3; W3C, "A Well-Known URL for Relying Party Passkey Endpoints";
OWASP ASVS 6.5.6, 6.7.1, 7.5.1.
"""

from typing import Annotated, Any

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from pydantic import Field
from secure_flask import (
    Body,
    LoginResponse,
    PlainText,
    ResponseBody,
    consumes_form,
    credentials,
    current_user,
    limited,
    login_required,
    public,
    recent_login,
    responds,
    validated,
)
from secure_flask.accounts import (
    add_passkey,
    begin_half_passkey,
    begin_passkey,
    begin_passkey_login,
    complete_by_passkey,
    delete_passkey,
    list_passkeys,
    log_in_by_passkey,
    public_link,
    reauthenticate_by_passkey,
)
from werkzeug.exceptions import Conflict

from app.accounts.routes import RECENT, blueprint, sentence

MAX_NAME, MAX_CREDENTIAL = 64, 16 * 1024  # characters
PasskeyName = Annotated[PlainText, Field(max_length=MAX_NAME)]
Credential = Annotated[PlainText, Field(max_length=MAX_CREDENTIAL)]


class NewPasskey(Body):
    name: PasskeyName
    credential: Credential


class OldPasskey(Body):
    name: PasskeyName


class HalfLogin(Body):
    tf_token: PlainText | None = None


class Answer(Body):
    """`tf_token` is for the second step of a login, the others for a login by passkey alone.

    Pages ask for their cookie, whatever TOKEN_TYPE is.
    """

    credential: Credential
    keep: bool = False
    cookie: bool = False
    tf_token: PlainText | None = None


class Challenge(ResponseBody):
    state: str
    options: dict[str, Any]


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
def show() -> ResponseReturnValue:
    return {"passkeys": list_passkeys(current_user)}


@blueprint.get("/account/passkeys")
@responds("text/html")
@recent_login(minutes=RECENT)
def passkeys_page() -> ResponseReturnValue:
    return render_template("accounts/passkeys.html", passkeys=list_passkeys(current_user))


@blueprint.post("/wan-register")
@responds(Challenge, 403)
@recent_login(minutes=RECENT)
@validated(Body)
def begin_adding(body: Body) -> ResponseReturnValue:
    return begin_passkey()


@blueprint.post("/wan-register/<string:state>")
@responds(None, 400, 403, 409)
@recent_login(minutes=RECENT)
@credentials
@validated(NewPasskey)
def add(body: NewPasskey, state: str) -> ResponseReturnValue:
    add_passkey(state, body.credential, body.name)
    return Response(status=204)


@blueprint.post("/wan-delete")
@responds(None, 404, 409)
@recent_login(minutes=RECENT)
@validated(OldPasskey)
def delete(body: OldPasskey) -> ResponseReturnValue:
    delete_passkey(body.name)
    return Response(status=204)


@blueprint.post("/account/passkeys/delete")
@responds("text/html", 404)
@recent_login(minutes=RECENT)
@consumes_form
def delete_by_form() -> ResponseReturnValue:
    try:
        delete_passkey(request.args.get("name", ""))
        flash("The passkey is deleted. All your other logins have ended.")
    except Conflict as refused:
        flash(sentence(refused), "error")
    return redirect(url_for("accounts.passkeys_page"), 303)


@blueprint.post("/wan-signin")
@responds(Challenge, 401, 429)
@limited("30 per minute")
@public
@validated(Body)
def begin_login(body: Body) -> ResponseReturnValue:
    return begin_passkey_login()


@blueprint.post("/wan-signin/<string:state>")
@responds(LoginResponse, 401, 429, 503)
@limited("30 per minute")
@public
@credentials
@validated(Answer)
def log_in(body: Answer, state: str) -> ResponseReturnValue:
    return log_in_by_passkey(state, body.credential, keep=body.keep, cookie=body.cookie)


@blueprint.post("/wan-second")
@responds(Challenge, 401, 429)
@limited("30 per minute")
@public
@credentials
@validated(HalfLogin)
def begin_second_step(body: HalfLogin) -> ResponseReturnValue:
    return begin_half_passkey(body.tf_token)


@blueprint.post("/wan-second/<string:state>")
@responds(LoginResponse, 401, 429, 503)
@limited("30 per minute")
@public
@credentials
@validated(Answer)
def second_step(body: Answer, state: str) -> ResponseReturnValue:
    return complete_by_passkey(state, body.credential, body.tf_token)


@blueprint.post("/wan-verify")
@responds(Challenge)
@login_required
@validated(Body)
def begin_reauthentication(body: Body) -> ResponseReturnValue:
    return begin_passkey_login(current_user)


@blueprint.post("/wan-verify/<string:state>")
@responds(LoginResponse, 401, 429)
@login_required
@credentials
@validated(Answer)
def reauthenticate(body: Answer, state: str) -> ResponseReturnValue:
    return reauthenticate_by_passkey(state, body.credential)


@blueprint.get("/.well-known/passkey-endpoints")
@responds(Endpoints)
@public
def endpoints() -> ResponseReturnValue:
    """Where password managers let people add and manage passkeys."""
    address = public_link("accounts.passkeys_page")
    return {"enroll": address, "manage": address}
