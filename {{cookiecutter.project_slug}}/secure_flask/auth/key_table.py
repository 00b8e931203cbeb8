"""The table of keys, by which programs act for a user without a login.

A row holds the SHA-256 of the key, never the key. Times are whole seconds since 1970, UTC.
Source: OWASP ASVS 7.2.2, 7.2.3, 13.3.1.
"""

import secrets
from uuid import UUID

from secure_flask.auth.login_table import DAY, lifetime_of
from secure_flask.auth.users import UserMixin, demands_second_factor, user_class
from secure_flask.clock import seconds_now
from secure_flask.database.core_tables import add_core_tables
from secure_flask.database.database import CoreModel
from sqlalchemy import JSON, BigInteger, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

MAX_KEY_NAME = 80  # characters
LONGEST_LIFETIME = 365 * DAY  # seconds


class ApiKey(CoreModel):
    """A key of one program."""

    __tablename__ = "user_api_keys"
    __table_args__ = (UniqueConstraint("user_id", "name"),)

    # The id is a part of the key, so an operator can end a leaked key without knowing its user.
    id: Mapped[str] = mapped_column(
        String(16), primary_key=True, default=lambda: secrets.token_hex(8)
    )
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(MAX_KEY_NAME))
    # The roles chosen for the key. A request has only those of them that the user still has.
    roles: Mapped[list[str]] = mapped_column(JSON)
    secret_hash: Mapped[bytes] = mapped_column(unique=True)
    # Whether the login that made it had shown a second factor; true for a key of an operator.
    second_factor: Mapped[bool] = mapped_column(default=False)
    created: Mapped[int] = mapped_column(BigInteger)
    last_used: Mapped[int | None] = mapped_column(BigInteger)
    expires: Mapped[int] = mapped_column(BigInteger, index=True)

    user: Mapped[UserMixin] = relationship(lambda: user_class(), lazy="joined", innerjoin=True)

    @property
    def ends(self) -> int:
        """The time when the key ends, also if its user has lost the password since."""
        return min(self.expires, self.created + longest_lifetime(self.user))

    def is_live(self) -> bool:
        """Whether the key has not ended and its user is enabled.

        A key without a second factor is refused once the user has a role that demands one.
        """
        if seconds_now() >= self.ends or self.user.disabled:
            return False
        return self.second_factor or not demands_second_factor(self.user)


def longest_lifetime(user: UserMixin) -> int:
    """Seconds that a key of a user lasts at most.

    A user without a password logs in by another site, and may have left there. Such a key lasts as
    long as a login by a page.
    """
    return LONGEST_LIFETIME if user.has_password else lifetime_of("session")


add_core_tables(ApiKey.__table__)
