"""Changes of the factors. Each ends all other logins, and the user gets a notice.

If a role demands a factor, the first one needs an invitation code from the operator. Otherwise a
thief of the password could set it up. Recovery codes come with the first factor, so that a lost
device locks nobody out.
Source: OWASP ASVS 6.3.3, 6.4.3, 6.5.1 to 6.5.3, 7.4.3, 7.5.1.
"""

from typing import Any

from secure_flask.accounts import (
    authenticator,
    half_logins,
    login_places,
    notices,
    passkeys,
    recovery_codes,
)
from secure_flask.accounts.authenticator import AuthenticatorSetup
from secure_flask.accounts.factors import AUTHENTICATOR, RECOVERY, factors_of, role_demands_factor
from secure_flask.accounts.second_step import INVITATION, use_invitation
from secure_flask.accounts.steps import Step
from secure_flask.accounts.users import AccountMixin, account_of, require_recent_user
from secure_flask.auth import logins
from secure_flask.auth.logins import Login
from secure_flask.auth.principal import current_login
from secure_flask.auth.users import replace_hash
from secure_flask.database import db
from secure_flask.web import audit
from secure_flask.web.errors import error_response, plain_error
from sqlalchemy import select


def begin_authenticator(tf_token: str | None = None) -> AuthenticatorSetup:
    """Begin to set up an authenticator app, for the user of a recent login or of an invitation.

    `begin_authenticator()`. A half login by JSON passes its `tf_token`. The result has `user`,
    `state`, `secret` (base32) and `uri` (str), and `image`, the QR code as SVG for a template.

    :raises ErrorResponse: 401, neither of these; 403, a role demands an invitation.
    """
    _, user = _who_sets_up(tf_token)
    return authenticator.begin_authenticator_setup(user)


def find_authenticator(state: str, tf_token: str | None = None) -> AuthenticatorSetup:
    """The setup that was begun, to show it again: `find_authenticator(state).image`.

    :raises ErrorResponse: 400, an ended setup; 401, neither a recent login nor an invitation; 403,
        a role demands an invitation.
    """
    _, user = _who_sets_up(tf_token)
    return authenticator.find_authenticator_setup(user, state)


def finish_authenticator(state: str, code: str, tf_token: str | None = None) -> dict[str, Any]:
    """Store the app if its first code is right, end all other logins, and commit.

    `finish_authenticator(setup.state, "123456")`. After a half login the dict is the body of
    the login, otherwise it is empty. With the first factor of a user it has `recovery_codes` (list
    of str).

    :raises ErrorResponse: 400, a wrong code or an ended setup; 401, neither a recent login nor an
        invitation; 403, a role demands an invitation, or it was used in the meantime.
    """
    half, user = _who_sets_up(tf_token)
    options = half.data if half else None
    _lock_user(user)
    is_first = not factors_of(user)
    authenticator.finish_authenticator_setup(user, state, code)
    if options:
        use_invitation(options[INVITATION])
    codes = _first_recovery_codes(user) if is_first else {}
    replaced = half_logins.replaced_login(options) if options else None
    # This ends the half login too.
    _finish_change(user, "An authenticator app was added", replaced)
    if options:
        return codes | half_logins.begin_full_login(user, options, AUTHENTICATOR)
    db.session.commit()
    return codes


def remove_authenticator() -> None:
    """Remove the authenticator app of the logged-in user, and recovery codes if no factor is left.

    `remove_authenticator()` ends all other logins and commits.

    :raises ErrorResponse: 401, no login of the last five minutes; 409, a role demands a factor, and
        there is no other.
    """
    user = _lock_user(require_recent_user())
    user.totp_secret = user.totp_last_step = None
    _finish_removal(user, "The authenticator app was removed")


def begin_passkey_registration() -> dict[str, object]:
    """Begin to add a passkey of the logged-in user: `return begin_passkey_registration()`.

    The dict has `state` (str), and `options` for navigator.credentials.create() of the browser.

    :raises ErrorResponse: 401, no login of the last five minutes; 403, it would be the first factor
        that a role demands; 409, the user has as many as are allowed.
    """
    return passkeys.begin_passkey_registration_of(_who_adds())


