"""The mixin of users with self-service accounts: one e-mail address, and second factors.

app/models.py has `class User(AccountMixin, Model)`. Source: OWASP ASVS 6.3.3, 6.5.1.
"""

from typing import ClassVar, Self, cast
from unicodedata import normalize

from secure_flask.accounts import addresses, names
from secure_flask.auth import access
from secure_flask.auth.users import UserMixin
from secure_flask.crypto.encrypted_columns import encrypted_column
from secure_flask.database import db
from secure_flask.web.validation import Reason
from sqlalchemy import BigInteger, String, false, select
from sqlalchemy.orm import Mapped, mapped_column, validates

RECENT = 5  # minutes since the user showed all factors
NAME_TAKEN = "This name is taken: choose another"
MAX_FOLDED = 600  # characters; folding makes a name at most four times as long


class AccountMixin(UserMixin):
    """A user who signs up: `class User(AccountMixin, Model)`. The name or the address logs in.

    It adds `email` (str or None, encrypted, found by `==`), and `has_authenticator` (bool).
    """

    needs_accounts: ClassVar[bool] = True

    email = encrypted_column(unique=True)
    # Two names that differ in case alone have one value here.
    folded_name: Mapped[str | None] = mapped_column(String(MAX_FOLDED), unique=True)
    # The secret of the authenticator app, and the time step of its last code that counted.
    totp_secret = encrypted_column()
    totp_last_step: Mapped[int | None] = mapped_column(BigInteger)
    # A user's first login comes from a new place too, which notices.py does not tell.
    has_logged_in: Mapped[bool] = mapped_column(default=False, server_default=false())

    @property
    def has_authenticator(self) -> bool:
        """Whether a login asks for a code of the app, even if its secret does not decrypt."""
        return self.totp_secret_encrypted is not None  # type: ignore[attr-defined]

    @validates("name")
    def _checked(self, key: str, name: str) -> str:
        self.folded_name = names.folded_name(name)
        return names.stored_name(name)

    stored_address = staticmethod(addresses.checked_address)

    @classmethod
    def find(cls, name: str) -> Self | None:
        """The user of this name or address."""
        if address := _address_in(name):
            return cast(Self | None, addresses.address_owner(address))
        known = select(cls).where(cls.folded_name == names.folded_name(name))
        return db.session.scalar(known)

    @classmethod
    def spelled(cls, name: str) -> str:
        # The throttle counts by this text, so it is the same exactly for spellings that `find`
        # resolves to one user.
        return (_address_in(name) or names.folded_name(name)).casefold()


def account_of(user: object) -> AccountMixin:
    """The same user, typed as AccountMixin.

    :raises TypeError: the class in app/models.py does not inherit from AccountMixin.
    """
    if not isinstance(user, AccountMixin):
        raise TypeError("Write `class User(AccountMixin, Model)` in app/models.py.")
    return user


def require_recent_user() -> AccountMixin:
    """The logged-in user, for a change that needs a login of the last RECENT minutes.

    :raises ErrorResponse: 401, there is no such login; 403, a key sent the request.
    """
    access.require_login(minutes=RECENT)
    return account_of(access.require_user())


def _address_in(name: str) -> str | None:
    """The stored form of an address that was typed as a name; None if the name has no `@`."""
    address = normalize("NFKC", name)
    if "@" not in address:
        return None
    try:
        return addresses.checked_address(address)
    except Reason:
        return address
