"""`User.email`: an ordinary attribute to the app, bound to its row in the database."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import column, create_engine, func, insert, select, table, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    aliased,
    make_transient,
    mapped_column,
)

from app import key_settings
from app.auth.users import User
from app.crypto import DecryptionError, blind_index, encrypt, encrypted_column
from app.db import db
from tests.conftest import SECRETS, MakeApp

EMAIL = "ada@example.org"
# As the database sees it.
users = table("users", *map(column, ("name", "email_encrypted", "email_index")))


def add(name: str, email: str | None = EMAIL) -> User:
    user = User(name=name, password_hash="", email=email)
    db.session.add(user)
    db.session.commit()
    return user


def loaded(name: str) -> User:
    """The user as another process reads it."""
    db.session.expire_all()
    return db.session.scalars(select(User).filter_by(name=name)).one()


def stored(name: str) -> Any:
    found = select(users.c.email_encrypted, users.c.email_index).where(users.c.name == name)
    return db.session.execute(found).one()


@pytest.mark.asvs("14.2.4")
def test_it_comes_back_and_the_database_never_sees_it() -> None:
    add("bob")
    assert loaded("bob").email == EMAIL
    assert all(b"example" not in value for value in stored("bob"))


def test_none_is_stored_as_none() -> None:
    add("bob", None)
    assert loaded("bob").email is None
    assert tuple(stored("bob")) == (None, None)
    user = loaded("bob")
    user.email = EMAIL
    db.session.commit()
    user.email = None
    db.session.commit()
    assert tuple(stored("bob")) == (None, None)


def test_an_assignment_is_seen_at_once_and_stored_at_the_commit() -> None:
    user = add("bob")
    user.email = "bob@example.org"
    assert user.email == "bob@example.org"
    db.session.commit()
    assert loaded("bob").email == "bob@example.org"


def test_refresh_and_rollback_bring_back_what_is_stored() -> None:
    user = add("bob")
    user.email = "changed"
    db.session.refresh(user)
    assert user.email == EMAIL
    user.email = "changed"
    db.session.rollback()
    assert user.email == EMAIL


def test_a_failed_flush_loses_nothing() -> None:
    add("bob")
    twin = User(name="bob", password_hash="", email="twin@example.org")
    db.session.add(twin)
    with pytest.raises(IntegrityError):
        db.session.commit()
    db.session.rollback()
    assert twin.email == "twin@example.org"
    twin.name = "twin"
    db.session.add(twin)
    db.session.commit()
    assert loaded("twin").email == "twin@example.org"


def test_bulk_inserts_store_it_too() -> None:
    db.session.execute(
        insert(User),
        [
            {"name": name, "password_hash": "", "disabled": False, "email": f"{name}@example.org"}
            for name in ("bob", "eve")
        ],
    )
    db.session.bulk_save_objects([User(name="ivy", password_hash="", email="ivy@example.org")])
    db.session.commit()
    for name in ("bob", "eve", "ivy"):
        assert loaded(name).email == f"{name}@example.org"
        assert db.session.scalars(select(User).where(User.email == f"{name}@example.org")).one()


def test_a_bulk_update_by_key_stores_it_too() -> None:
    user = add("bob")
    db.session.execute(update(User), [{"id": user.id, "email": "new@example.org"}])
    db.session.commit()
    assert loaded("bob").email == "new@example.org"


def test_a_copied_value_belongs_to_the_copy() -> None:
    add("eve", add("bob").email)
    assert loaded("eve").email == EMAIL


def test_an_object_made_a_new_one_keeps_its_value() -> None:
    user = add("bob")
    old_id = user.id
    make_transient(user)
    user.id, user.name = uuid4(), "copy"
    db.session.add(user)
    db.session.commit()
    assert loaded("copy").email == loaded("bob").email == EMAIL
    assert loaded("copy").id != old_id


def test_a_ciphertext_copied_between_objects_is_not_stored() -> None:
    bob = add("bob")
    copy = User(name="copy", password_hash="", email_encrypted=bob.email_encrypted)  # type: ignore[attr-defined]
    db.session.add(copy)
    with pytest.raises(DecryptionError):
        db.session.commit()


@pytest.mark.asvs("11.3.3")
@pytest.mark.parametrize(
    "also", [["email_encrypted"], ["email_encrypted", "email_index"]], ids=["value", "and index"]
)
def test_a_ciphertext_moved_to_another_row_is_refused(also: list[str]) -> None:
    add("bob"), add("eve", "eve@example.org")
    theirs = stored("eve")._mapping
    moved = {name: theirs[name] for name in also}
    db.session.execute(update(users).where(users.c.name == "bob").values(moved))
    db.session.commit()
    with pytest.raises(DecryptionError):
        _ = loaded("bob").email
    assert loaded("eve").email == "eve@example.org"


def test_rows_are_found_whatever_the_case() -> None:
    add("bob"), add("eve", "eve@example.org"), add("ivy", None)

    def names(*conditions: Any) -> list[str]:
        found = select(User.name).where(User.name != "ada", *conditions)
        return list(db.session.scalars(found.order_by(User.name)))

    assert names(User.email == "ADA@example.org") == ["bob"]
    assert names(User.email.in_([EMAIL, "eve@EXAMPLE.org", "nobody"])) == ["bob", "eve"]
    assert names(User.email.in_([])) == []
    assert names(User.email != EMAIL) == ["eve"]
    assert names(User.email.not_in([EMAIL])) == ["eve"]
    assert names(User.email == None) == ["ivy"]  # noqa: E711
    assert names(User.email.is_(None)) == ["ivy"]
    assert names(User.email.is_not(None)) == ["bob", "eve"]
    other = aliased(User)
    assert db.session.scalar(select(other.name).where(other.email == EMAIL)) == "bob"
    assert db.session.scalars(select(User).filter_by(email=EMAIL)).one().name == "bob"


@pytest.mark.parametrize(
    "use",
    [
        lambda: User.email.like("ada%"),
        lambda: User.email < "b",
        lambda: User.email == func.lower("a"),
        lambda: select(User.email),
        lambda: select(User).order_by(User.email),
        lambda: db.session.execute(update(User).values(email="everybody")),
    ],
    ids=["like", "<", "expression", "select", "order by", "update"],
)
def test_what_would_be_wrong_is_refused(use: Any) -> None:
    with pytest.raises(TypeError):
        use()


class Base(DeclarativeBase):
    """Tables of these tests alone."""


class Card(Base):
    __tablename__ = "cards"

    shop: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    number: Mapped[int] = mapped_column(primary_key=True)
    iban = encrypted_column()
    old_name = encrypted_column(context="cards.before", index=True)


def test_without_an_index_no_row_is_sought() -> None:
    with pytest.raises(TypeError, match="index=True"):
        _ = Card.iban == "DE02"
    assert "cards.iban_encrypted IS NULL" in str(Card.iban.is_(None))


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


@pytest.mark.asvs("11.3.3")
def test_a_value_of_a_mixin_serves_in_its_own_table_alone() -> None:
    stored = Customer(id=1, phone="+44 20 7946 0000")
    assert Customer(id=1, phone_encrypted=stored.phone_encrypted).phone == stored.phone  # type: ignore[attr-defined]
    for model in (Employee, Archived):
        moved: Any = model(id=1, phone_encrypted=stored.phone_encrypted)  # type: ignore[attr-defined]
        with pytest.raises(DecryptionError):
            _ = moved.phone


def test_equal_values_have_different_indexes_in_different_tables() -> None:
    models: list[Any] = [Customer, Employee, Archived]
    indexes = {model(id=1, phone="+44 20 7946 0000").phone_index for model in models}
    assert len(indexes) == len(models)


def test_the_rows_of_each_table_with_a_mixin_are_found() -> None:
    engine = create_engine("sqlite://")
    with Session(engine) as session:
        models: list[Any] = [Customer, Employee]
        for model in models:
            model.metadata.create_all(engine, [model.__table__])
            session.add(model(id=1, phone="+44 20 7946 0000"))
            found = session.scalars(select(model).where(model.phone == "+44 20 7946 0000")).one()
            assert found.phone == "+44 20 7946 0000"
    engine.dispose()


@pytest.mark.parametrize(
    ("model", "context"),
    [(Customer, "customers.phone"), (Archived, '["archive", "customers", "phone"]')],
    ids=["without a schema", "with one"],
)
def test_the_context_of_a_column_stays_the_same(model: Any, context: str) -> None:
    """Otherwise nobody reads what is stored."""
    stored = encrypt(b"+44 20 7946 0000", context=f'{context} of ["1"]')
    assert model(id=1, phone_encrypted=stored).phone == "+44 20 7946 0000"
    index = blind_index("+44 20 7946 0000", context=context)
    assert model(id=1, phone="+44 20 7946 0000").phone_index == index


def test_a_context_that_another_column_has_is_refused() -> None:
    with pytest.raises(TypeError, match=r"drafts\.body and cards\.old_name have the same"):

        class Draft(Base):
            __tablename__ = "drafts"

            id: Mapped[int] = mapped_column(primary_key=True)
            body = encrypted_column(context="cards.before")


def test_an_old_key_still_reads_and_finds(make_app: MakeApp) -> None:
    user = add("bob")
    ring = {
        name: f"{key_settings.new('2')},{SECRETS[name]}"
        for name in ("encryption_keys", "blind_index_keys")
    }
    ciphertext, index = stored("bob")
    with make_app(**ring).app_context():
        copy: Any = User(id=user.id, name="bob", password_hash="", email_encrypted=ciphertext)
        copy.email_index = index
        db.session.add(copy)
        db.session.commit()
        assert loaded("bob").email == EMAIL
        assert db.session.scalars(select(User).where(User.email == EMAIL)).one().name == "bob"


def test_a_value_that_does_not_decrypt_is_an_error_of_its_request_alone(
    app: Flask, client: Any, credentials: dict[str, str]
) -> None:
    db.session.execute(update(users).values(email_encrypted=b"not encrypted"))
    db.session.commit()
    answer = client.get("/me", headers=credentials)
    assert (answer.status_code, answer.json) == (500, {"error": "Internal Server Error"})
    assert client.get("/healthz").status_code == 200
