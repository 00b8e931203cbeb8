"""Networks in which a user has shown both factors within the last 30 days.

Wrong codes of other networks do not count there, so a thief of the password cannot lock the owner
out. A user keeps the last MAX_NETWORKS. Only a keyed hash of each network is stored.
"""

import hmac
from uuid import UUID

from flask import current_app
from secure_flask.accounts.users import AccountMixin
from secure_flask.clock import seconds_now
from secure_flask.database import db
from secure_flask.database.database import CoreModel
from secure_flask.web.counters import client_address
from sqlalchemy import BigInteger, ForeignKey, LargeBinary, delete, func, select
from sqlalchemy.orm import Mapped, mapped_column

TRUSTED_FOR = 30 * 24 * 60 * 60  # seconds
MAX_NETWORKS = 20  # of a user


class TrustedNetwork(CoreModel):
    __tablename__ = "trusted_networks"

    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    network_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    last_login: Mapped[int] = mapped_column(BigInteger)


def present_network() -> bytes:
    """The hash of the network of this request: a /64, or an IPv4 address."""
    key = current_app.config["SECRET_KEY"].encode()
    return hmac.digest(key, b"trusted-network:" + client_address().encode(), "sha256")


def is_network_trusted(user: AccountMixin) -> bool:
    mine = (TrustedNetwork.user_id == user.id, TrustedNetwork.network_hash == present_network())
    since = seconds_now() - TRUSTED_FOR
    found = select(TrustedNetwork.user_id).where(*mine, TrustedNetwork.last_login > since)
    return db.session.scalar(found) is not None


def trust_network(user: AccountMixin) -> None:
    """Trust the network of this request, within the caller's transaction.

    The row of the user is locked, so that no other request adds the same row.
    """
    now = seconds_now()
    mine = TrustedNetwork.user_id == user.id
    here = TrustedNetwork.network_hash == present_network()
    old = TrustedNetwork.last_login <= now - TRUSTED_FOR
    others = select(TrustedNetwork.network_hash).where(mine, ~here)
    excess = others.order_by(TrustedNetwork.last_login.desc()).offset(MAX_NETWORKS - 1)
    gone = here | old | TrustedNetwork.network_hash.in_(excess)
    db.session.execute(delete(TrustedNetwork).where(mine, gone))
    db.session.add(TrustedNetwork(user_id=user.id, network_hash=present_network(), last_login=now))


def count_trusted_networks(user: AccountMixin) -> int:
    mine = select(func.count()).where(TrustedNetwork.user_id == user.id)
    return db.session.scalar(mine) or 0
