"""Logs users in by name and password or by another site, ends logins and changes passwords.

A wrong name and a wrong password get the same response in the same time, so names cannot be
enumerated. Failures are limited by address and by account. A new password ends all logins,
which locks out an attacker who had logged in.

Another site, such as a provider of OpenID Connect, identifies a user by an answer that the app's code
verifies. The login then is like one by password: the same row, cookie and limits. Only its age and
its factors come from the other site, if the caller passes them.
Source: OpenID Connect Core 1.0, sections 2 and 3.1.3.7; RFC 8176; RFC 9470; OWASP ASVS 6.2.2, 6.2.3,
6.3.1, 6.3.8, 6.8.1, 6.8.4, 7.4.1 to 7.4.3, 7.5.1, 7.5.2, 7.6.1.
"""

from collections.abc import Collection
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

from blinker import Namespace
from flask import request
from secure_flask.auth import access, logins, passwords, throttle, tokens
from secure_flask.auth.logins import Login, Voucher
from secure_flask.auth.principal import current_principal, forget_current_login, no_program_here
from secure_flask.auth.throttle import Attempt
from secure_flask.auth.tokens import session
from secure_flask.auth.user_changes import changed_by
from secure_flask.auth.users import (
    BeginHalf,
    UserMixin,
    account_rules_for,
    demands_second_factor,
    locked_user,
    replace_hash,
    user_class,
)
from secure_flask.clock import seconds_now
from secure_flask.crypto.encryption import readable_value
from secure_flask.database import db
from secure_flask.web import audit
from secure_flask.web.csrf import SAFE_METHODS, is_consumed_form
from secure_flask.web.errors import error_response

# This signal gets the user who entered the present password, in the transaction of the change.
password_changed = Namespace().signal("password-changed")
# This signal gets the user whose password an operator set, in the transaction of the change.
password_set = Namespace().signal("password-set")

# The value of `amr` for several factors.
MULTIPLE_FACTORS = "mfa"
CLOCK_SKEW = 5 * 60  # seconds


def log_in(name: str, password: str, *, keep: bool = False) -> dict[str, Any]:
    """Check the credentials, log the user in and commit; return the body of the response.

    A form gets the session cookie, JSON a token of TOKEN_TYPE. With `keep` the login lasts for
    KEPT_LIFETIME. The body has the members of `LoginResponse`:
    `return log_in(body.username, body.password, keep=body.keep)`. From then on `current_user` is the
    user.

    If a second factor is missing, nobody is logged in yet: the body has `tf_required` (True),
    `factors` (list of str) and `tf_token` (str); a form is redirected to SECOND_FACTOR_PAGE.

    :raises ErrorResponse: 401, wrong credentials; 429, too many failures; 503, too busy.
    """
    user, begin = _verified_for_login(name, password)
    if user is None:
        audit.record(audit.LOGIN_FAIL, account=name)
        raise error_response(401, "Invalid credentials")
    if begin:
        return begin(keep=keep, replaces=None, on_page=is_consumed_form())
    body = tokens.token_type_for_new_login().issue_token(user, keep=keep)
    audit.record(audit.LOGIN_SUCCESS, account=name, user_id=user.id)
    return body


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


def reauthenticate(password: str) -> dict[str, Any]:
    """Check the password of the logged-in user, replace the present login by a new one, and commit.

    The body is that of `log_in`: `return reauthenticate(body.password)`.

    :raises ErrorResponse: 401, nobody is logged in; 403, wrong password; 429, too many failures;
        503, too busy.
    """
    login = access.require_login()
    name = access.require_user().name
    user, begin = _verified_for_login(name, password)
    if user is None:
        audit.record(audit.LOGIN_FAIL, account=name, reason="reauthentication")
        raise error_response(403, "Wrong password")
    if begin:
        return begin(keep=login.kept, replaces=login, on_page=is_consumed_form())
    body = renew_login(user, login)
    audit.record(audit.LOGIN_SUCCESS, account=user.name, reason="reauthentication")
    return body


def log_out() -> None:
    """End the login of this request and commit; the browser drops what it stored: `log_out()`.

    :raises ErrorResponse: 401, nobody is logged in, as for all functions of the logged-in user.
    """
    login = access.require_login()
    logins.end_login_of(login.id, access.require_user())
    audit.record(audit.SESSION_LOGOUT)
    forget_login(login)


def forget_login(login: Login) -> None:
    """Let the browser and the rest of this request forget the login, which has ended."""
    if login.kind == session.KIND:
        session.forget_session()
    forget_current_login()


def change_password(current: str, new: str, *, keep_keys: bool = False) -> dict[str, Any]:
    """Change the user's password, end all logins and keys, begin a new login, and commit.

    The body is that of `log_in`: `change_password(body.current_password, body.new_password)`. With
    `keep_keys` the keys of programs stay.

    :raises ErrorResponse: 400, a bad new password; 401, the login has ended in the meantime; 403,
        a wrong current one; 429, too many failures; 503, too busy.
    """
    login = access.require_login()
    user = _verified_user(access.require_user().name, current, new)
    if user is None:
        audit.record(audit.PASSWORD_CHANGE_FAIL)
        raise error_response(403, "Wrong current password")
    # The present login stays until `renew_login`, which raises 401 if it has ended meanwhile.
    logins.end_logins_of(user, keep=login, keep_keys=keep_keys)
    password_changed.send(user)
    # The password alone makes no login recent for a user with a second factor: its age stays.
    voucher = Voucher("login", login.authenticated) if second_factor_of(user) else None
    body = renew_login(user, login, voucher=voucher)
    audit.record(audit.PASSWORD_CHANGE)
    return body


