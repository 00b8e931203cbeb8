"""Second factors: which a user has, and whether a role demands one.

A stolen password is not enough: a user with an authenticator app or a passkey must show one too,
at login and at reauthentication. Source: OWASP ASVS 6.3.3, 6.5.7, 7.5.1.
"""

from functools import partial

from flask import current_app
from secure_flask.accounts import half_logins, passkeys, recovery_codes
from secure_flask.accounts.users import AccountMixin, account_of
from secure_flask.auth.users import BeginHalf, UserMixin

AUTHENTICATOR = "authenticator"
PASSKEY = "passkey"
RECOVERY = "recovery_code"


def factors_of(user: AccountMixin) -> list[str]:
    """The factors by which a user can complete a login: `"passkey" in factors_of(user)`.

    Each is "authenticator", "passkey" or "recovery_code"; without a factor the list is empty.
    """
    strong = {AUTHENTICATOR: user.has_authenticator, PASSKEY: bool(passkeys.passkeys_of(user))}
    there = [name for name, is_there in strong.items() if is_there]
    return [*there, RECOVERY] if there and recovery_codes.recovery_codes_left(user) else there


def role_demands_factor(user: UserMixin) -> bool:
    """Whether a role of the user demands a second factor, by SECOND_FACTOR_ROLES."""
    demanding = {*current_app.config["SECOND_FACTOR_ROLES"]}
    # Each request asks this. It costs no query if no role demands a factor.
    return bool(demanding) and not demanding.isdisjoint(user.role_names)


def second_step_of(user: UserMixin) -> BeginHalf | None:
    """The function that begins the second step or the first setup; None if neither is needed."""
    found = account_of(user)
    there = factors_of(found)
    if not there and not role_demands_factor(found):
        return None
    return partial(half_logins.begin_half_login, found, there)
