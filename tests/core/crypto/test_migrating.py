"""Migrations that change how a value is stored."""

from collections.abc import Iterator
from typing import Any

import pytest
from secure_flask import DecryptionError, blind_index, encrypt, encrypted_column
from secure_flask.crypto.rotation import change_context, encrypt_plain
from secure_flask.database import database
from sqlalchemy import Connection, column, create_engine, delete, insert, select, table, text
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

NUMBERS = {number: f"+44 20 7946 000{number}" for number in range(5)}


class Base(DeclarativeBase):
    """Tables of these tests alone."""


class Contact(Base):
    __tablename__ = "contacts"

    id: Mapped[int] = mapped_column(primary_key=True)
    phone = encrypted_column(index=True)


@pytest.fixture
def connection(monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    """A table whose values were stored under the name of a mixin, `Phone`."""
    monkeypatch.setattr(database, "PAGE", 2)
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        Base.metadata.create_all(connection)
        raw = table("contacts", *map(column, ("id", "phone_encrypted", "phone_index")))
        rows = [stored(number, phone) for number, phone in NUMBERS.items()]
        connection.execute(insert(raw), [*rows, {**dict.fromkeys(rows[0]), "id": len(NUMBERS)}])
        yield connection
    engine.dispose()


def stored(number: int, phone: str) -> dict[str, Any]:
    return {
        "id": number,
        "phone_encrypted": encrypt(phone.encode(), context=f'Phone.phone of ["{number}"]'),
        "phone_index": blind_index(phone, context="Phone.phone"),
    }


def assert_found(connection: Connection) -> None:
    with Session(connection) as session:
        having = select(Contact).where
        found = [session.scalars(having(Contact.phone == each)).one() for each in NUMBERS.values()]
        assert {contact.id: contact.phone for contact in found} == NUMBERS
        assert session.get_one(Contact, len(NUMBERS)).phone is None


def test_values_of_another_context_are_read_and_found_afterwards(connection: Connection) -> None:
    change_context(connection, Contact, "phone", old="Phone.phone")
    assert_found(connection)


def test_a_plain_column_is_encrypted(connection: Connection) -> None:
    connection.execute(delete(Contact))
    connection.execute(text("ALTER TABLE contacts ADD COLUMN phone VARCHAR"))
    rows = [{"id": number, "phone": phone} for number, phone in NUMBERS.items()]
    raw = table("contacts", column("id"), column("phone"))
    connection.execute(insert(raw), [*rows, {"id": len(NUMBERS), "phone": None}])
    encrypt_plain(connection, Contact, "phone")
    assert_found(connection)


def test_another_old_context_than_the_true_one_is_refused(connection: Connection) -> None:
    with pytest.raises(DecryptionError):
        change_context(connection, Contact, "phone", old="Phones.phone")
