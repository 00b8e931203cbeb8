"""Columns that encrypt by themselves: the app sees values, the database does not."""

from typing import Any

import pytest
from secure_flask import DecryptionError, EncryptedString, db
from sqlalchemy import ARRAY, Column, LargeBinary, column, select, table, update
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.types import TypeEngine

from core.crypto.bound_models import Shouted, other_databases
from core.crypto.encrypted_models import Base, Note

# As the database sees it.
raw = table("notes", *(column(name, LargeBinary) for name in ("text", "file", "tags")))

VALUES: list[dict[str, Any]] = [
    {"text": "seven owls", "file": bytes(range(256)), "tags": {"a": [1, 2.5, None, "\u00e9"]}},
    {"text": "\u05e9\u05dc\u05d5\u05dd \U0001f989 a\0b", "file": b"owls", "tags": {"owls": 1}},
    {"text": "", "file": b"", "tags": {}},
]
COMPARISONS: dict[str, Any] = {
    "==": lambda: Note.text == "seven owls",
    "in": lambda: Note.text.in_(["seven owls"]),
    "<": lambda: Note.text < "seven owls",
}


def test_values_come_back_and_the_database_never_sees_them(session: Session) -> None:
    session.add_all(Note(id=number, **values) for number, values in enumerate(VALUES, 1))
    session.commit()
    notes = session.scalars(select(Note).order_by(Note.id))
    pairs = zip(notes, VALUES, strict=True)
    assert [{name: getattr(note, name) for name in values} for note, values in pairs] == VALUES
    stored = [value for row in session.execute(select(raw)) for value in row]
    assert {value[0] for value in stored} == {1}
    assert min(map(len, stored)) >= 49
    assert [value for value in stored if b"owls" in value] == []
    # A value moved to another column is refused.
    session.execute(update(raw).values(file=raw.c.text))
    with pytest.raises(DecryptionError):
        session.scalar(select(Note.file))


def test_nothing_stays_nothing(session: Session) -> None:
    session.add(Note())
    session.commit()
    note = session.scalars(select(Note).where(Note.text.is_(None), Note.file == None)).one()  # noqa: E711
    assert (note.text, note.file, note.tags) == (None, None, None)


@pytest.mark.parametrize("compare", COMPARISONS.values(), ids=COMPARISONS)
def test_a_comparison_that_could_find_nothing_is_refused(compare: Any) -> None:
    with pytest.raises(TypeError, match="compares to None alone"):
        compare()


def test_a_context_that_another_column_has_is_refused() -> None:
    with pytest.raises(TypeError, match=r"letters\.text and notes\.text have the same"):

        class Letter(Base):
            __tablename__ = "letters"

            id: Mapped[int] = mapped_column(primary_key=True)
            text: Mapped[str] = mapped_column(EncryptedString("notes.text"))


INSIDE: dict[str, TypeEngine[Any]] = {
    "a decorator": Shouted("letters.text"),
    "a variant": LargeBinary().with_variant(EncryptedString("letters.text"), "postgresql"),
    "a list": ARRAY(EncryptedString("letters.text")),
}


@pytest.mark.parametrize("outer", INSIDE.values(), ids=INSIDE)
def test_a_context_inside_a_type_is_refused_too_where_another_database_has_it(
    outer: TypeEngine[Any],
) -> None:
    refused = r"copies\.text \(bind former\) and letters\.text \(bind archive\) have the same"
    with other_databases(), pytest.raises(TypeError, match=refused):
        db.Table("copies", Column("text", outer), bind_key="former")
