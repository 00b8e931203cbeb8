"""Models with encrypted columns, in a database of their own."""

from typing import Any
from uuid import UUID, uuid4

from secure_flask import EncryptedBytes, EncryptedJSON, EncryptedString, encrypted_column
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

EMAIL, OTHER = "ada@example.org", "eve@example.org"
PHONE = "+44 20 7946 0000"


class Base(DeclarativeBase):
    """Tables of these tests alone."""


class Reachable:
    email = encrypted_column(index=True)


class Person(Reachable, Base):
    __tablename__ = "persons"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    name: Mapped[str] = mapped_column(unique=True)


class Addressed:
    email = encrypted_column(unique=True)


class Member(Addressed, Base):
    __tablename__ = "members"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    joined: Mapped[int] = mapped_column(default=0)


class Card(Base):
    __tablename__ = "cards"

    shop: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    number: Mapped[int] = mapped_column(primary_key=True)
    iban = encrypted_column()
    old_name = encrypted_column(context="cards.before", index=True)


class Phone:
    """A mixin, as for models that have something in common."""

    id: Mapped[int] = mapped_column(primary_key=True)
    phone = encrypted_column(index=True)


class Customer(Phone, Base):
    __tablename__ = "customers"


class Employee(Phone, Base):
    __tablename__ = "employees"


class Archived(Phone, Base):
    __tablename__ = "customers"
    __table_args__ = ({"schema": "archive"},)


class Note(Base):
    """Its columns are bound to themselves, and not to a row."""

    __tablename__ = "notes"

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str | None] = mapped_column(EncryptedString("notes.text"))
    file: Mapped[bytes | None] = mapped_column(EncryptedBytes("notes.file"))
    tags: Mapped[Any | None] = mapped_column(EncryptedJSON("notes.tags"))


WITH_PHONE: list[Any] = [Customer, Employee, Archived]


def add(session: Session, name: str, email: str | None = EMAIL) -> Person:
    person = Person(name=name, email=email)
    session.add(person)
    session.commit()
    return person
