"""An encrypted column: an ordinary attribute to the app, bound to its row in the database."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from secure_flask import DecryptionError, blind_index, encrypt, encrypted_column
from secure_flask.auth import user_changes
from secure_flask.crypto.encryption import BLIND_INDEX_KEYS
from secure_flask.database import db
from secure_flask.settings import keyrings
from secure_flask.state import app_state
from sqlalchemy import column, func, insert, select, table, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, make_transient, mapped_column

from core.conftest import PASSWORD, SECRETS
from core.crypto import bound_models
from core.crypto.bound_models import other_databases
from core.crypto.encrypted_models import (
    EMAIL,
    OTHER,
    PHONE,
    WITH_PHONE,
    Archived,
    Base,
    Card,
    Customer,
    Member,
    Person,
    add,
)

# As the database sees it.
persons = table("persons", *map(column, ("name", "email_encrypted", "email_index")))


def loaded(session: Session, name: str) -> Person:
    """The person as another process reads it."""
    session.expire_all()
    return session.scalars(select(Person).filter_by(name=name)).one()


def stored(session: Session, name: str) -> Any:
    found = select(persons.c.email_encrypted, persons.c.email_index)
    return session.execute(found.where(persons.c.name == name)).one()


@pytest.mark.asvs("14.2.4")
def test_the_database_never_sees_a_users_address() -> None:
    user = user_changes.create_user("bob", PASSWORD, email=EMAIL)
    assert user.email == EMAIL
    rows = db.session.execute(text("SELECT * FROM users")).all()
    assert "example.org" not in str(rows)


def test_an_assignment_counts_at_once_and_is_stored_at_the_commit(
    session: Session, subtests: pytest.Subtests
) -> None:
    person = add(session, "bob", None)
    for end, email in (("rollback", None), ("commit", OTHER)):
        with subtests.test(end=end, email=email):
            person.email = OTHER
            assert person.email == OTHER
            getattr(session, end)()
            assert loaded(session, "bob").email == email
            if email is None:
                assert tuple(stored(session, "bob")) == (None, None)
    person.email = None
    session.commit()
    assert tuple(stored(session, "bob")) == (None, None)


def test_bulk_inserts_and_updates_store_it_too(session: Session) -> None:
    emails = {name: f"{name}@example.org" for name in ("bob", "eve", "ivy", "joe")}
    joe = add(session, "joe")
    session.execute(
        insert(Person), [{"name": each, "email": emails[each]} for each in ("bob", "eve")]
    )
    session.bulk_save_objects([Person(name="ivy", email=emails["ivy"])])
    session.execute(update(Person), [{"id": joe.id, "email": emails["joe"]}])
    session.commit()
    assert {name: loaded(session, name).email for name in emails} == emails
    found = {
        session.scalars(select(Person).where(Person.email == email)).one().name: email
        for email in emails.values()
    }
    assert found == emails


def test_a_copied_object_or_value_belongs_to_the_copy(session: Session) -> None:
    bob: Any = add(session, "bob")
    add(session, "eve", bob.email)
    old_id, ciphertext = bob.id, bob.email_encrypted
    make_transient(bob)
    bob.id, bob.name = uuid4(), "copy"
    session.add(bob)
    session.commit()
    assert loaded(session, "copy").id != old_id
    emails = [loaded(session, name).email for name in ("bob", "eve", "copy")]
    assert emails == [EMAIL, EMAIL, EMAIL]
    # A ciphertext serves no other object.
    session.add(Person(name="thief", email_encrypted=ciphertext))
    with pytest.raises(DecryptionError):
        session.commit()


@pytest.fixture
def use_keys(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """`use_keys("old,new")`: go on with these keys of blind indexes, as after a restart."""
    keys = {"old": SECRETS["blind_index_keys"], "new": keyrings.new_key("2")}

    def use(names: str) -> None:
        ring = ",".join(keys[name] for name in names.split(","))
        read = keyrings.read_numbered_keyring(ring)
        monkeypatch.setitem(app_state(app), BLIND_INDEX_KEYS, read)

    return use


@pytest.mark.parametrize(
    ("before", "after"),
    [("old", "old"), ("old", "new,old"), ("old,new", "new,old"), ("new,old", "old,new")],
)
@pytest.mark.parametrize("change", ["insert", "update"])
def test_a_unique_value_has_one_row_while_its_key_changes_too(
    session: Session, use_keys: Callable[[str], None], before: str, after: str, change: str
) -> None:
    use_keys(before)
    eve = Member(email=OTHER)
    session.add_all([Member(email=EMAIL), eve])
    session.commit()
    use_keys(after)
    if change == "insert":
        session.add(Member(email=EMAIL.upper()))
    else:
        eve.email = EMAIL.upper()
    with pytest.raises(IntegrityError) as refused:
        session.commit()
    assert "example.org" not in str(refused.value).lower()
    session.rollback()
    assert [eve.email, session.scalar(select(func.count()).select_from(Member))] == [OTHER, 2]


def test_while_a_key_changes_a_unique_row_is_stored_again_and_may_lose_its_value(
    session: Session, use_keys: Callable[[str], None]
) -> None:
    use_keys("old")
    bob, eve = Member(email=EMAIL), Member(email=None)
    session.add_all([bob, eve])
    session.commit()
    use_keys("new,old")
    bob.email = EMAIL
    session.commit()
    bob.email, eve.joined = None, 1
    session.commit()
    eve.email = EMAIL
    session.commit()
    session.expire_all()
    assert (bob.email, eve.email) == (None, EMAIL)


def test_an_object_that_is_added_again_after_a_rollback_is_not_stored_twice(
    session: Session, use_keys: Callable[[str], None]
) -> None:
    use_keys("new,old")
    again = Member(email=EMAIL)
    session.add(again)
    session.flush()
    session.rollback()
    use_keys("old,new")
    session.add(Member(email=EMAIL))
    session.commit()
    use_keys("new,old")
    session.add(again)
    with pytest.raises(IntegrityError):
        session.commit()


def test_other_columns_of_two_rows_with_an_equal_value_can_change(
    session: Session, use_keys: Callable[[str], None]
) -> None:
    """Such as where bulk statements have stored them while a key changed."""
    for keys in ("old", "new,old"):
        use_keys(keys)
        session.execute(insert(Member), [{"email": EMAIL}])
    bob = session.scalars(select(Member)).first()
    assert bob
    bob.joined = 1
    session.commit()


@pytest.mark.asvs("11.3.3")
@pytest.mark.parametrize("also", [["email_encrypted"], ["email_encrypted", "email_index"]])
def test_a_ciphertext_moved_to_another_row_is_refused(session: Session, also: list[str]) -> None:
    add(session, "bob"), add(session, "eve", OTHER)
    theirs = stored(session, "eve")._mapping
    moved = {name: theirs[name] for name in also}
    session.execute(update(persons).where(persons.c.name == "bob").values(moved))
    session.commit()
    with pytest.raises(DecryptionError):
        _ = loaded(session, "bob").email
    assert loaded(session, "eve").email == OTHER


def test_a_key_that_is_not_known_yet_is_asked_for() -> None:
    assert Card(number=1, iban="DE02").iban == "DE02"
    with pytest.raises(TypeError, match="known before the insert: give it default=uuid4"):
        Card(iban="DE02")


def test_a_context_outlives_a_new_name() -> None:
    class Later(DeclarativeBase):
        """The tables after the change."""

    class Renamed(Later):
        __tablename__ = "renamed"

        shop: Mapped[UUID] = mapped_column(primary_key=True)
        number: Mapped[int] = mapped_column(primary_key=True)
        new_name = encrypted_column(context="cards.before", index=True)

    old: Any = Card(number=1, old_name="Ada")
    new: Any = Renamed(shop=old.shop, number=1, new_name_encrypted=old.old_name_encrypted)
    assert new.new_name == "Ada"


@pytest.mark.asvs("11.3.3")
def test_a_value_of_a_mixin_serves_in_its_own_table_alone(subtests: pytest.Subtests) -> None:
    customer: Any = Customer(id=1, phone=PHONE)
    assert WITH_PHONE[0](id=1, phone_encrypted=customer.phone_encrypted).phone == PHONE
    for model in WITH_PHONE[1:]:
        with subtests.test(model=model), pytest.raises(DecryptionError):
            _ = model(id=1, phone_encrypted=customer.phone_encrypted).phone
    indexes = {model(id=1, phone=PHONE).phone_index for model in WITH_PHONE}
    assert len(indexes) == len(WITH_PHONE)


def test_the_context_of_a_column_stays_the_same(subtests: pytest.Subtests) -> None:
    """Otherwise nobody reads what is stored."""
    contexts = {"customers.phone": Customer, '["archive", "customers", "phone"]': Archived}
    model: Any
    for context, model in contexts.items():
        with subtests.test(context=context, model=model):
            stored = encrypt(PHONE.encode(), context=f'{context} of ["1"]')
            assert model(id=1, phone_encrypted=stored).phone == PHONE
            assert model(id=1, phone=PHONE).phone_index == blind_index(PHONE, context=context)


def test_a_context_that_another_column_has_is_refused() -> None:
    with pytest.raises(TypeError, match=r"drafts\.body and cards\.old_name have the same"):

        class Draft(Base):
            __tablename__ = "drafts"

            id: Mapped[int] = mapped_column(primary_key=True)
            body = encrypted_column(context="cards.before")


def test_two_databases_with_a_table_of_one_name_need_two_contexts() -> None:
    refused = (
        r"users\.email \(bind former\) and users\.email have the same encryption context, "
        r"'users\.email': give one of them another by `context=`"
    )
    with other_databases(), pytest.raises(TypeError, match=refused):

        class Former(bound_models.Base):
            __bind_key__ = "former"
            __tablename__ = "users"

            id: Mapped[UUID] = mapped_column(primary_key=True)
            email = encrypted_column()
