"""Half logins: the password was right, and the second factor is still missing.

A half login opens only the second step, for five minutes and one success. Five wrong codes end it,
and a change of the password or the factors ends it too. The right password counts as a failure
until the second step succeeds. Source: OWASP ASVS 6.3.1, 6.5.1, 6.5.5, 7.2.4.
"""

from typing import Any

from flask import abort, after_this_request, current_app, flash, redirect, request, url_for
from secure_flask.accounts import login_places, steps
from secure_flask.accounts.steps import Step
from secure_flask.accounts.users import AccountMixin, account_of
from secure_flask.auth import authentication, next_pages, throttle, tokens
from secure_flask.auth.logins import Login, Voucher
from secure_flask.auth.principal import logged_in_user
from secure_flask.auth.tokens import session
from secure_flask.auth.users import replace_hash
from secure_flask.database import db
from secure_flask.web import audit, cookies
from secure_flask.web.errors import ErrorResponse, error_response, prefers_html
from werkzeug.wrappers import Response

PURPOSE = "half login"
COOKIE = "half"
LIFETIME = 5 * 60  # seconds
MAX_HALF_LOGINS = 5  # of a user in one network
# A thief of the password may begin more from many networks. The unread ones expire anyway.
MOST_READ = 100


def begin_half_login(
    user: AccountMixin,
    factors: list[str],
    *,
    keep: bool,
    replaces: Login | None,
    attempt: throttle.Attempt,
    on_page: bool,
    voucher: Voucher | None = None,
) -> dict[str, object]:
    """Store a half login with its attempt; return the body that asks for one of the factors.

    JSON gets the member `tf_token`. A page gets a cookie and a redirect to SECOND_FACTOR_PAGE. The
    redirect is an exception, so that no view takes a half login for a login.
    """
    place = login_places.present_network().hex()
    _end_oldest(user, place)
    step = steps.add_step(
        PURPOSE,
        LIFETIME,
        user=user,
        on_page=on_page,
        place=place,
        keep=keep,
        replaces=replaces.id if replaces else None,
        attempt=attempt.to_json(),
        voucher=voucher,
    )
    secret = steps.give_step_secret(step)
    db.session.commit()
    if on_page:
        page = url_for(current_app.config["SECOND_FACTOR_PAGE"], next=next_pages.checked_next())
        response = redirect(page, 303)
        response.set_cookie(
            cookies.cookie_name(COOKIE), secret, max_age=LIFETIME, **cookies.cookie_flags()
        )
        abort(response)
    return {"tf_required": True, "factors": factors, "tf_token": secret}


def current_half_login(tf_token: str | None = None) -> Step | None:
    """The half login of this request, by the `tf_token` of its JSON or by the cookie of a page."""
    return steps.find_step(PURPOSE, tf_token or _cookie())


def find_half_login(tf_token: str | None = None) -> tuple[Step, AccountMixin]:
    """The half login of this request and its user.

    :raises ErrorResponse: 401, there is none: the login must begin again.
    """
    step = current_half_login(tf_token)
    if step is None or step.user is None:
        raise half_login_ended()
    return step, account_of(step.user)


def attempt_half_login(tf_token: str | None = None) -> tuple[Step, AccountMixin]:
    """Find the half login, and count an answer before its check, so that parallel ones count too.

    :raises ErrorResponse: 401, there is none, or it had its five answers.
    """
    step, user = find_half_login(tf_token)
    if not steps.count_step_failure(step.id):
        raise half_login_ended()
    return step, user


def finish_half_login(step: Step, user: AccountMixin, factor: str) -> dict[str, object]:
    """Use a half login up, and return the body of the login that it becomes.

    :raises ErrorResponse: 401, it has ended or the password has changed in the meantime.
    """
    options = step.data
    # The row of the user stays locked until the commit, as in a login by password alone. Its lock
    # comes before that of the step, as in a change of the password, so that they cannot deadlock.
    if not (replace_hash(user, user.password_hash) and steps.use_step(step)):
        db.session.rollback()
        raise half_login_ended()
    return begin_full_login(user, options, factor)


def begin_full_login(user: AccountMixin, options: dict[str, Any], factor: str) -> dict[str, object]:
    """The body of the login that a half login with these options becomes.

    The caller has locked the row of the user.

    :raises ErrorResponse: 401, the login to renew ended meanwhile.
    """
    after_this_request(_forget_cookie)
    login_places.trust_network(user)
    login = replaced_login(options)
    if login is None and options["replaces"]:
        db.session.rollback()
        raise half_login_ended()
    voucher = Voucher(*options["voucher"]) if options["voucher"] else None
    if login is None:
        # A page gets a cookie even if its script sends the answer of a passkey as JSON.
        kind = session if options["on_page"] else tokens.chosen_token_type()
        body = kind.issue_token(user, keep=options["keep"], second_factor=True, voucher=voucher)
    else:
        body = authentication.renew_login(user, login, second_factor=True)
    throttle.complete_attempt(options["attempt"])
    factors = f"{voucher.provider if voucher else 'password'}, {factor}"
    audit.record(audit.LOGIN_SUCCESS, account=user.name, user_id=user.id, factors=factors)
    return body


def replaced_login(options: dict[str, Any]) -> Login | None:
    """The login that a half login with these options makes recent; None if it makes a new one."""
    return db.session.get(Login, options["replaces"]) if options["replaces"] else None


def half_login_ended() -> ErrorResponse:
    """The error for a half login that has ended.

    A browser goes to the login page. A logged-in one goes to the page for its password.
    """
    error = error_response(401, "The second step has ended: begin again")
    page = current_app.config["REAUTHENTICATION_PAGE" if logged_in_user() else "LOGIN_PAGE"]
    if prefers_html() and page in current_app.view_functions:
        flash(f"{error.description}.")
        error.see_other = url_for(page, next=next_pages.checked_next())
    return error


def _end_oldest(user: AccountMixin, place: str) -> None:
    """Make room for one more in this network. The check of the password has locked the user."""
    there = [
        each
        for each in steps.steps_of_user(PURPOSE, user, limit=MOST_READ)
        if each.data["place"] == place
    ]
    there.sort(key=lambda each: each.expires)
    for step in there[: max(0, len(there) - MAX_HALF_LOGINS + 1)]:
        steps.use_step(step)


def _cookie() -> str:
    return request.cookies.get(cookies.cookie_name(COOKIE), "")


def _forget_cookie(response: Response) -> Response:
    if cookies.cookie_name(COOKIE) in request.cookies:
        response.delete_cookie(cookies.cookie_name(COOKIE), **cookies.cookie_flags())
    return response