def set_password(user: UserMixin, password: str, *, check_password: bool = True) -> None:
    """Set a password without the current one, end all the user's logins and keys, and commit.

    `set_password(user, password)`, as `flask user password` does for an operator. Your view decides
    who may do this; users change theirs by `change_password`. The present login ends too if it is
    this user's. Accounts send the user a notice. `check_password=False` accepts any password, for
    one that your code generates.

    :raises ErrorResponse: 400, a bad password, with the reason; 503, too busy.
    """
    if check_password:
        user.password_hash = _hash_of_new_password(user, password, field="password")
    else:
        user.password_hash = passwords.hash_password(password)
    logins.end_logins_of(user)
    password_set.send(user)
    db.session.commit()
    by = changed_by(user)
    audit.record(audit.PASSWORD_CHANGE, account=user.name, user_id=user.id, by=by)


def list_logins() -> list[dict[str, Any]]:
    """The logins of the user, newest first: `return {"sessions": list_logins()}`.

    Each has `id` (str), `created`, `last_used`, `expires` (int, in seconds since 1970), `current`
    (bool), and `client` (str, as it described itself; None if that is unknown).

    :raises ErrorResponse: 401, nobody is logged in.
    """
    present = access.require_login()
    return [
        {
            "id": login.id,
            "created": login.created,
            # The present login is used now; its row is updated only after the request.
            "last_used": seconds_now() if login.id == present.id else login.last_used,
            "expires": login.expires,
            "current": login.id == present.id,
            "client": readable_value(login, "client"),
        }
        for login in logins.logins_of(access.require_user())
    ]


def end_login(login_id: str) -> None:
    """End one of the user's logins and commit: `end_login(login_id)`, an id of `list_logins`.

    :raises ErrorResponse: 401, nobody is logged in; 404, it is no login of this user.
    """
    if not logins.end_login_of(login_id, access.require_user()):
        raise error_response(404, "Not Found")
    audit.record(audit.SESSION_EXPIRED, reason="revoked", session=login_id)


def end_other_logins(user: UserMixin | None = None) -> None:
    """End all logins of the user but the present one, and commit: `end_other_logins()`.

    `end_other_logins(user)` ends all logins and keys of another user. Your view decides who may do
    this.

    :raises ErrorResponse: 401, nobody is logged in and no user is given.
    """
    if user is None:
        present = access.require_login()
        logins.end_logins_of(access.require_user(), keep=present, keep_keys=True)
        fields: dict[str, Any] = {"session": "all others"}
    else:
        logins.end_logins_of(user)
        of_whom = {"account": user.name, "user_id": user.id, "by": changed_by(user)}
        fields = {"session": "all", **of_whom}
    db.session.commit()
    audit.record(audit.SESSION_EXPIRED, reason="revoked", **fields)


def is_right_password(user: UserMixin, password: str) -> bool:
    """Whether this is the user's password. This logs nobody in.

    :raises ErrorResponse: 429, too many failures; 503, too busy.
    """
    return _verified_user(user.name, password) is not None


def second_factor_of(user: UserMixin) -> BeginHalf | None:
    """The function that begins the user's second step; None if the password is enough."""
    rules = account_rules_for(user)
    return rules.second_step_of(user) if rules else None


def renew_login(
    user: UserMixin, login: Login, *, second_factor: bool = False, voucher: Voucher | None = None
) -> dict[str, Any]:
    """Replace a login by a new one of its kind; return the body. The user's row must be locked."""
    return tokens.token_type_of(login).issue_token(
        user, keep=login.kept, second_factor=second_factor, replaces=login, voucher=voucher
    )


def _verified_user(name: str, password: str, new: str | None = None) -> UserMixin | None:
    """The user, with the hash of the `new` password if there is one; None for wrong credentials.

    The user's row is locked from the replacement of the hash until the commit.
    """
    with _count_password(name) as attempt:
        return _verify_password(attempt, name, password, new)


def _verified_for_login(name: str, password: str) -> tuple[UserMixin | None, BeginHalf | None]:
    """The user, as above, and the function that begins the second step, if one is needed."""
    begin: BeginHalf | None = None
    with _count_password(name) as attempt:
        user = _verify_password(attempt, name, password)
        if user and (begin := second_factor_of(user)):
            attempt.is_half = True
            begin = partial(begin, attempt=attempt)
    return user, begin


def _count_password(name: str) -> AbstractContextManager[Attempt]:
    """Count an attempt under the typed name, the same for all its spellings.

    Nothing that is stored about the user counts here. If a name and its e-mail address were one
    count, the limit would reveal that they belong together.
    """
    return throttle.count_attempt("password", user_class().spelled(name))


def _verify_password(
    attempt: Attempt, name: str, password: str, new: str | None = None
) -> UserMixin | None:
    """Verify the stored hash, and once more if another request has replaced it meanwhile.

    When several right logins run at once, only the first can replace an outdated hash. The others
    verify the new hash, and succeed too.
    """
    for _ in range(2):
        user = user_class().find(name)
        stored = user.password_hash if user and not user.disabled else None
        # A right password is a success even if hashing its replacement raises an exception.
        attempt.succeeded = passwords.verify_user_password(stored, password)
        if not (attempt.succeeded and user and stored):
            return None
        # The new hash is made before the row is locked, since hashing takes long.
        replacement = _replacement_of(stored, user, password, new)
        attempt.succeeded = replace_hash(user, replacement)
        if attempt.succeeded:
            return user
    return None


def _replacement_of(stored: str, user: UserMixin, password: str, new: str | None) -> str:
    if new is None:
        return passwords.rehashed_password(stored, password)
    return _hash_of_new_password(user, new)


def _hash_of_new_password(user: UserMixin, new: str, field: str | None = None) -> str:
    personal = (user.name, readable_value(user, "email"))
    return passwords.hash_new_password(new, *personal, field=field)


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
