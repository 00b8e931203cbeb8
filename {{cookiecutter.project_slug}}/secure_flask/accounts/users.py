"""What a user with an account of their own has: one e-mail address, and factors beside the password.

`class User(AccountMixin, Model)` in app/models.py. Source: OWASP ASVS 6.3.3, 6.5.1.
"""

from typing import Self, cast
from unicodedata import normalize

from secure_flask.accounts import addresses, names
from secure_flask.auth.users import UserMixin
from secure_flask.crypto.encrypted_columns import encrypted_column
from secure_flask.crypto.encryption import readable_value
from secure_flask.database import db
from secure_flask.web.validation import Reason
from sqlalchemy import BigInteger, String, select
from sqlalchemy.orm import Mapped, mapped_column, validates

NAME_TAKEN = "This name is taken: choose another"
MAX_FOLDED = 600  # characters; folding makes a name at most four times as long


class AccountMixin(UserMixin):
    """A person who signs up: `class User(AccountMixin, Model)`. A name or the address logs in.

    Beside what `UserMixin` has: `email` (str or None, encrypted, found by `==`), `readable_email`
    (the same, None if it does not decrypt), and `has_authenticator` (bool).
    """

    email = encrypted_column(unique=True)
    # Two names that differ in case alone have one value here.
    folded_name: Mapped[str | None] = mapped_column(String(MAX_FOLDED), unique=True)
    # The secret of the authenticator app, and the time step of its last code that counted.
    totp_secret = encrypted_column()
    totp_last: Mapped[int | None] = mapped_column(BigInteger)

    @property
    def readable_email(self) -> str | None:
        """The address; None too if it does not decrypt, since the account must serve all the same."""
        return cast(str | None, readable_value(self, "email"))

    @property
    def has_authenticator(self) -> bool:
        """Whether a code of the app is asked for, even if its secret does not decrypt."""
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
        # Exactly as `find` reads them: neither more nor fewer spellings are one.
        return (_address_in(name) or names.folded_name(name)).casefold()


def account_of(user: object) -> AccountMixin:
    """The user with what the mixin brings.

    :raises TypeError: the class in app/models.py does not inherit from AccountMixin.
    """
    if not isinstance(user, AccountMixin):
        raise TypeError("Write `class User(AccountMixin, Model)` in app/models.py.")
    return user


def _address_in(name: str) -> str | None:
    """The address that somebody typed in place of a name, as it is stored; None if it is none."""
    address = normalize("NFKC", name)
    if "@" not in address:
        return None
    try:
        return addresses.checked_address(address)
    except Reason:
        return address
