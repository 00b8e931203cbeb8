"""Addresses that accounts had in the last week, which get the notice of a deletion too.

A thief of a login may change the address and then delete the account, but the owner reads only the
former address. So it is kept for a week, and an account changes its address only a few times in it.
Source: OWASP ASVS 6.3.7.
"""

from uuid import UUID, uuid4

from secure_flask.accounts.users import AccountMixin
from secure_flask.clock import seconds_now
from secure_flask.crypto.encrypted_columns import encrypted_column
from secure_flask.crypto.encryption import readable_value
from secure_flask.database import db
from secure_flask.database.database import CoreModel
from secure_flask.web.errors import error_response
from sqlalchemy import BigInteger, ForeignKey, delete, func, select
from sqlalchemy.orm import Mapped, mapped_column

KEPT = 7 * 24 * 60 * 60  # seconds
MAX_CHANGES = 10  # changes of an account in this time, so that each former address gets a notice


class FormerAddress(CoreModel):
    """An address that an account had. Times are whole seconds since 1970, UTC."""

    __tablename__ = "former_addresses"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    email = encrypted_column()
    expires: Mapped[int] = mapped_column(BigInteger, index=True)


def remember_address(user: AccountMixin, address: str) -> None:
    """Keep an address that a user had until now, within the caller's transaction."""
    db.session.add(FormerAddress(user_id=user.id, email=address, expires=seconds_now() + KEPT))


def require_few_changes(user: AccountMixin) -> None:
    """Refuse a change of the address after MAX_CHANGES in a week.

    :raises ErrorResponse: 429, too many changes.
    """
    now = seconds_now()
    mine = (FormerAddress.user_id == user.id, FormerAddress.expires > now)
    number, first = db.session.execute(
        select(func.count(), func.min(FormerAddress.expires)).where(*mine)
    ).one()
    if number >= MAX_CHANGES:
        wait = str(max(1, first - now))
        raise error_response(429, "You have changed your address too often", Retry_After=wait)


def former_addresses_of(user: AccountMixin) -> list[str]:
    """The addresses that a user had within the last week, the oldest first."""
    mine = (FormerAddress.user_id == user.id, FormerAddress.expires > seconds_now())
    oldest = select(FormerAddress).where(*mine).order_by(FormerAddress.expires, FormerAddress.id)
    found = (
        readable_value(each, "email") for each in db.session.scalars(oldest.limit(MAX_CHANGES))
    )
    return [str(address) for address in found if address]


def purge_former_addresses() -> None:
    """Delete addresses that are older than a week, within the caller's transaction."""
    old = delete(FormerAddress).where(FormerAddress.expires <= seconds_now())
    db.session.execute(old, execution_options={"synchronize_session": False})
