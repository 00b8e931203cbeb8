"""Blind indexes: equal for what people mean by the same value, and what they find."""

import unicodedata
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from secure_flask import blind_index
from secure_flask.crypto.blind_indexes import blind_indexes, normalised_value
from secure_flask.crypto.encryption import BLIND_INDEX_KEYS
from secure_flask.settings import keyrings
from secure_flask.state import app_state
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, aliased

from core.conftest import SECRETS, MakeApp
from core.crypto.encrypted_models import EMAIL, OTHER, PHONE, WITH_PHONE, Card, Person, add

ALIKE = [
    ("ada@example.org", "ADA@Example.ORG"),
    ("Straße", "STRASSE"),
    ("caf\u00e9", "cafe\u0301"),
    ("\ufb01sh", "fish"),
    ("\uff21da", "ada"),
    ("\u1e9b\u0323", "\u1e69"),
    ("Σίσυφος", "ΣΊΣΥΦΟΣ"),
    ("Owl\u2122", "owltm"),
]
APART = [
    ("ada", "adam"),
    ("ada", " ada"),
    ("ada", "ad\u0430"),
    ("resume", "r\u00e9sum\u00e9"),
    ("", " "),
    ("a\0b", "ab"),
]
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


def test_case_and_spelling_in_unicode_alone_make_no_difference() -> None:
    equal = [
        (one, other)
        for one, other in ALIKE + APART
        if blind_index(one, context="a") == blind_index(other, context="a")
    ]
    assert equal == ALIKE


@given(st.text())
def test_no_form_of_a_text_changes_its_index(text: str) -> None:
    forms = {unicodedata.normalize(form, text) for form in ("NFC", "NFD", "NFKC", "NFKD")}
    indexes = {blind_index(form, context="a") for form in {text, normalised_value(text), *forms}}
    assert indexes == {blind_index(text, context="a")}


@pytest.mark.asvs("11.4.1", "11.4.3")
def test_another_implementation_gives_the_same(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """HKDF and the index itself from RFC 2104's HMAC alone."""
    monkeypatch.setitem(app_state(app), BLIND_INDEX_KEYS, {7: bytes(range(32))})
    assert blind_index("Ada@example.org", context="users.email").hex() == (
        "00000007503c331bafb086782656eb3d96f0131c9d2cd3d8ba712f8e82f562868c7fe4c6"
    )


def test_an_index_needs_its_context_and_its_key_and_no_other_secret(make_app: MakeApp) -> None:
    index = blind_index("ada", context="a")
    assert blind_index("ada", context="b") != index
    [same_id] = keyrings.read_keyring(SECRETS["blind_index_keys"])
    with make_app(blind_index_keys=keyrings.new_key(same_id)).app_context():
        assert blind_index("ada", context="a") != index
    others = {"encryption_keys": keyrings.new_key("1"), "secret_key": keyrings.new_key("1")}
    with make_app(**others).app_context():
        assert blind_index("ada", context="a") == index


def test_a_row_is_sought_by_every_key_and_stored_by_the_first(make_app: MakeApp) -> None:
    old = blind_index("ada", context="a")
    ring = f"{keyrings.new_key('2')},{SECRETS['blind_index_keys']}"
    with make_app(blind_index_keys=ring).app_context():
        new = blind_index("ada", context="a")
        assert blind_indexes("ada", context="a") == [new, old]
    assert new[:4] == bytes([0, 0, 0, 2])


def test_rows_are_found_whatever_the_case(session: Session, subtests: pytest.Subtests) -> None:
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
    # A mixin serves each of its tables.
    for model in WITH_PHONE[:2]:
        with subtests.test(model=model):
            session.add(model(id=1, phone=PHONE))
            assert session.scalars(select(model).where(model.phone == PHONE)).one().phone == PHONE


@pytest.mark.parametrize("use", WRONG.values(), ids=WRONG)
def test_a_use_that_would_be_wrong_is_refused(session: Session, use: Any) -> None:
    with pytest.raises(TypeError):
        use(session)
