"""An account with a row in each table of accounts, and tables of an owner with rows of users."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import Column, ForeignKey, LargeBinary, MetaData, Table, Uuid
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.accounts import pending
from app.accounts.factors.second_factor_limits import TrustedNetwork
from app.accounts.leaving import owned_rows
from app.accounts.links import email_change
from app.auth.factors import Passkey, RecoveryCode
from app.auth.users import User
from app.crypto import EncryptedJSON, encrypted_column
from app.db import db
from tests.conftest import USERNAME, give_roles, stored_user

EMAIL, NEW_EMAIL, ROLE = "ada@example.org", "ada@example.net", "editor"
TOTP_SECRET, CREDENTIAL = "the secret of an app", b"a credential"
HASH = b"h" * 32
OWNERS = {"probe_notes": "owner_id", "probe_stars": "user_id"}


class Base(DeclarativeBase):
    """Not the project's, so that no other test sees these tables."""

    metadata = MetaData()


User.__table__.to_metadata(Base.metadata)  # type: ignore[attr-defined]


class Note(Base):
    __tablename__ = "probe_notes"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    written: Mapped[datetime]
    picture: Mapped[bytes] = mapped_column(LargeBinary)
    phone = encrypted_column(index=True)
    facts: Mapped[dict[str, Any]] = mapped_column(EncryptedJSON("probe_notes.facts"))


# A table without a class, whose rows refer to those of the other one.
stars = Table(
    "probe_stars",
    Base.metadata,
    Column("user_id", Uuid, ForeignKey("users.id"), primary_key=True),
    Column("note_id", Uuid, ForeignKey("probe_notes.id"), primary_key=True),
)


@contextmanager
def own_tables(app: Flask, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let PERSONAL_DATA name these tables and no others."""
    tables = [Note.__table__, stars]
    patch.setattr(owned_rows, "Model", Base)
    patch.setitem(app.config, "PERSONAL_DATA", OWNERS)
    with app.app_context():
        Base.metadata.create_all(db.engine, tables=tables)  # type: ignore[arg-type]
        yield
        db.session.remove()
        Base.metadata.drop_all(db.engine, tables=tables)  # type: ignore[arg-type]


def add_note(app: Flask, username: str = USERNAME, phone: str = "555 0100") -> None:
    """Add a note of a user, and a star for it."""
    with stored_user(app, username) as user:
        written = datetime(2027, 1, 31, 12, 30)
        note = Note(owner_id=user.id, written=written, picture=b"\xff", facts={"owls": 7})
        note.phone = phone
        db.session.add(note)
        db.session.flush()
        db.session.execute(stars.insert().values(user_id=user.id, note_id=note.id))


def fill(app: Flask) -> None:
    """Give the user an address, a role, factors, a pending change of the address and a network."""
    give_roles(app, ROLE)
    with stored_user(app) as user:
        user.email, user.tf_totp_secret = EMAIL, TOTP_SECRET
        user.webauthn.append(_passkey())
        user.recovery_codes.append(RecoveryCode(hash=HASH))
        db.session.add(TrustedNetwork(user_id=user.id, network_hash=HASH, last_login=1))
        pending.create(email_change.PURPOSE, 3600, user=user, email=NEW_EMAIL)


def _passkey() -> Passkey:
    return Passkey(
        name="Phone",
        credential_id=CREDENTIAL,
        public_key=b"a key",
        sign_count=0,
        usage="secondary",
        transports=[],
        extensions=[],
        backup_state=False,
        device_type="single_device",
        lastuse_datetime=datetime(2027, 1, 31),
    )
