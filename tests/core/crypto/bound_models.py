"""Encrypted columns of tables in other databases, which only the apps of some tests have."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest
from secure_flask import EncryptedBytes, EncryptedString, db, encrypted_column
from sqlalchemy import ARRAY, Column, Integer, LargeBinary, PickleType, String
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

METADATAS = {**db.metadatas}
Base: Any = db.Model


@contextmanager
def other_databases() -> Iterator[None]:
    """What is defined here is not there for apps outside of such a block."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(db, "metadatas", METADATAS)
        yield


class Shouted(TypeDecorator[str]):
    """A type around an encrypted one."""

    impl = EncryptedString
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: object) -> str | None:
        return value and value.upper()


class Packed(TypeDecorator[str]):
    """It stores what another type encrypts, in a form of its own."""

    impl = LargeBinary
    cache_ok = True

    def __init__(self, context: str) -> None:
        super().__init__()
        self.inside = EncryptedString(context)

    def process_bind_param(self, value: Any, dialect: Any) -> bytes:
        return zlib.compress(self.inside.process_bind_param(value, dialect) or b"")


class Twice(EncryptedString):
    """It encrypts what is encrypted already."""

    impl = EncryptedBytes("twice.inside")  # type: ignore[assignment]


with other_databases():

    class ArchivedUser(Base):
        """A table of the name of one in the app's own database."""

        __bind_key__ = "archive"
        __tablename__ = "users"

        id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
        email = encrypted_column(index=True, context="archive.users.email")

    class Letter(Base):
        __bind_key__ = "archive"
        __tablename__ = "letters"

        id: Mapped[int] = mapped_column(primary_key=True)
        text: Mapped[str] = mapped_column(EncryptedString("letters.text"))

    # No class has it.
    stamps = db.Table(
        "stamps",
        Column("id", Integer, primary_key=True),
        Column("text", EncryptedString("stamps.text")),
        bind_key="archive",
    )
    wrapped = db.Table(
        "wrapped",
        Column("id", Integer, primary_key=True),
        Column("decorated", Shouted("wrapped.decorated")),
        Column("variant", String().with_variant(EncryptedString("wrapped.variant"), "sqlite")),
        Column("pickled", PickleType(impl=EncryptedBytes("wrapped.pickled"))),
        bind_key="archive",
    )
    # No value of these columns can be encrypted again.
    db.Table("keyless", Column("text", EncryptedString("keyless.text")), bind_key="archive")
    db.Table(
        "nested",
        Column("id", Integer, primary_key=True),
        Column("array", ARRAY(EncryptedString("nested.array"))),
        Column("packed", Packed("nested.packed")),
        Column("twice", Twice("nested.twice")),
        bind_key="archive",
    )
    db.Table(
        "sealed",
        Column("id", EncryptedString("sealed.id"), primary_key=True),
        Column("text", EncryptedString("sealed.text")),
        bind_key="archive",
    )
    db.Table(
        "elsewhere",
        Column("id", Integer, primary_key=True),
        Column("text", EncryptedString("elsewhere.text")),
        bind_key="unknown",
    )
    # SQLite stores plain text here.
    plain = db.Table(
        "plain",
        Column("id", Integer, primary_key=True),
        Column("text", String().with_variant(EncryptedString("plain.text"), "postgresql")),
        Column("more", EncryptedString("plain.more").with_variant(String(), "sqlite")),
        bind_key="archive",
    )
