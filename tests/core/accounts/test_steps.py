"""Steps that wait for their second half: which secret finds which, and for how long."""

import pytest
from flask import Flask
from secure_flask import db
from secure_flask.accounts import steps
from secure_flask.accounts.outbox import HOUR
from secure_flask.accounts.steps import MAX_FAILURES, Step
from secure_flask.auth import logins
from secure_flask.crypto.encryption import ENCRYPTION_KEYS
from secure_flask.state import app_state
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from core.accounts.observing import stored_rows
from core.accounts.people import ADDRESS, add_user, user_of
from core.accounts.site import User
from core.conftest import Wait
from core.statements import counted_statements


def begin(purpose: str = "test", user: User | None = None, **data: object) -> str:
    secret = steps.give_step_secret(steps.add_step(purpose, HOUR, user=user, email=ADDRESS, **data))
    db.session.commit()
    return secret


def find(secret: str) -> Step:
    step = steps.find_step("test", secret)
    assert step is not None
    return step


def rows() -> int:
    return db.session.scalar(select(func.count()).select_from(Step)) or 0


def test_the_secret_finds_its_step_for_its_purpose_and_time(user: User, wait: Wait) -> None:
    secret = begin(user=user, a=[1])
    step = find(secret)
    assert (step.user, step.email, step.data) == (user, ADDRESS, {"a": [1]})
    others = [("tests", secret), ("test", secret[:-1]), ("test", ""), ("test", "é")]
    assert [steps.find_step(*each) for each in others] == [None] * 4
    wait(HOUR - 1)
    assert find(secret)
    wait(1)
    assert steps.find_step("test", secret) is None


def test_a_step_is_used_once_ends_by_failures_and_a_new_secret_replaces_the_old_one(
    app: Flask, user: User
) -> None:
    secret = begin()
    # 256 bits, of which none is stored.
    assert len(secret) == 43
    stored = str(stored_rows(app)["account_steps"])
    assert (secret in stored, ADDRESS in stored) == (False, False)
    step = find(secret)
    newer = steps.give_step_secret(step)
    assert (steps.find_step("test", secret), find(newer)) == (None, step)
    assert (steps.use_step(step), steps.use_step(step)) == (True, False)
    assert steps.find_step("test", newer) is None
    failed = find(begin())
    assert all(steps.count_step_failure(failed.id) for _ in range(MAX_FAILURES))
    assert steps.open_steps_of_address("test", ADDRESS, limit=9) == []


@pytest.mark.parametrize("by", ["a view", "a statement"])
def test_a_user_who_is_disabled_has_no_step_then_nor_later_and_a_deleted_one_leaves_none(
    user: User, by: str
) -> None:
    secret = begin(user=user)
    begin(user=add_user("bob", "bob@example.org"))
    if by == "a view":
        user.disabled = True
        db.session.commit()
    else:
        # As SQL does it, which the core does not see.
        db.session.connection().execute(update(User).values(disabled=True))
        db.session.refresh(user)
    assert steps.find_step("test", secret) is None
    user.disabled = False
    db.session.commit()
    assert steps.find_step("test", secret) is None
    assert rows() == 1
    assert find(begin(user=user))
    db.session.delete(user)
    db.session.commit()
    assert rows() == 1


def test_a_lockout_ends_steps_in_the_transaction_of_the_session_that_has_the_user(
    file_app: Flask,
) -> None:
    with file_app.app_context():
        begin(user=user_of())
        db.session.rollback()
        with Session(db.engine) as session:
            session.get_one(User, user_of().id).disabled = True
            session.flush()
            session.rollback()
            left = rows()
            session.get_one(User, user_of().id).disabled = True
            session.commit()
        assert (left, rows()) == (1, 0)


def test_the_steps_of_an_address_are_found_in_any_spelling_the_newest_first(
    user: User, wait: Wait
) -> None:
    begin(number=1)
    wait(1)
    begin(number=2)
    begin("other")
    found = steps.open_steps_of_address("test", ADDRESS.upper(), limit=9)
    assert [step.data for step in found] == [{"number": 2}, {"number": 1}]
    wait(HOUR)
    assert steps.open_steps_of_address("test", ADDRESS, limit=9) == []


def test_those_of_an_address_are_read_by_one_statement_without_what_a_dropped_key_encrypted(
    app: Flask, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = begin(number=1)
    ring = app_state(app)[ENCRYPTION_KEYS]
    key_id, key = next(iter(ring.items()))
    monkeypatch.setitem(app_state(app), ENCRYPTION_KEYS, {key_id + 1: key[::-1], **ring})
    for number in (2, 3):
        begin(number=number)
    db.session.expunge_all()
    with counted_statements(db.engine) as asked:
        assert len(steps.open_steps_of_address("test", ADDRESS, limit=9)) == 3
    assert len(asked.statements) == 1
    monkeypatch.setitem(app_state(app), ENCRYPTION_KEYS, {key_id + 1: key[::-1]})
    db.session.expunge_all()
    assert sorted(
        step.data["number"] for step in steps.open_steps_of_address("test", ADDRESS, limit=9)
    ) == [2, 3]
    assert steps.find_step("test", old) is None


def test_the_steps_of_a_user_end_with_the_logins_and_those_of_others_stay(user: User) -> None:
    other = add_user()
    mine, theirs = begin(user=user), begin(user=other)
    logins.end_logins_of(user)
    db.session.commit()
    assert (steps.find_step("test", mine), find(theirs).user) == (None, other)


def test_one_that_is_mailed_at_the_same_moment_makes_no_room(user: User) -> None:
    """PostgreSQL asks again of a row that changed meanwhile, but only what the deletion itself asks."""
    begin()
    with counted_statements(db.engine) as sent:
        assert steps.make_room_for_step("test", ADDRESS, most=1)
    [deletion] = [each for each in sent.statements if each.startswith("DELETE")]
    _, _, of_the_deletion = deletion.rpartition(")")
    assert "mailed" in of_the_deletion


def test_purging_deletes_what_has_expired_alone(user: User, wait: Wait) -> None:
    begin()
    wait(HOUR - 1)
    begin()
    wait(1)
    steps.purge_steps()
    assert rows() == 1
