"""Searching by an encrypted column: what finds rows, and what is refused."""

from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, aliased

from core.crypto.encrypted_models import EMAIL, OTHER, PHONE, WITH_PHONE, Card, Person, add

# Each would find or change the wrong rows, or none.
WRONG: dict[str, Any] = {
    "like": lambda session: Person.email.like("ada%"),
    "less": lambda session: Person.email < "b",
    "expression": lambda session: Person.email == func.lower("a"),
    "select": lambda session: select(Person.email),
    "order": lambda session: select(Person).order_by(Person.email),
    "update": lambda session: session.execute(update(Person).values(email="everybody")),
    "no index": lambda session: Card.iban == "DE02",
}


def test_rows_are_found_whatever_the_case(session: Session) -> None:
    add(session, "bob"), add(session, "eve", OTHER), add(session, "ivy", None)

    def names(*conditions: Any) -> list[str]:
        return list(session.scalars(select(Person.name).where(*conditions).order_by(Person.name)))

    assert names(Person.email == "ADA@example.org") == ["bob"]
    assert names(Person.email.in_([EMAIL, "eve@EXAMPLE.org", "nobody"])) == ["bob", "eve"]
    assert names(Person.email.in_([])) == []
    assert names(Person.email != EMAIL) == ["eve"]
    assert names(Person.email.not_in([EMAIL])) == ["eve"]
    assert names(Person.email == None) == ["ivy"]  # noqa: E711
    assert names(Person.email.is_(None)) == ["ivy"]
    assert names(Person.email.is_not(None)) == ["bob", "eve"]
    other = aliased(Person)
    assert session.scalar(select(other.name).where(other.email == EMAIL)) == "bob"
    assert session.scalars(select(Person).filter_by(email=EMAIL)).one().name == "bob"
    assert "cards.iban_encrypted IS NULL" in str(Card.iban.is_(None))


@pytest.mark.parametrize("use", WRONG.values(), ids=WRONG)
def test_a_use_that_would_be_wrong_is_refused(session: Session, use: Any) -> None:
    with pytest.raises(TypeError):
        use(session)


def test_the_rows_of_each_table_with_a_mixin_are_found(session: Session) -> None:
    for model in WITH_PHONE[:2]:
        session.add(model(id=1, phone=PHONE))
        assert session.scalars(select(model).where(model.phone == PHONE)).one().phone == PHONE
