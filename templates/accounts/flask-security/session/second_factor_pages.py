"""The pages between the password and the second factor: a code, a passkey or a recovery code.

They work for the half login of this browser alone (half_logins.py), and lead to the page that
the user asked for before the login. Source: OWASP ASVS 6.3.3, 6.5.1, 6.5.5.
"""

from typing import Any

from flask import Blueprint, Flask, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_security import recovery_codes, views
from flask_wtf import FlaskForm
from werkzeug.exceptions import Unauthorized

from app.accounts import after_login
from app.accounts.factors import factor_setup, half_logins, second_factor, setup_pages
from app.accounts.links import link_pages
from app.accounts.links.account_forms import add_forms, app_code_field, code_field
from app.accounts.pending import PendingStep
from app.auth import next_pages, tokens
from app.auth.access import public
from app.security.responses import responds

blueprint = Blueprint("second_factor_pages", __name__)


class CodeForm(FlaskForm):
    code = app_code_field()


class RecoveryForm(FlaskForm):
    code = code_field(
        "Recovery code", "Each of your recovery codes works once.", autocomplete="off"
    )


@blueprint.get("/tf-select")
@responds("text/html", 401)
@public
def next_step() -> ResponseReturnValue:
    """Where the login page leads after a right password, if that is not enough."""
    half = _required()
    if factor_setup.is_setup(half):
        return setup_pages.begin_page(half.owner)
    return _page("second_step.html", CodeForm(), half)


@blueprint.get("/tf-validate")
@responds("text/html", 401)
@public
def enter_code() -> ResponseReturnValue:
    return _page("second_step.html", CodeForm(), _required())


def _validate_by_form() -> ResponseReturnValue:
    half, form = half_logins.required(), CodeForm()
    setup = factor_setup.is_setup(half)
    refused = _complete(views.two_factor_token_validation, form)
    if refused and setup:
        return setup_pages.first_code(form, half_logins.required()), refused
    if refused:
        return _page("second_step.html", form, half_logins.required()), refused
    if setup:
        return redirect(url_for("setup_pages.recovery_codes", next=_next()), 303)
    return redirect(after_login.page(), 303)


@blueprint.get("/mf-recovery")
@responds("text/html", 401)
@public
def enter_recovery_code() -> ResponseReturnValue:
    return _page("recovery_code.html", RecoveryForm(), _required())


def _recover_by_form() -> ResponseReturnValue:
    form = RecoveryForm()
    refused = _complete(recovery_codes.mf_recovery, form)
    if refused:
        return _page("recovery_code.html", form, half_logins.required()), refused
    flash("This recovery code is used up. If you lost your device, set up another one.")
    return redirect(_next() or url_for("account.show"), 303)


def init_app(app: Flask) -> None:
    add_forms(
        app,
        {"second_factor.validate": _validate_by_form, "second_factor.recover": _recover_by_form},
    )
    app.register_blueprint(blueprint)


def _complete(view: Any, form: CodeForm | RecoveryForm) -> int | None:
    """Complete the login by the code in a form; the status to answer where it is wrong."""
    if not form.validate():
        return 422
    try:
        second_factor.complete(view)
    except Unauthorized as error:
        form.code.errors = [*form.code.errors, link_pages.sentence(error)]
        return 401
    return None


def _required() -> PendingStep:
    """The half login; without one, a browser is sent to the login page."""
    half = half_logins.current()
    if half is None:
        ended = half_logins.ended()
        ended.see_other = url_for(tokens.LOGIN_PAGE, next=_next())
        raise ended
    return half


def _page(template: str, form: FlaskForm, half: PendingStep) -> str:
    shown = {"next": _next(), "after_login": after_login.page()}
    return render_template(template, form=form, half=half, **shown)


def _next() -> str | None:
    return next_pages.checked(request.args.get("next"))
