"""Mails that tell users what happened to their account, so that they notice an attack.

One kind tells of a login from a place that is new to the user. A place is a browser on a system,
both without their versions, in a network. A known browser in a new network is a new place, since
many people have the browser of the thief. A network is wide, since phones and many homes get
another address each day, and nobody reads a mail that comes daily.
Source: OWASP ASVS 6.3.5, 6.3.7.
"""

from flask import current_app, has_request_context
from secure_flask.accounts import login_places
from secure_flask.accounts.outbox import notify_address, notify_user
from secure_flask.accounts.users import AccountMixin, account_of
from secure_flask.auth import authentication, logins
from secure_flask.auth.logins import Login, browser_and_system
from secure_flask.auth.users import UserMixin
from secure_flask.keys import api_keys
from secure_flask.web.counters import client_address
from secure_flask.web.errors import translated_text

KNOWN = "known place"
# A place is known for KEPT_LIFETIME, in which the user need not log in again, and for this time.
KNOWN_FOR = 30 * 24 * 60 * 60  # seconds
# A registry gives a provider at least a /32 of IPv6. Source: RIPE-738, section 5.1.
PROVIDER = 32  # bits


@authentication.password_changed.connect
@authentication.password_set.connect
def password_changed(user: AccountMixin) -> None:
    notify_user(user, "password_changed")


@api_keys.key_created.connect
def key_created(user: AccountMixin, name: str) -> None:
    notify_user(user, "key_created", name=name)


def email_change_requested(user: AccountMixin) -> None:
    notify_user(user, "email_change_requested")


def email_changed(user: AccountMixin, old: str) -> None:
    """Tell the old address, whose reader may be the owner.

    The notice belongs to no user, so that it is sent even if a thief deletes the account.
    """
    notify_address(old, "email_changed", username=user.name)


def name_changed(user: AccountMixin, old: str) -> None:
    notify_user(user, "name_changed", old=old)


def factors_changed(user: AccountMixin, change: str) -> None:
    """`change` is a sentence, as in "An authenticator app was added"."""
    notify_user(user, "factors_changed", about=change, change=translated_text(change))


def new_login(user: AccountMixin, login: Login) -> None:
    """Tell the user of a login from a new place; `client` is what the list of logins shows."""
    notify_user(user, "new_login", client=login.client)


def code_failed(user: AccountMixin) -> None:
    """Warn the user that somebody who knows the password sent a wrong code."""
    notify_user(user, "code_failed")


@logins.login_started.connect
def tell_of_new_place(user: UserMixin, login: Login) -> None:
    """Tell the user, unless this is the first login, and remember the place."""
    account = account_of(user)
    if not _has_place():
        return
    if account.has_logged_in and not login_places.is_known_place(account, KNOWN, _present_place()):
        new_login(account, login)
    account.has_logged_in = True
    _remember_present_place(account)


@authentication.password_changed.connect
def know_only_present_place(user: AccountMixin) -> None:
    """Forget where the old password was used, by a thief perhaps, within the transaction."""
    forget_known_places(user)
    if _has_place():
        _remember_present_place(user)


@authentication.password_set.connect
def forget_known_places(user: AccountMixin) -> None:
    login_places.forget_places(user, KNOWN)


def count_known_places(user: AccountMixin) -> int:
    return login_places.count_places(user, KNOWN)


def _has_place() -> bool:
    """Whether the policy asks for the notices, and this is a request, which a script is not."""
    return current_app.config["NEW_LOGIN_NOTICE"] and has_request_context()


def _remember_present_place(user: AccountMixin) -> None:
    lifetime = current_app.config["KEPT_LIFETIME"] + KNOWN_FOR
    login_places.remember_place(user, KNOWN, _present_place(), lifetime)


def _present_place() -> str:
    browser, system = browser_and_system()
    return f"{browser} on {system}, {_present_network()}"


def _present_network() -> str:
    """Half of an IPv4 address, or the first 32 bits of an IPv6 address."""
    return ".".join(client_address(PROVIDER).split(".")[:2])
