"""Steps that wait for their second half: which secret finds which, and how long."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from sqlalchemy import text

from app.accounts import pending
from app.accounts.pending import MAX_FAILURES
from app.auth import users
from app.auth.users import User
from app.db import db
from tests.accounts.people import ADDRESS, create_user
from tests.conftest import USERNAME, Wait

HOUR = 60 * 60  # seconds
AT_ONCE = 8


@pytest.fixture
def user(app: Flask) -> Iterator[User]:
    with app.app_context():
        found = users.find(USERNAME)
        assert found is not None
        yield found


def rows() -> int:
    return int(db.session.scalar(text("SELECT count(*) FROM pending_steps")) or 0)


def test_the_secret_finds_its_step_for_its_purpose_and_time(user: User, wait: Wait) -> None:
    secret = pending.create("test", HOUR, user=user, email=ADDRESS, data={"a": [1]})
    step = pending.find("test", secret)
    assert step is not None
    assert (step.owner, step.email, step.data) == (user, ADDRESS, {"a": [1]})
    for purpose, other in [("tests", secret), ("test", secret[:-1]), ("test", ""), ("test", "é")]:
        assert pending.find(purpose, other) is None
    wait(HOUR - 1)
    assert pending.find("test", secret) is not None
    wait(1)
    assert pending.find("test", secret) is None


def test_each_secret_has_256_bits_and_is_not_stored(user: User) -> None:
    secrets = {pending.create("test", HOUR, email=ADDRESS) for _ in range(3)}
    assert [len(secret) for secret in secrets] == [43] * 3
    stored = str(db.session.execute(text("SELECT * FROM pending_steps")).all())
    assert not any(secret in stored for secret in (*secrets, ADDRESS))


def test_a_step_is_used_once(user: User) -> None:
    secret = pending.create("test", HOUR, user=user)
    first, second = pending.find("test", secret), pending.find("test", secret)
    assert first is not None
    assert second is not None
    assert pending.use(first)
    assert not pending.use(second)
    assert pending.find("test", secret) is None


def test_failures_end_a_step(user: User) -> None:
    secret = pending.create("test", HOUR, user=user)
    for _ in range(MAX_FAILURES):
        step = pending.find("test", secret)
        assert step is not None
        pending.count_failure(step)
    assert pending.find("test", secret) is None


def test_a_disabled_user_has_no_step_and_a_deleted_one_leaves_none(user: User) -> None:
    secret = pending.create("test", HOUR, user=user)
    user.disabled = True
    db.session.commit()
    assert pending.find("test", secret) is None
    db.session.delete(user)
    db.session.commit()
    assert rows() == 0


def test_a_step_of_nobody_has_no_owner(user: User) -> None:
    step = pending.find("test", pending.create("test", HOUR))
    assert step is not None
    with pytest.raises(LookupError):
        _ = step.owner


def test_the_newest_step_of_an_address_is_found_in_any_spelling(user: User, wait: Wait) -> None:
    pending.create("test", HOUR, email=ADDRESS, data={"number": 1})
    wait(1)
    pending.create("test", HOUR, email=ADDRESS, data={"number": 2})
    pending.create("other", 2 * HOUR, email=ADDRESS)
    step = pending.newest("test", ADDRESS.upper())
    assert step is not None
    assert step.data == {"number": 2}
    wait(HOUR)
    assert pending.newest("test", ADDRESS) is None


def test_all_steps_of_one_user_end_and_those_of_others_stay(app: Flask, user: User) -> None:
    create_user(app, "grace")
    mine = [pending.create(purpose, HOUR, user=user) for purpose in ("a", "b")]
    theirs = pending.create("a", HOUR, user=users.find("grace"))
    pending.end_all(user)
    db.session.commit()
    assert [pending.find(purpose, mine[n]) for n, purpose in enumerate("ab")] == [None, None]
    assert pending.find("a", theirs) is not None


def test_expired_steps_do_not_pile_up(user: User, wait: Wait) -> None:
    for _ in range(3):
        pending.create("test", HOUR)
    wait(HOUR)
    pending.create("test", HOUR)
    assert rows() == 1


def test_purging_deletes_expired_steps(app: Flask, user: User, wait: Wait) -> None:
    pending.create("test", HOUR, email=ADDRESS)
    wait(HOUR - 1)
    pending.create("test", HOUR, email=ADDRESS)
    wait(1)
    result = app.test_cli_runner().invoke(args=["tokens", "purge"])
    assert (result.exit_code, result.output) == (0, "Deleted 1 expired\n")
    assert rows() == 1


def test_a_text_is_new_once(user: User, wait: Wait) -> None:
    assert pending.use_once("challenge", HOUR)
    assert not pending.use_once("challenge", HOUR)
    assert pending.use_once("another", HOUR)


def test_of_eight_threads_one_uses_a_text_up(file_app: Flask) -> None:
    def use(number: int) -> bool:
        with file_app.app_context():
            return pending.use_once("challenge", HOUR)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        assert list(threads.map(use, range(AT_ONCE))).count(True) == 1
