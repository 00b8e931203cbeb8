"""Mailboxes: spellings of an address that reach one mailbox count as one, and take turns.

Many servers ignore what follows a `+` and dots before the `@`. So a stranger who varies them would
fill one mailbox in spite of the limits. Where a server tells them apart, two people share a limit.
Source: RFC 5233; OWASP ASVS 2.4.1.
"""

import hmac

from flask import current_app
from secure_flask.accounts.steps import Step
from secure_flask.crypto.blind_indexes import normalised_value
from secure_flask.database import db
from sqlalchemy import delete, false, func, select


def mailbox_hash(address: str) -> bytes:
    """A keyed hash, 32 bytes, that all spellings of an address have in common."""
    name, _, domain = normalised_value(address).rpartition("@")
    mailbox = f"{name.partition('+')[0].replace('.', '')}@{domain}"
    key = current_app.config["SECRET_KEY"].encode()
    return hmac.digest(key, b"mailbox:" + mailbox.encode(), "sha256")


def lock_mailbox(address: str) -> None:
    """Let other requests for this mailbox wait until the caller's transaction ends.

    It comes before the lock of any row, so that two requests never wait for each other.
    """
    if db.engine.dialect.name == "postgresql":
        number = int.from_bytes(mailbox_hash(address)[:8], "big", signed=True)
        db.session.execute(select(func.pg_advisory_xact_lock(number)))
    else:
        # SQLite has one writer, which a deletion of no row already becomes.
        db.session.execute(delete(Step).where(false()))
