"""Tells users by mail of a login from a place that is new to them, so that they notice a thief.

A place is a browser on a system, both without their versions, in a network. A known browser in a
new network is a new place, since many people have the browser of the thief. A network is wide,
since phones and many homes get another address each day, and nobody reads a mail that comes daily.
Source: OWASP ASVS 6.3.5.
"""

from flask import current_app, has_request_context
from secure_flask.accounts import notices, places
from secure_flask.accounts.users import AccountMixin, account_of
from secure_flask.auth import authentication, logins
from secure_flask.auth.logins import Login, browser_and_system
from secure_flask.auth.users import UserMixin
from secure_flask.web.counters import client_address

KNOWN = "known place"
# A place is known for KEPT_LIFETIME, in which the user need not log in again, and for this time.
KNOWN_FOR = 30 * 24 * 60 * 60  # seconds
# A registry gives a provider at least a /32 of IPv6. Source: RIPE-738, section 5.1.
PROVIDER = 32  # bits


@logins.login_started.connect
def login_started(user: UserMixin, login: Login) -> None:
    """Tell the user, unless this is the first login, and remember the place."""
    account = account_of(user)
    if not _has_place():
        return
    if account.has_logged_in and not places.is_known_place(account, KNOWN, _present_place()):
        notices.new_login(account, login)
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
    places.forget_places(user, KNOWN)


def count_known_places(user: AccountMixin) -> int:
    return places.count_places(user, KNOWN)


def _has_place() -> bool:
    """Whether the policy asks for the notices, and this is a request, which a script is not."""
    return current_app.config["NEW_LOGIN_NOTICE"] and has_request_context()


def _remember_present_place(user: AccountMixin) -> None:
    lifetime = current_app.config["KEPT_LIFETIME"] + KNOWN_FOR
    places.remember_place(user, KNOWN, _present_place(), lifetime)


def _present_place() -> str:
    browser, system = browser_and_system()
    return f"{browser} on {system}, {_present_network()}"


def _present_network() -> str:
    """Half of an IPv4 address, or the first 32 bits of an IPv6 address."""
    return ".".join(client_address(PROVIDER).split(".")[:2])
