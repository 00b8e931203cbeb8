"""Logs in a user whom another site has identified, such as a provider of OpenID Connect.

Your code verifies the answer of that site, and finds the user by it. The login then is like one by
password: the same row, cookie and limits. Only its age and its factors come from the other site, if
the caller passes them.
Source: OpenID Connect Core 1.0, sections 2 and 3.1.3.7; RFC 8176; RFC 9470; OWASP ASVS 6.8.1,
6.8.4, 7.6.1.
"""

from collections.abc import Collection
from functools import partial
from typing import Any

from flask import request
from secure_flask.auth import throttle, tokens
from secure_flask.auth.authentication import BeginHalf, second_factor_of
from secure_flask.auth.logins import Voucher
from secure_flask.auth.principal import current_principal, no_program_here
from secure_flask.auth.tokens import session
from secure_flask.auth.users import UserMixin, demands_second_factor, locked_user
from secure_flask.clock import seconds_now
from secure_flask.database.core_tables import needs_core_tables
from secure_flask.web import audit
from secure_flask.web.csrf import SAFE_METHODS, is_consumed_form
from secure_flask.web.errors import error_response

# The value of `amr` for several factors.
MULTIPLE_FACTORS = "mfa"
CLOCK_SKEW = 5 * 60  # seconds


@needs_core_tables
def log_in_user(
    user: Any,
    *,
    provider: str,
    keep: bool = False,
    at: float | None = None,
    second_factor: bool | Collection[str] | None = True,
) -> dict[str, Any]:
    """Log in a user whom your code has identified by the answer of another site, and commit.

    `log_in_user(user, provider=issuer, at=claims["auth_time"], second_factor=claims.get("amr"))`.
    Never find the user by a name or an address that the client sent. `provider` names the site in
    the log. The body is that of `log_in`; a page, also one that is opened by GET, gets the cookie.

    `at` is when the user logged in there, in seconds since 1970. Without it, or with a time in the
    future, the login is never recent, so `@recent_login` refuses it.

    The second factor of accounts is asked for, unless `second_factor` is the list `amr` of the
    provider with "mfa" in it. False says that the other site asks for one itself, which is not
    enough for a role that demands one.

    :raises ErrorResponse: 401, the user is disabled or deleted; 403, a key sent the request; 429,
        too many failures.
    """
    # A view that accepts keys could pass the user of a key.
    if current_principal().program:
        raise no_program_here()
    voucher = Voucher(provider, _credible_time(at))
    has_shown = _says_multiple_factors(second_factor)
    begin: BeginHalf | None = None
    with throttle.count_attempt("log_in_user") as attempt:
        found = locked_user(user)
        attempt.succeeded = found is not None
        if found and _is_asked_here(found, second_factor) and (begin := second_factor_of(found)):
            attempt.is_half = True
            begin = partial(begin, attempt=attempt)
    if found is None:
        audit.record(audit.LOGIN_FAIL, provider=provider, reason="disabled or deleted")
        raise error_response(401, "Invalid credentials")
    on_page = request.method in SAFE_METHODS or is_consumed_form()
    if begin:
        return begin(keep=keep, replaces=None, on_page=on_page, voucher=voucher)
    kind = session if on_page else tokens.chosen_token_type()
    body = kind.issue_token(found, keep=keep, second_factor=has_shown, voucher=voucher)
    audit.record(audit.LOGIN_SUCCESS, account=found.name, user_id=found.id, provider=provider)
    return body


def _credible_time(at: object) -> int | None:
    """The time, or now if the other clock is a little ahead; None for an impossible time.

    A provider that counts milliseconds would otherwise make each login recent.
    """
    now = seconds_now()
    if not isinstance(at, int | float) or not 0 <= at <= now + CLOCK_SKEW:
        return None
    return int(min(at, now))


def _is_asked_here(user: UserMixin, second_factor: object) -> bool:
    if second_factor is False:
        return demands_second_factor(user)
    return not _says_multiple_factors(second_factor)


def _says_multiple_factors(second_factor: object) -> bool:
    # A text instead of a list could contain "mfa" within another word.
    if not isinstance(second_factor, list | tuple | set | frozenset):
        return False
    return MULTIPLE_FACTORS in second_factor
