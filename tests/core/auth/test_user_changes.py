"""Users are made with a good password, or with one that code has made."""

import pytest
from secure_flask.auth import user_changes
from secure_flask.auth.passwords import verify_password
from secure_flask.database import db
from sqlalchemy.exc import IntegrityError
from werkzeug.exceptions import BadRequest

from core.conftest import PASSWORD, USERNAME
from core.users import User

pytestmark = pytest.mark.usefixtures("app_context")


def ada() -> User:
    found = User.find(USERNAME)
    assert found is not None
    return found


@pytest.mark.asvs("11.4.2")
def test_a_user_is_kept_without_the_password() -> None:
    stored = ada().password_hash
    assert stored.startswith("$argon2id$")
    assert PASSWORD not in stored
    assert verify_password(stored, PASSWORD)


def test_a_name_is_given_once() -> None:
    with pytest.raises(IntegrityError):
        user_changes.create_user(USERNAME, "another long password")
    db.session.rollback()
    assert verify_password(ada().password_hash, PASSWORD)


@pytest.mark.parametrize(
    "password", ["a", " " * 15, f"for lovelace {PASSWORD}", f"for grace {PASSWORD}"]
)
def test_a_poor_password_of_a_new_user_is_refused_with_the_reason(password: str) -> None:
    with pytest.raises(BadRequest, match=r"Use (at least|one line)|must not contain") as refused:
        user_changes.create_user("grace", password, email="lovelace@example.org")
    assert getattr(refused.value, "fields", {}).keys() == {"password"}
    assert User.find("grace") is None


def test_a_password_that_code_has_made_is_taken_unchecked() -> None:
    assert user_changes.create_user("grace", "a", check_password=False).name == "grace"
