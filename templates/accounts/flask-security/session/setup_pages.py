"""The pages that set up the second factor: an authenticator app, and recovery codes.

A user who logged in recently opens them. Who has to set one up before the login, since a role
demands it, gets them from second_factor_pages.py. Source: OWASP ASVS 6.4.3, 6.5.1.
"""

from flask import Blueprint, Flask, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from werkzeug.exceptions import BadRequest

from app.accounts.factors import factor_checks, factor_setup
from app.accounts.factors.factor_setup import RECENT
from app.accounts.links import link_pages
from app.accounts.links.account_forms import add_forms, app_code_field
from app.accounts.pending import PendingStep
from app.auth import next_pages
from app.auth.access import recent_login
from app.auth.users import User
from app.security.responses import responds

blueprint = Blueprint("setup_pages", __name__)


class FirstCodeForm(FlaskForm):
    code = app_code_field()


@blueprint.get("/tf-setup")
@responds("text/html")
@recent_login(minutes=RECENT)
def begin() -> ResponseReturnValue:
    return begin_page(g.user)


def begin_page(owner: User) -> str:
    return render_template("authenticator.html", owner=owner, next=_next())


@responds("text/html")
def _begin_by_form() -> ResponseReturnValue:
    setup, half = request.form.get("setup", ""), factor_setup.setting_up()
    begun = factor_setup.begin(setup)
    if setup == "disable":
        flash("The authenticator app is removed.")
        return redirect(url_for("account.show"), 303)
    if half:
        return first_code(FirstCodeForm(), half)
    return _first_code(FirstCodeForm(), begun["tf_state_token"])


def first_code(form: FlaskForm, half: PendingStep) -> str:
    """The page with the QR code, for a half login whose setup has begun."""
    secret = half.data.get("tf_totp_secret")
    if secret is None:
        return begin_page(half.owner)
    return _qr_page(form, secret, half.owner, url_for("second_factor.validate", next=_next()))


def _finish_by_form(state: str) -> ResponseReturnValue:
    form = FirstCodeForm()
    if not form.validate():
        return _first_code(form, state), 422
    try:
        factor_setup.finish(state)
    except BadRequest as error:
        form.code.errors = [*form.code.errors, link_pages.sentence(error)]
        return _first_code(form, state), 422
    flash("The authenticator app is set up. All your other logins have ended.")
    return redirect(url_for("setup_pages.recovery_codes", next=_next()), 303)


@blueprint.get("/mf-recovery-codes")
@responds("text/html")
@recent_login(minutes=RECENT)
def recovery_codes() -> ResponseReturnValue:
    return _codes_page()


@responds("text/html")
def _renew_by_form() -> ResponseReturnValue:
    return _codes_page(factor_setup.new_recovery_codes()["recovery_codes"])


def init_app(app: Flask) -> None:
    add_forms(
        app,
        {
            "second_factor.set_up": _begin_by_form,
            "second_factor.finish": _finish_by_form,
            "second_factor.renew_recovery_codes": _renew_by_form,
        },
    )
    app.register_blueprint(blueprint)


def _first_code(form: FlaskForm, state: str) -> str:
    secret = factor_checks.secret_of(state)
    action = url_for("second_factor.finish", state=state, next=_next())
    return _qr_page(form, secret, g.user, action)


def _qr_page(form: FlaskForm, secret: str, owner: User, action: str) -> str:
    shown = factor_checks.shown(secret, owner)
    return render_template("first_code.html", form=form, action=action, app=shown)


def _codes_page(codes: list[str] | None = None) -> str:
    done = _next() or url_for("account.show")
    return render_template("recovery_codes.html", codes=codes, next=_next(), done=done)


def _next() -> str | None:
    return next_pages.checked(request.args.get("next"))
