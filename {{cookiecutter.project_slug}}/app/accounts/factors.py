"""`/tf-setup`, `/mf-recovery-codes`, `/account/factors`: people manage their second factors.

Source: RFC 6238; OWASP ASVS 6.3.3, 6.5.1 to 6.5.3, 7.5.1.
"""

from functools import partial
from typing import Any, Literal

from flask import abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from pydantic import Field
from secure_flask import (
    Body,
    LoginResponse,
    PlainText,
    ResponseBody,
    accounts,
    checked_next,
    consumes_form,
    limited,
    or_form,
    public,
    recent_login,
    responds,
    takes_credentials,
    validated,
)
from secure_flask.accounts import (
    begin_authenticator,
    factors_of,
    find_authenticator,
    recovery_codes_left,
    remove_authenticator,
    replace_recovery_codes,
    show_recovery_codes,
    shown_recovery_codes,
)
from werkzeug.exceptions import BadRequest, Conflict, NotFound

from app.account import EVERYWHERE
from app.accounts.routes import RECENT, blueprint, sentence
from app.accounts.second_factor import AppForm, SecondStep, begin_on_page, by_code
from app.current_user import current_user


class Setup(Body):
    setup: Literal["authenticator", "disable"]
    tf_token: PlainText | None = None


class SetupBegun(ResponseBody):
    """Empty where the app was removed."""

    state: str = ""
    secret: str = ""
    uri: str = ""


class SetupFinished(LoginResponse):
    """A login where the setup completes one, and recovery codes where this is the first factor."""

    token_type: str = ""
    expires_in: int = 0
    recovery_codes: list[str] = Field(default_factory=list)


class RecoveryCodes(ResponseBody):
    recovery_codes: list[str]


@blueprint.get("/tf-setup")
@responds("text/html", status=303)
@public
def setup_page() -> ResponseReturnValue:
    """Redirect to the page that begins the setup, of your account or of a half login."""
    page = "factors_page" if current_user else "second_factor_page"
    return redirect(url_for(f"self_service.{page}", next=checked_next()), 303)


def _set_up_by_form() -> ResponseReturnValue:
    return redirect(begin_on_page(), 303)


@blueprint.post("/tf-setup")
@responds(SetupBegun, 401, 403, 409)
@limited("20 per minute")
@public
@takes_credentials
@or_form(_set_up_by_form)
@validated(Setup)
def set_up_authenticator(body: Setup) -> ResponseReturnValue:
    """Begin to set up an authenticator app, or remove it."""
    if body.setup == "disable":
        remove_authenticator()
        return {}
    begun = begin_authenticator(body.tf_token)
    return {"state": begun.state, "secret": begun.secret, "uri": begun.uri}


@blueprint.get("/tf-setup/<string:state>")
@responds("text/html", 401, 403)
@public
def authenticator_page(state: str) -> ResponseReturnValue:
    """Show the key with its QR code. Nothing changes until its first code is entered."""
    return _authenticator(state, AppForm())


def _finish_by_form(state: str) -> ResponseReturnValue:
    def finish(code: str) -> str:
        user = find_authenticator(state).user
        codes = accounts.finish_authenticator(state, code).get("recovery_codes")
        flash(f"Your app is set up. {EVERYWHERE}", "success")
        if codes:
            return codes_page(user, codes)
        return checked_next() or url_for("self_service.factors_page")

    return by_code(AppForm(), finish, partial(_authenticator, state))


@blueprint.post("/tf-setup/<string:state>")
@responds(SetupFinished, 400, 401, 403, 429)
@limited("30 per minute")
@public
@takes_credentials
@or_form(_finish_by_form)
@validated(SecondStep)
def finish_authenticator(body: SecondStep, state: str) -> ResponseReturnValue:
    """Finish the setup by a first code; after an invitation this logs in.

    The first factor brings recovery codes, which are shown only here.
    """
    return accounts.finish_authenticator(state, body.code, body.tf_token)


@blueprint.post("/account/authenticator/remove")
@responds("text/html")
@recent_login(minutes=RECENT)
@consumes_form
def remove_by_form() -> ResponseReturnValue:
    """Remove your authenticator app by a form."""
    try:
        remove_authenticator()
        flash(f"The app is removed. {EVERYWHERE}", "success")
    except Conflict as refused:
        flash(sentence(refused), "error")
    return redirect(url_for("self_service.factors_page"), 303)


@blueprint.get("/account/factors")
@responds("text/html")
@recent_login(minutes=RECENT)
def factors_page() -> ResponseReturnValue:
    """Show the page of your second factors."""
    return render_template(
        "accounts/factors.html",
        factors=factors_of(current_user),
        codes_left=recovery_codes_left(current_user),
    )


def _renew_by_form() -> ResponseReturnValue:
    codes = replace_recovery_codes()
    flash(f"Your old recovery codes no longer work. {EVERYWHERE}", "success")
    return redirect(codes_page(current_user, codes), 303)


@blueprint.post("/mf-recovery-codes")
@responds(RecoveryCodes, 409)
@limited("20 per minute")
@recent_login(minutes=RECENT)
@or_form(_renew_by_form)
@validated(Body)
def renew_recovery_codes(body: Body) -> ResponseReturnValue:
    """Replace your recovery codes. The new ones are shown only here."""
    return {"recovery_codes": replace_recovery_codes()}


@blueprint.get("/account/recovery-codes/<string:state>")
@responds("text/html")
@recent_login(minutes=RECENT)
def recovery_codes_page(state: str) -> ResponseReturnValue:
    """Show new recovery codes for five minutes."""
    try:
        return render_template(
            "accounts/recovery_codes.html",
            codes=shown_recovery_codes(current_user, state),
            next=checked_next() or url_for("self_service.factors_page"),
        )
    except NotFound:
        flash(
            "Recovery codes are shown for five minutes. If you have not saved yours, make new ones.",
            "error",
        )
        return redirect(url_for("self_service.factors_page"), 303)


def codes_page(user: Any, codes: list[str]) -> str:
    """The address of a page that shows new recovery codes, and then leads to `next`."""
    state = show_recovery_codes(user, codes)
    return url_for("self_service.recovery_codes_page", state=state, next=checked_next())


def _authenticator(state: str, form: Any) -> str:
    try:
        app = find_authenticator(state)
    except BadRequest as ended:
        flash(sentence(ended), "error")
        abort(redirect(url_for("self_service.setup_page", next=checked_next()), 303))
    return render_template("accounts/authenticator.html", form=form, app=app)