def add_passkey(state: str, credential: str, name: str) -> dict[str, list[str]]:
    """Add the passkey that a device made, end all other logins, and commit.

    `add_passkey(state, credential, "My phone")`; `credential` is the JSON of the device's answer.
    With the first factor of a user the dict has `recovery_codes` (list of str), else it is empty.

    :raises ErrorResponse: 400, the answer does not fit; 401, no login of the last five minutes;
        403, it would be the first factor that a role demands; 409, there is a passkey of this name,
        or the user has as many as are allowed.
    """
    user = _who_adds()
    if name in [each.name for each in passkeys.passkeys_of(user)]:
        raise error_response(409, "There is a passkey of this name already")
    passkey = passkeys.finish_passkey_registration(user, state, credential, name)
    # The lock comes after the challenge is used up: that commits, which would end the lock.
    _lock_user(user)
    passkeys.limit_passkeys(user, passkeys.MAX_PASSKEYS)
    is_first = not user.has_authenticator and passkeys.passkeys_of(user) == [passkey]
    codes = _first_recovery_codes(user) if is_first else {}
    _finish_change(user, "A passkey was added")
    db.session.commit()
    return codes


def delete_passkey(name: str) -> None:
    """Delete a passkey of the logged-in user, end all other logins, and commit.

    `delete_passkey("My phone")`, a name of `list_passkeys`.

    :raises ErrorResponse: 401, no login of the last five minutes; 404, no passkey has this name;
        409, a role demands a factor, and there is no other.
    """
    user = _lock_user(require_recent_user())
    if not passkeys.delete_passkey_of(user, name):
        raise error_response(404, "Not Found")
    _finish_removal(user, "A passkey was deleted")


def replace_recovery_codes() -> list[str]:
    """Replace all recovery codes of the logged-in user.

    `replace_recovery_codes()` returns eight texts, ends all other logins and commits.

    :raises ErrorResponse: 401, no login of the last five minutes; 409, there is no second factor
        that they could replace.
    """
    user = _lock_user(require_recent_user())
    if not factors_of(user):
        raise error_response(409, "Set up an authenticator app or a passkey first")
    codes = recovery_codes.replace_recovery_codes(user)
    _finish_change(user, "The recovery codes were replaced")
    db.session.commit()
    return codes


def _who_sets_up(tf_token: str | None) -> tuple[Step | None, AccountMixin]:
    half = half_logins.current_half_login(tf_token)
    if half and half.data.get(INVITATION) and not factors_of(account_of(half.user)):
        return half, account_of(half.user)
    if tf_token:
        raise half_logins.half_login_ended()
    return None, _who_adds()


def _who_adds() -> AccountMixin:
    """The user of a recent login; 403 if a role demands an invitation for the first factor."""
    user = require_recent_user()
    if role_demands_factor(user) and not factors_of(user):
        raise error_response(403, "A role of yours demands a second factor: log in again")
    return user


def _lock_user(user: AccountMixin) -> AccountMixin:
    """Lock and reread the row of the user, so that parallel changes wait for each other."""
    login = current_login()
    unchanged = replace_hash(user, user.password_hash)
    # A login that has ended meanwhile must not add a factor.
    lives = login is None or db.session.scalar(select(Login.id).where(Login.id == login.id))
    if not (unchanged and lives):
        db.session.rollback()
        raise plain_error(401)
    return user


def _first_recovery_codes(user: AccountMixin) -> dict[str, list[str]]:
    return {"recovery_codes": recovery_codes.replace_recovery_codes(user)}


def _finish_removal(user: AccountMixin, change: str) -> None:
    db.session.flush()
    left = factors_of(user)
    if not left and role_demands_factor(user):
        db.session.rollback()
        raise error_response(409, "A role of yours demands a second factor: add another one first")
    if not {*left} - {RECOVERY}:
        recovery_codes.delete_recovery_codes(user)
    _finish_change(user, change)
    db.session.commit()


def _finish_change(user: AccountMixin, change: str, keep: Login | None = None) -> None:
    """End all logins but `keep` or the present one, and notify the user; the caller commits."""
    db.session.flush()
    logins.end_logins_of(user, keep=keep or current_login(), keep_keys=True)
    login_places.trust_network(user)
    notices.factors_changed(user, change)
    audit.record(audit.USER_UPDATED, account=user.name, user_id=user.id, change=change)
