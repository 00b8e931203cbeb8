"""An account with a row in each table of the core, and tables of an owner with rows of users."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from secure_flask import EncryptedJSON, UserMixin, db, encrypted_column
from secure_flask.accounts import leaving, login_places, notices, recovery_codes, steps, wrong_codes
from secure_flask.accounts.email_change import CHANGE_REQUEST, remember_address
from secure_flask.accounts.passkeys import Passkey
from secure_flask.accounts.users import account_of
from secure_flask.auth.users import user_class
from secure_flask.keys import api_keys
from sqlalchemy import Column, ForeignKey, LargeBinary, MetaData, Table, Uuid, insert, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from core.accounts.people import ADDRESS
from core.shared import USERNAME, give_roles, stored_user

NEW_ADDRESS, FORMER_ADDRESS = "ada@example.net", "ada@old.example"
ROLE, PASSKEY, KEY = "editor", "Phone", "Backup"
TOTP_SECRET, CREDENTIAL, HASH = "THESECRETOFANAPP", b"a credential", b"h" * 32


class Base(DeclarativeBase):
    """Not the project's, so that no other test sees these tables."""

    metadata = MetaData()


user_class().__table__.to_metadata(Base.metadata)  # type: ignore[attr-defined]


class Note(Base):
    __tablename__ = "probe_notes"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    reader_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    written: Mapped[datetime]
    picture: Mapped[bytes] = mapped_column(LargeBinary)
    phone = encrypted_column(index=True)
    facts: Mapped[dict[str, Any]] = mapped_column(EncryptedJSON("probe_notes.facts"))


def _reference(name: str, **options: Any) -> Column[Any]:
    return Column(f"{name}_id", Uuid, ForeignKey(f"{options.pop('table')}.id", **options))


# A table without a class, whose rows refer to those of the other one.
stars = Table(
    "probe_stars",
    Base.metadata,
    _reference("user", table="users", ondelete="CASCADE"),
    _reference("note", table="probe_notes", ondelete="CASCADE"),
)
# One that keeps its users.
bills = Table("probe_bills", Base.metadata, _reference("user", table="users"))


# One whose rows belong to two users each.
letters = Table(
    "probe_letters",
    Base.metadata,
    _reference("sender", table="users", ondelete="CASCADE"),
    _reference("recipient", table="users", ondelete="CASCADE"),
)


class Reading(Base):
    """Of which a user has many."""

    __tablename__ = "probe_readings"

    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    # A list that comes with each row can only be read with all rows at once.
    marks: Mapped[list["Mark"]] = relationship(lazy="joined")


class Mark(Base):
    __tablename__ = "probe_marks"

    id: Mapped[int] = mapped_column(primary_key=True)
    reading_id: Mapped[int] = mapped_column(ForeignKey("probe_readings.id", ondelete="CASCADE"))


OWN = [f"probe_{name}" for name in ("notes", "stars", "bills", "letters", "readings", "marks")]


@contextmanager
def own_tables(app: Flask, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let these be the tables of the app."""
    tables = [Base.metadata.tables[name] for name in OWN]
    patch.setattr(leaving, "Model", Base)
    with app.app_context():
        Base.metadata.create_all(db.engine, tables=tables)
        yield
        db.session.remove()
        Base.metadata.drop_all(db.engine, tables=tables)


def add_note(app: Flask, username: str = USERNAME, phone: str = "555 0100") -> None:
    """Add a note of a user, and a star for it."""
    with stored_user(app, username) as user:
        written = datetime(2027, 1, 31, 12, 30)
        note = Note(owner_id=user.id, written=written, picture=b"\xff", facts={"owls": 7})
        note.phone = phone
        db.session.add(note)
        db.session.flush()
        db.session.execute(stars.insert().values(user_id=user.id, note_id=note.id))


def add_readings(app: Flask, numbers: Iterable[int], username: str = USERNAME) -> None:
    """Add readings of a user by their ids."""
    with stored_user(app, username) as user:
        db.session.execute(insert(Reading), [{"id": n, "owner_id": user.id} for n in numbers])


def add_letters(app: Flask, *letters_of: tuple[str, str]) -> None:
    """Add letters, each from one user to another or to the same one."""
    with app.app_context():
        ids = {user.name: user.id for user in db.session.scalars(select(user_class()))}
        for sender, recipient in letters_of:
            row = {"sender_id": ids[sender], "recipient_id": ids[recipient]}
            db.session.execute(letters.insert().values(row))
        db.session.commit()


def fill(app: Flask) -> None:
    """Give the user an address, a role, factors, what waits, and rows in all other tables."""
    give_roles(app, ROLE)
    with stored_user(app) as stored:
        user = account_of(stored)
        user.email = ADDRESS
        user.totp_secret = TOTP_SECRET
        db.session.add(passkey(user))
        recovery_codes.replace_recovery_codes(user)
        place = login_places.LoginPlace(user_id=user.id, place_hash=HASH, expires=2**31)
        place.purpose = login_places.TRUSTED
        db.session.add(place)
        db.session.add(
            wrong_codes.WrongCodes(user_id=user.id, network_hash=b"", created=1, count=1)
        )
        steps.add_step(CHANGE_REQUEST, 3600, user=user, email=NEW_ADDRESS).secret_hash = HASH
        remember_address(user, FORMER_ADDRESS)
        api_keys.store_key(user, KEY, 3600, [], login=None)
        notices.code_failed(user)


def passkey(user: UserMixin, host: str = "localhost") -> Passkey:
    key = Passkey(user_id=user.id, credential_id=CREDENTIAL, public_key=b"a key", host=host)
    key.name, key.sign_count, key.last_used = PASSKEY, 0, 1
    return key
