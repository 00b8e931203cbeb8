"""Flask-Security: its settings as data, and what this project replaces in it.

Its views check second factors and passkeys; library_views.py calls them. Its login cookies,
tokens and mailed links are not used: a login is a grant of this project, see grants.py.
Each setting that differs from the library's default has its reason beside it.
"""

from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from flask import Flask, Request, g
from flask_principal import identity_changed
from flask_security import LoginForm, Security, SQLAlchemyUserDatastore

from app.accounts.factors import factor_checks, library_views, passkey_challenges
from app.auth.factors import MAX_NAME, Passkey
from app.auth.roles import Role
from app.auth.users import User
from app.db import db

SETTINGS: dict[str, Any] = {
    # The views that this project calls. Those of registration and mailed links stay off: they
    # reserve an address before its owner agrees, and change data on GET.
    "TWO_FACTOR": True,
    "WEBAUTHN": True,
    "MULTI_FACTOR_RECOVERY_CODES": True,
    "MULTI_FACTOR_RECOVERY_CODES_N": 8,
    # A code by mail or SMS is no second factor: mail also resets the password.
    "TWO_FACTOR_ENABLED_METHODS": ["authenticator"],
    # Seconds before and after, not 120: nine codes would be valid at once.
    "TWO_FACTOR_AUTHENTICATOR_VALIDITY": 30,
    # access.py asks for a recent login, so the library must not do it with its own cookie.
    "FRESHNESS": timedelta(seconds=-1),
    "API_ENABLED_METHODS": ["session"],
    # Otherwise anybody could list the passkeys of a user.
    "WAN_ALLOW_USER_HINTS": False,
    "WAN_NAME_ALLOWED_CHARS": None,
    # Not longer than passkey_challenges.py remembers which challenges were answered.
    "WAN_REGISTER_WITHIN": timedelta(seconds=passkey_challenges.LIFETIME),
    "WAN_NAME_MAX_LENGTH": MAX_NAME,
    # passwords.py hashes. These only let the library start without bcrypt.
    "PASSWORD_HASH": "argon2",
    "PASSWORD_SCHEMES": ["argon2"],
    "PASSWORD_NORMALIZE_FORM": None,
    # Messages would go into a cookie of visitors who are not logged in.
    "FLASH_MESSAGES": False,
    # `flask user` keeps the rules of this project; these commands do not.
    "CLI_USERS_NAME": None,
    "CLI_ROLES_NAME": None,
}


class Datastore(SQLAlchemyUserDatastore):
    """Finds users by id, and stores the secret of an authenticator app encrypted."""

    def find_user(self, case_insensitive: bool = False, **by: Any) -> User | None:
        return db.session.get(User, UUID(by["fs_uniquifier"]))

    def find_user_from_webauthn(self, webauthn: Passkey) -> User | None:
        return self.find_user(fs_uniquifier=str(webauthn.user_id))

    def tf_set(self, user: User, primary_method: str, totp_secret: str, *phone: Any) -> None:
        user.tf_totp_secret = factor_checks.unencrypted(totp_secret)

    def tf_reset(self, user: User) -> None:
        user.tf_totp_secret = None

    def set_webauthn_user_handle(self, user: User) -> None:
        """Nothing to store: the handle is the id."""


def init_app(app: Flask, *, login_form: type[LoginForm]) -> None:
    """`login_form` checks the password; it is handed in, since it calls the library's views."""
    for name, value in SETTINGS.items():
        app.config.setdefault(f"SECURITY_{name}", value)
    # It encrypts the secret of an app only until its first code; then Datastore stores it.
    secret = sha256(b"totp:" + app.config["SECRET_KEY"].encode()).hexdigest()
    app.config["SECURITY_TOTP_SECRETS"] = {1: secret}
    app.config["SECURITY_TOTP_ISSUER"] = app.config["PROJECT_NAME"]
    app.config["SECURITY_WAN_RP_NAME"] = app.config["PROJECT_NAME"]
    # A sibling domain can set a cookie of the usual name, which would hide the login from the
    # library.
    app.config["REMEMBER_COOKIE_NAME"] = "__Host-remember"
    library = Security(
        datastore=Datastore(db, User, Role, Passkey),
        register_blueprint=False,
        login_form=login_form,
        two_factor_verify_code_form=library_views.CodeForm,
        wan_signin_response_form=library_views.PasskeyForm,
        totp_cls=factor_checks.Codes,
        mf_recovery_codes_util_cls=factor_checks.RecoveryCodes,
        webauthn_util_cls=factor_checks.Passkeys,
    )
    library.init_app(app)
    library_views.init_app(app, library)
    _remove_from_requests(app, library)


def _logged_in_user(request: Request) -> User | None:
    """The user whom access.py found; the library never looks for a login itself."""
    g.fs_authn_via = "session"
    user: User | None = g.get("user")
    return user


def _remove_from_requests(app: Flask, library: Security) -> None:
    """Keep the library out of all requests that do not call its views."""
    logins, principal = library.login_manager, library.principal
    logins.user_loader(lambda user_id: None)
    logins.request_loader(_logged_in_user)
    app.before_request_funcs[None].remove(principal._on_before_request)
    app.after_request_funcs[None].remove(logins._update_remember_cookie)
    app.template_context_processors[None] = [
        each
        for each in app.template_context_processors[None]
        if not each.__module__.startswith("flask_login")
    ]
    # access.py checks roles, and Flask-Principal would load them at each login.
    identity_changed.disconnect(principal._on_identity_changed, app)
