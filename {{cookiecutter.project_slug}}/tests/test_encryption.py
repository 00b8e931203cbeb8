"""Encryption: what the database holds is worthless without the keys."""

from secrets import token_urlsafe

import pytest
from flask import Flask
from secure_flask import DecryptionError, db, decrypt, encrypt
from sqlalchemy import func, select, text

from app.models import User
from tests.conftest import NAME, MakeApp

TEXT = b"Ada's diary, page 1"
EMAIL = "ada@example.org"


@pytest.fixture
def with_email(app: Flask) -> Flask:
    """The app, whose user has an e-mail address."""
    if not hasattr(User, "email"):
        pytest.skip("User has no email any more.")
    with app.app_context():
        user = User.find(NAME)
        assert user
        user.email = EMAIL
        db.session.commit()
    return app


def test_what_is_encrypted_can_be_decrypted(app: Flask) -> None:
    with app.app_context():
        assert decrypt(encrypt(TEXT, context="diary"), context="diary") == TEXT


def test_a_ciphertext_shows_neither_the_text_nor_that_two_texts_are_equal(app: Flask) -> None:
    with app.app_context():
        first, second = (encrypt(TEXT, context="diary") for _ in range(2))
    assert first != second
    assert TEXT not in first


def test_a_value_that_was_moved_to_another_place_is_refused(app: Flask) -> None:
    with app.app_context(), pytest.raises(DecryptionError):
        decrypt(encrypt(TEXT, context="diary"), context="salary")


def test_a_value_that_was_changed_is_refused(app: Flask) -> None:
    with app.app_context():
        stored = encrypt(TEXT, context="diary")
        changed = stored[:-1] + (b"1" if stored[-1:] == b"0" else b"0")
        with pytest.raises(DecryptionError):
            decrypt(changed, context="diary")


def test_without_the_key_nothing_can_be_read(app: Flask, make_app: MakeApp) -> None:
    with app.app_context():
        stored = encrypt(TEXT, context="diary")
    other = make_app(encryption_keys=f"1:{token_urlsafe(32)}")
    with other.app_context(), pytest.raises(DecryptionError):
        decrypt(stored, context="diary")


def test_a_user_is_found_by_the_encrypted_address(with_email: Flask) -> None:
    with with_email.app_context():
        found = select(func.count()).select_from(User)
        assert db.session.scalar(found.where(User.email == EMAIL)) == 1
        assert db.session.scalar(found.where(User.email == "bob@example.org")) == 0
        assert db.session.scalars(select(User)).one().email == EMAIL


def test_the_database_does_not_hold_the_address_as_text(with_email: Flask) -> None:
    with with_email.app_context():
        rows = db.session.execute(text("SELECT * FROM users")).all()
    assert NAME in str(rows)
    assert EMAIL not in str(rows)
