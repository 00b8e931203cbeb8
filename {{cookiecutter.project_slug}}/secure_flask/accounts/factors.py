"""The factors of a user beside the password: which there are, and which a role demands.

Any strong factor that a user has is asked for at a login by password, and when the password is
entered again. Source: OWASP ASVS 6.3.3, 6.5.7, 7.5.1.
"""

from collections.abc import Callable
from functools import partial

from flask import Flask, Response, after_this_request, current_app
from secure_flask.accounts import half_logins, passkeys, recovery_codes
from secure_flask.accounts.users import AccountMixin, account_of
from secure_flask.auth import access
from secure_flask.auth.authentication import SECOND_FACTOR, password_changed
from secure_flask.auth.login_table import Login
from secure_flask.auth.users import DEMANDS_SECOND_FACTOR, UserMixin
from secure_flask.database import db
from secure_flask.state import app_state
from sqlalchemy import Update, update

AUTHENTICATOR = "authenticator"
PASSKEY = "passkey"
RECOVERY = "recovery_code"


def factors_of(user: AccountMixin) -> list[str]:
    """The factors by which a user can complete a login: `"passkey" in factors_of(user)`.

    Each is "authenticator", "passkey" or "recovery_code"; without a second factor there is none.
    """
    strong = {AUTHENTICATOR: user.has_authenticator, PASSKEY: bool(passkeys.passkeys_of(user))}
    there = [name for name, is_there in strong.items() if is_there]
    return [*there, RECOVERY] if there and recovery_codes.recovery_codes_left(user) else there


def role_demands_factor(user: UserMixin) -> bool:
    """Whether a role of the user demands a second factor, by SECOND_FACTOR_ROLES."""
    demanding = {*current_app.config["SECOND_FACTOR_ROLES"]}
    # Each request asks. Where no role demands one, it costs no query.
    return bool(demanding) and not demanding.isdisjoint(user.role_names)


def second_step_of(user: UserMixin) -> Callable[..., dict[str, object]] | None:
    """What begins the step of a second factor, or of the set-up of the first one; else None."""
    found = account_of(user)
    there = factors_of(found)
    if not there and not role_demands_factor(found):
        return None
    return partial(half_logins.begin_half_login, found, there)


def init_app(app: Flask) -> None:
    state = app_state(app)
    state[SECOND_FACTOR] = second_step_of
    state[DEMANDS_SECOND_FACTOR] = role_demands_factor


@password_changed.connect
def _keep_age(user: UserMixin) -> None:
    """Leave the login as old as it was: beside a factor, the password alone makes none recent."""
    if factors_of(account_of(user)):
        present = access.require_login()
        mine = (Login.user_id == user.id, Login.started >= present.started)
        age = update(Login).where(*mine).values(authenticated=present.authenticated)
        after_this_request(lambda response: _store(age, response))


def _store(age: Update, response: Response) -> Response:
    db.session.execute(age)
    db.session.commit()
    return response
