"""Self-service accounts: sign-up, recovery, mails, second factors, passkeys.

The rules that protect accounts are here; pages and texts of mails are in app/accounts and its
templates. `init_app` sets all of it up. A function that changes something commits; one that finds,
checks or lists only reads. The signal `user_deleted` is the one of secure_flask.
"""

from flask import Flask
from secure_flask.accounts import checks, commands, factors, leaving, worker  # noqa: F401 - checks
from secure_flask.accounts.addresses import checked_address
from secure_flask.accounts.email_change import (
    confirm_email_change,
    find_email_change,
    request_email_change,
)
from secure_flask.accounts.factor_changes import (
    add_passkey,
    begin_authenticator,
    begin_passkey_registration,
    delete_passkey,
    find_authenticator,
    finish_authenticator,
    remove_authenticator,
    replace_recovery_codes,
)
from secure_flask.accounts.factors import factors_of
from secure_flask.accounts.leaving import delete_account, personal_data
from secure_flask.accounts.name_change import change_name
from secure_flask.accounts.names import checked_name
from secure_flask.accounts.passkey_logins import log_in_by_passkey, reauthenticate_by_passkey
from secure_flask.accounts.passkeys import begin_passkey_login, list_passkeys, passkey_signals
from secure_flask.accounts.recovery import (
    find_password_reset,
    request_password_reset,
    reset_password,
)
from secure_flask.accounts.recovery_codes import (
    recovery_codes_left,
    show_recovery_codes,
    shown_recovery_codes,
)
from secure_flask.accounts.registration import (
    confirm_registration,
    find_registration,
    request_registration,
    resend_registration,
)
from secure_flask.accounts.second_step import (
    accept_factor_invitation,
    begin_passkey_second_factor,
    complete_login_by_code,
    complete_login_by_passkey,
    complete_login_by_recovery_code,
    half_login_factors,
)
from secure_flask.accounts.settings import AccountSettings, public_link
from secure_flask.accounts.smtp import send_mail, text_of_mail
from secure_flask.accounts.users import AccountMixin, account_of
from secure_flask.accounts.worker import development_mails
from secure_flask.auth.user_changes import user_deleted
from secure_flask.auth.users import ACCOUNT_RULES, AccountRules
from secure_flask.state import app_state
from secure_flask.web.serving import serves_requests

__all__ = [
    "AccountMixin",
    "AccountSettings",
    "accept_factor_invitation",
    "add_passkey",
    "begin_authenticator",
    "begin_passkey_login",
    "begin_passkey_registration",
    "begin_passkey_second_factor",
    "change_name",
    "checked_address",
    "checked_name",
    "complete_login_by_code",
    "complete_login_by_passkey",
    "complete_login_by_recovery_code",
    "confirm_email_change",
    "confirm_registration",
    "delete_account",
    "delete_passkey",
    "development_mails",
    "factors_of",
    "find_authenticator",
    "find_email_change",
    "find_password_reset",
    "find_registration",
    "finish_authenticator",
    "half_login_factors",
    "init_app",
    "list_passkeys",
    "log_in_by_passkey",
    "passkey_signals",
    "personal_data",
    "public_link",
    "reauthenticate_by_passkey",
    "recovery_codes_left",
    "remove_authenticator",
    "replace_recovery_codes",
    "request_email_change",
    "request_password_reset",
    "request_registration",
    "resend_registration",
    "reset_password",
    "send_mail",
    "show_recovery_codes",
    "shown_recovery_codes",
    "text_of_mail",
    "user_deleted",
]


def init_app(app: Flask) -> None:
    """Set accounts up, after `init_app` of secure_flask: `accounts.init_app(app)`."""
    commands.init_app(app)
    app_state(app)[ACCOUNT_RULES] = AccountRules(
        factors.role_demands_factor,
        factors.second_step_of,
        lambda user: leaving.delete_account(account_of(user)),
    )
    if serves_requests():
        # A server does not start without these. Commands skip them, since they are large.
        import email_validator  # noqa: F401
        import webauthn  # noqa: F401
    worker.init_app(app)
