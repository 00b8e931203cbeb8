"""`/tf-validate`, `/mf-recovery`, `/tf-invitation`: the second step of a login.

Source: OWASP ASVS 6.3.3, 6.5.1 to 6.5.5.
"""

from collections.abc import Callable
from typing import Annotated, Any

from flask import Response, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from pydantic import Field
from secure_flask import (
    Body,
    LoginResponse,
    PlainText,
    checked_next,
    limited,
    one_line,
    or_form,
    public,
    responds,
    takes_credentials,
    validated,
)
from secure_flask.accounts import (
    accept_factor_invitation,
    begin_authenticator,
    complete_login_by_code,
    complete_login_by_recovery_code,
    half_login_factors,
)
from werkzeug.exceptions import (
    BadRequest,
    Forbidden,
    TooManyRequests,
    Unauthorized,
)
from wtforms import StringField
from wtforms.validators import DataRequired, Length

from app.accounts.routes import blueprint, page, sentence
from app.login import start_page

MAX_CODE = 64  # characters
Code = Annotated[PlainText, Field(max_length=MAX_CODE)]
WITHOUT_SUGGESTIONS = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


class SecondStep(Body):
    """`tf_token` is that of the half login; pages have it in a cookie."""

    code: Code
    tf_token: PlainText | None = None


def _code_form(label: str, missing: str, **attributes: str) -> Any:
    class CodeForm(FlaskForm):
        code = StringField(
            label,
            [one_line, DataRequired(missing), Length(max=MAX_CODE)],
            render_kw=attributes or WITHOUT_SUGGESTIONS,
        )

    return CodeForm


AppForm = _code_form(
    "Code from your app", "Enter the code.", autocomplete="one-time-code", inputmode="numeric"
)
RecoveryForm = _code_form("Recovery code", "Enter one of your recovery codes.")
InvitationForm = _code_form("Invitation code", "Enter the code that you were given.")


def by_code(
    form: Any, use: Callable[[str], str], show: Callable[[Any], str]
) -> ResponseReturnValue:
    """Use a code and go to the address that `use` returns, or show the form with what was wrong."""
    if not form.validate():
        return show(form), 422
    try:
        then = use(form.code.data)
    except (BadRequest, Forbidden, TooManyRequests, Unauthorized) as refused:
        form.code.errors = [sentence(refused)]
        return show(form), refused.code or 400, refused.get_headers()
    return redirect(then, 303)


def begin_on_page() -> str:
    """Begin to set up an app; return the address of the page that shows its key."""
    state = begin_authenticator().state
    return url_for("self_service.authenticator_page", state=state, next=checked_next())


def _log_in_by_form(form: Any, complete: Callable[[str], object]) -> ResponseReturnValue:
    def log_in(code: str) -> str:
        complete(code)
        return checked_next() or start_page()

    return by_code(form, log_in, _step)


def _step(form: Any) -> str:
    return render_template(
        "accounts/second_step.html", form=form, factors=half_login_factors(), next=checked_next()
    )


@blueprint.get("/tf-validate")
@responds("text/html", 401)
@public
def second_factor_page() -> ResponseReturnValue:
    """Show the form for the code of an app."""
    if not half_login_factors():
        return redirect(url_for("self_service.invitation_page", next=checked_next()), 303)
    return _step(AppForm())


@blueprint.post("/tf-validate")
@responds(LoginResponse, 401, 429, 503)
@limited("30 per minute")
@public
@takes_credentials
@or_form(lambda: _log_in_by_form(AppForm(), complete_login_by_code))
@validated(SecondStep)
def validate(body: SecondStep) -> ResponseReturnValue:
    """Finish a login by the code of an app."""
    return complete_login_by_code(body.code, body.tf_token)


@blueprint.get("/mf-recovery")
@responds("text/html", 401)
@public
def recovery_page() -> ResponseReturnValue:
    """Show the form for a recovery code."""
    return _step(RecoveryForm())


def _recover(code: str) -> None:
    complete_login_by_recovery_code(code)
    flash("You used up a recovery code. If you lost your device, set up another one.")


@blueprint.post("/mf-recovery")
@responds(LoginResponse, 401, 429, 503)
@limited("30 per minute")
@public
@takes_credentials
@or_form(lambda: _log_in_by_form(RecoveryForm(), _recover))
@validated(SecondStep)
def recover(body: SecondStep) -> ResponseReturnValue:
    """Finish a login by a recovery code."""
    return complete_login_by_recovery_code(body.code, body.tf_token)


@blueprint.get("/tf-invitation")
@responds("text/html", 401)
@public
def invitation_page() -> ResponseReturnValue:
    """Show the form for an invitation to set up a second factor."""
    return _invitation(InvitationForm())


def _accept_by_form() -> ResponseReturnValue:
    def accept(code: str) -> str:
        accept_factor_invitation(code)
        # The setup completes the login, and only then leads to `next`.
        return begin_on_page()

    return by_code(InvitationForm(), accept, _invitation)


@blueprint.post("/tf-invitation")
@responds(None, 401, 403, 429)
@limited("30 per minute")
@public
@takes_credentials
@or_form(_accept_by_form)
@validated(SecondStep)
def invitation(body: SecondStep) -> ResponseReturnValue:
    """Let the user of a half login set up the first factor, which a role demands."""
    accept_factor_invitation(body.code, body.tf_token)
    return Response(status=204)


def _invitation(form: Any) -> str:
    # This raises an error if the half login has ended.
    half_login_factors()
    text = (
        "Your role needs a second step at login, such as an app. To set it up, enter the invitation "
        "code that the people who run this site gave you."
    )
    return page("Set up a second step", text, form, "Continue")
