"""Mails that tell users what happened to their account, so that they notice an attack.

Source: OWASP ASVS 6.3.5, 6.3.7.
"""

from secure_flask.accounts.outbox import notify_address, notify_user
from secure_flask.accounts.users import AccountMixin
from secure_flask.auth import authentication
from secure_flask.auth.logins import Login
from secure_flask.web.errors import translated_text
from secure_flask.keys import api_keys


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
