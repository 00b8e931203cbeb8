"""Whom a passkey proves: in a second step, nobody but the user of the first one."""

from datetime import datetime

import pytest
from flask import Flask, current_app, g, session

from app.auth import users
from app.auth.factors import Passkey
from app.auth.users import User
from app.db import db
from tests.conftest import PASSWORD, USERNAME

BOB = "bob"


@pytest.fixture
def key(app: Flask) -> bytes:
    """The id of a passkey that Ada has beside another user, who like her has no address."""
    with app.app_context():
        users.create(BOB, PASSWORD)
        owner = users.find(USERNAME)
        assert owner
        owner.webauthn.append(
            Passkey(
                name="My phone",
                credential_id=b"id",
                public_key=b"key",
                sign_count=0,
                usage="secondary",
                backup_state=False,
                device_type="single_device",
                extensions="{}",
                lastuse_datetime=datetime(2027, 1, 31),
            )
        )
        db.session.commit()
    return b"id"


def proven(key: bytes) -> User | None:
    store = current_app.extensions["security"].datastore
    found: User | None = store.find_user_from_webauthn(store.find_webauthn(credential_id=key))
    return found


@pytest.mark.asvs("6.3.3")
def test_after_a_password_it_proves_only_whose_password_that_was(app: Flask, key: bytes) -> None:
    with app.test_request_context():
        for name, right in ((USERNAME, True), (BOB, False)):
            user = users.find(name)
            assert user
            session["tf_user_id"] = str(user.id)
            assert (proven(key) is not None) == right


@pytest.mark.asvs("7.5.1")
def test_it_makes_no_login_of_another_user_recent(app: Flask, key: bytes) -> None:
    with app.test_request_context():
        for name, right in ((USERNAME, True), (BOB, False)):
            g.user = users.find(name)
            assert (proven(key) is not None) == right


def test_as_a_first_factor_it_proves_its_owner(app: Flask, key: bytes) -> None:
    with app.test_request_context():
        owner = proven(key)
        assert owner
        assert owner.name == USERNAME
