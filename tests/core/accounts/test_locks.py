"""Requests lock the mailbox, the user and the steps in one order, so none waits for another in a circle.

PostgreSQL ends a circle by an error, and one of the requests gets a 503.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from flask import current_app
from secure_flask import accounts, change_password, db
from secure_flask.accounts import steps
from secure_flask.accounts.outbox import HOUR
from sqlalchemy import event

from core.accounts.ceremonies import answer, ask, device_for, of_each_ceremony
from core.accounts.devices import Passkey, begin_login, enter_recovery_code
from core.accounts.people import ADDRESS, STRONG, request_of
from core.accounts.site import User
from core.conftest import PASSWORD

# The beginnings of the statements that lock, by what they lock.
LOCKS = {
    "SELECT pg_advisory_xact_lock": "mailbox",
    "DELETE FROM account_steps WHERE 0": "mailbox",
    "UPDATE users": "user",
    "DELETE FROM account_steps WHERE account_steps.id": "step",
    "DELETE FROM account_steps WHERE account_steps.user_id": "step",
    "DELETE FROM recovery_codes": "factor",
    "INSERT INTO passkeys": "factor",
    "UPDATE passkeys": "factor",
}


@contextmanager
def locked() -> Iterator[list[list[str]]]:
    """What each transaction locks, in turn and once."""
    found: list[list[str]] = [[]]

    def note(connection: object, cursor: object, statement: str, *more: object) -> None:
        for begin, what in LOCKS.items():
            if statement.startswith(begin) and what not in found[-1]:
                found[-1].append(what)

    def end(connection: object) -> None:
        found.append([])

    event.listen(db.engine, "before_cursor_execute", note)
    event.listen(db.engine, "commit", end)
    yield found
    event.remove(db.engine, "before_cursor_execute", note)
    event.remove(db.engine, "commit", end)


def secret_of(user: User, purpose: str, email: str) -> str:
    secret = steps.give_step_secret(steps.add_step(purpose, HOUR, user=user, email=email))
    db.session.commit()
    return secret


def reset(user: User) -> None:
    accounts.reset_password(secret_of(user, "reset", ADDRESS), STRONG)


def change_by_login(user: User) -> None:
    accounts.confirm_email_change(secret_of(user, "change_email", "new@example.org"), None)


def change_by_password(user: User) -> None:
    secret = secret_of(user, "change_email", "new@example.org")
    with request_of(current_app):
        accounts.confirm_email_change(secret, PASSWORD)


def change_the_password(user: User) -> None:
    change_password(PASSWORD, STRONG)


def lock_out(user: User) -> None:
    user.disabled = True
    db.session.commit()


@pytest.mark.parametrize(
    ("change", "order"),
    [
        (lock_out, ["user", "step"]),
        (reset, ["user", "step"]),
        (change_by_login, ["mailbox", "user", "step"]),
        (change_by_password, ["mailbox", "user", "step"]),
        (change_the_password, ["user", "step"]),
    ],
)
def test_a_request_that_ends_steps_locks_the_user_first(
    change: Callable[[User], None], order: list[str], user: User
) -> None:
    with locked() as found:
        change(user)
    assert [each for each in found if "step" in each] == [order]


@pytest.mark.usefixtures("secret")
def test_a_half_login_that_is_completed_locks_the_user_first() -> None:
    codes, half = accounts.replace_recovery_codes(), begin_login()
    with locked() as found:
        assert enter_recovery_code(codes[0], half) == 200
    assert [each for each in found if "step" in each] == [["user", "factor", "step"]]


@of_each_ceremony
def test_a_passkey_is_added_and_used_after_the_lock_of_its_user(
    ceremony: str, passkey: Passkey
) -> None:
    asked = ask(ceremony)
    with locked() as found:
        assert answer(ceremony, asked, device_for(ceremony, passkey)) == 200
    assert [each[:2] for each in found if "factor" in each] == [["user", "factor"]]
