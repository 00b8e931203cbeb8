"""`flask crypto …`: which key encrypted what, and key rotation."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from secure_flask.auth import user_changes
from secure_flask.crypto import rotation
from secure_flask.crypto.rotation import Stored
from secure_flask.database import database, db
from secure_flask.settings import keyrings
from secure_flask.settings.keyrings import read_numbered_keyring
from secure_flask.state import app_state
from sqlalchemy import Index, column, delete, select, table, update
from sqlalchemy.exc import IntegrityError

from core.conftest import PASSWORD, SECRETS, Configure
from core.crypto.ring_changes import BOTH, NEW, OLD, drop_old, put_in_front, run
from core.users import User

NAMES = ["bob", "eve", "ivy", "joe", "kim"]
EMAILS = [f"{name}@example.org" for name in NAMES]
COLUMN = "users.email_encrypted"
# As the database sees it.
raw = table("users", *map(column, ("name", "email_encrypted", "email_index")))


@pytest.fixture
def app(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """One with five users who have an address, and one who has none."""
    monkeypatch.setattr(database, "PAGE", 2)
    for key in BOTH:
        monkeypatch.setitem(app_state(app), key, app_state(app)[key])
    with app.app_context():
        for name, email in zip(NAMES, EMAILS, strict=True):
            user_changes.create_user(name, PASSWORD, email=email)
    return app


@pytest.fixture
def unique_addresses(app: Flask) -> Iterator[None]:
    """The database refuses a second equal index, as for `encrypted_column(unique=True)`."""
    columns = User.__table__.columns
    unique = Index("one_address", columns["email_index"], unique=True)
    unique.create(db.engine)
    yield
    db.session.rollback()
    unique.drop(db.engine)
    columns["email_index"].table.indexes.remove(unique)


def id_of(name: str) -> Any:
    return db.session.scalars(select(User.id).filter_by(name=name)).one()


def change_email(name: str, email: str) -> None:
    db.session.scalars(select(User).filter_by(name=name)).one().email = email
    db.session.commit()


def status(app: Flask) -> list[str]:
    """What `status` says of the addresses."""
    lines = (" ".join(line.split("\t")) for line in run(app, "status").output.splitlines())
    return [line for line in lines if line.startswith(COLUMN)]


def counted(key_id: int, state: str) -> list[str]:
    """What `status` says where all five values are of one key."""
    return [f"{name} key {key_id} {state} 5" for name in (COLUMN, f"{COLUMN} (index)")]


def test_status_says_so_where_nothing_is_encrypted(app: Flask) -> None:
    said = "No value is encrypted."
    assert said not in run(app, "status").output
    db.session.execute(delete(raw))
    db.session.commit()
    assert run(app, "status").output == f"{said}\n"


def emails() -> list[str | None]:
    db.session.expire_all()
    return [db.session.scalars(select(User).filter_by(name=name)).one().email for name in NAMES]


def found() -> list[str]:
    return [
        db.session.scalars(select(User).where(User.email == each)).one().name for each in EMAILS
    ]


def damage(name: str, **values: Any) -> str:
    """Store other bytes in a row; how the commands name that row."""
    db.session.execute(update(raw).where(raw.c.name == name).values(values))
    db.session.commit()
    return f"{COLUMN} of {id_of(name)}: "


def test_a_generated_key_goes_in_front_of_the_ring(app: Flask) -> None:
    one, other = [run(app, "generate-key").output.strip() for _ in range(2)]
    assert one != other
    rings = [
        [*read_numbered_keyring(f"{key},{SECRETS['encryption_keys']}")] for key in (one, other)
    ]
    assert rings == [[max(OLD + 1, int(keyrings.key_id_of_today())), OLD]] * 2


def test_its_id_is_the_day_where_no_key_has_a_later_one(
    app: Flask,
    monkeypatch: pytest.MonkeyPatch,
    configure: Configure,
    subtests: pytest.Subtests,
) -> None:
    drop_old(app)
    monkeypatch.setattr(keyrings, "key_id_of_today", lambda: "20261125")
    rings = dict.fromkeys((None, *map(keyrings.new_key, ("2", "9999999999"))), 20261125)
    rings[keyrings.new_key("spring")] = 20261125
    # A stolen key for tokens is replaced by one of another id.
    rings[f"{keyrings.new_key()},{NEW}"] = 20261126
    for token_keys, made in rings.items():
        with subtests.test(token_keys=token_keys, made=made):
            configure(app, TOKEN_KEYS=token_keys)
            assert [*read_numbered_keyring(run(app, "generate-key").output.strip())] == [made]


@pytest.mark.asvs("11.2.2")
def test_rotation_lets_the_old_keys_be_dropped(app: Flask) -> None:
    assert status(app) == counted(OLD, "current")
    put_in_front(app)
    assert status(app) == counted(OLD, "old")
    assert found() == NAMES
    result = run(app, "rotate")
    assert result.exit_code == 0
    assert result.output.count(f"{COLUMN}: ") == 4, "three pages and a sum"
    assert f"{COLUMN}: done, 5 values" in result.output
    assert f"{COLUMN}: done, 0 values" in run(app, "rotate").output, "again"
    drop_old(app)
    assert status(app) == counted(2, "current")
    assert (emails(), found()) == (EMAILS, NAMES)


def test_rotation_that_is_interrupted_goes_on_where_it_was(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_in_front(app)
    renew, renewed = rotation._renew_value, list[bytes]()

    def interrupted(stored: Stored, key: list[Any], seen: bytes) -> str:
        renewed.append(seen)
        if len(renewed) == 4:
            raise KeyboardInterrupt
        return renew(stored, key, seen)

    with monkeypatch.context() as patch:
        patch.setattr(rotation, "_renew_value", interrupted)
        assert run(app, "rotate").exit_code == 1
    db.session.rollback()  # as where the process is gone
    assert f"{COLUMN} key 2 current 2" in status(app), "one whole page"
    assert f"{COLUMN}: done, 3 values" in run(app, "rotate").output
    assert status(app) == counted(2, "current")


def test_a_value_of_no_known_key_is_named_and_the_rest_goes_on(app: Flask) -> None:
    eve = damage("eve", email_encrypted=b"do-not-repeat-me")
    put_in_front(app)
    rotated = run(app, "rotate")
    assert rotated.exit_code == 1
    assert f"{eve}not decrypted, left as it is" in rotated.output
    assert "1 values failed" in rotated.output
    assert f"{COLUMN} key 2 current 4" in status(app)
    assert [line for line in status(app) if line.endswith(" missing 1")]
    assert "do-not-repeat-me" not in rotated.output
    assert "@" not in rotated.output


@pytest.mark.usefixtures("unique_addresses")
@pytest.mark.parametrize("page", [2, 10])
def test_two_rows_with_an_equal_value_are_named_and_the_rest_goes_on(
    app: Flask, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(database, "PAGE", page)
    joe = damage("joe", email_encrypted=b"damaged")
    put_in_front(app)
    change_email("ivy", "Eve@example.org")
    rotated, eve = run(app, "rotate"), f"{COLUMN} of {id_of('eve')}: "
    assert rotated.exit_code == 1
    assert (
        f"{eve}left as it is, since {id_of('ivy')} has this value too: "
        "change or delete one of the two, and rotate again\n"
    ) in rotated.output
    # Each value that fails is named once.
    assert [rotated.output.count(each) for each in (joe, eve)] == [1, 1]
    assert "2 values failed" in rotated.output
    assert f"{COLUMN} key 2 current 3" in status(app)
    assert f"{COLUMN} key {OLD} old 1" in status(app)
    assert "@" not in rotated.output
    change_email("ivy", EMAILS[2])
    change_email("joe", EMAILS[3])
    assert run(app, "rotate").exit_code == 0
    assert status(app) == counted(2, "current")


def test_a_row_that_another_constraint_refuses_is_named_without_its_value(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_in_front(app)
    renew, eve = rotation._renew_value, id_of("eve")

    def refused(stored: Stored, key: list[Any], seen: bytes) -> str:
        if key == [eve]:
            raise IntegrityError("UPDATE", {}, Exception("violates check\nDETAIL: a value"))
        return renew(stored, key, seen)

    monkeypatch.setattr(rotation, "_renew_value", refused)
    output = run(app, "rotate").output
    assert f"{eve}: left as it is, since the tables forbid a change: violates check\n" in output
    assert f"{COLUMN} key 2 current 4" in status(app)


def test_an_index_that_is_missing_or_of_another_key_is_made(app: Flask) -> None:
    damage("eve", email_index=None)
    damage("ivy", email_index=bytes(36))
    run(app, "rotate")
    assert found() == NAMES


def test_a_write_made_meanwhile_is_not_lost(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    put_in_front(app)
    # One page, so that no later one repeats the write.
    monkeypatch.setattr(database, "PAGE", 10)
    pages = database.pages_of_rows

    def pages_and_writes(*arguments: Any) -> Iterator[Any]:
        """After the rows were read, eve changes her address and joe drops his."""
        for rows in pages(*arguments):
            for name, email in (("eve", "new@example.org"), ("joe", None)):
                db.session.scalars(select(User).filter_by(name=name)).one().email = email
            db.session.commit()
            yield rows

    with monkeypatch.context() as patch:
        patch.setattr(rotation, "pages_of_rows", pages_and_writes)
        assert run(app, "rotate").exit_code == 0
    assert emails() == [EMAILS[0], "new@example.org", EMAILS[2], None, EMAILS[4]]
    assert db.session.scalars(select(User).where(User.email == "new@example.org")).one()


def test_without_tables_a_command_says_how_to_make_them(app: Flask) -> None:
    User.metadata.drop_all(db.engine)
    result = run(app, "rotate")
    assert result.exit_code == 1
    assert "flask db upgrade`" in result.output
