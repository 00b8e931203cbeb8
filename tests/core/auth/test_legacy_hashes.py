"""Old hashes of another app: they log in once, and no time and no answer tells who has one."""

import hashlib
import logging
from collections.abc import Callable

import pytest
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from flask import Flask
from flask.testing import FlaskClient
from secure_flask.auth import passwords, tokens, user_changes
from secure_flask.database import db
from sqlalchemy.exc import OperationalError
from werkzeug.security import check_password_hash, generate_password_hash
from werkzeug.test import TestResponse

from core import routes
from core.auth.test_authentication import NEW, WRONG
from core.conftest import (
    PASSWORD,
    USERNAME,
    Configure,
    CountingHasher,
    log_in,
    slow_hasher,
    stored_hash,
    stored_user,
)
from core.statements import counted_statements

PREFIX, QUICK = "scrypt:", "scrypt:1024:8:1"
OF_SAMPLE = "the password of the sample"
SAMPLE = generate_password_hash(OF_SAMPLE, QUICK)
OLD = generate_password_hash(PASSWORD, QUICK)
NAMES = {
    "nobody": None,
    "old": (OLD, False),
    "new": ("", False),
    "disabled-old": (OLD, True),
    "disabled-new": ("", True),
}

Check = Callable[[str, str], object]


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was verified, in order: "argon2", or the hash that the old check got."""
    done: list[str] = []
    monkeypatch.setattr(passwords, "hasher", slow_hasher("verify", lambda: done.append("argon2")))
    return done


@pytest.fixture
def app(
    app: Flask, work: list[str], monkeypatch: pytest.MonkeyPatch, configure: Configure
) -> Flask:
    """An app with a user of each kind; those without an old hash have one of argon2."""

    def check(stored: str, password: str) -> bool:
        work.append(stored)
        return check_password_hash(stored, password)

    configure(app, LOGIN_RATE_LIMIT="1000 per minute")
    use_check(app, configure, check)
    with app.app_context():
        for name, stored in NAMES.items():
            if stored:
                user = user_changes.create_user(name, PASSWORD)
                user.password_hash = stored[0] or user.password_hash
                user.disabled = stored[1]
        db.session.commit()
    return app


def use_check(app: Flask, configure: Configure, check: Check) -> None:
    configure(app, LEGACY_HASHES={PREFIX: (check, SAMPLE)})


def visitor(app: Flask) -> FlaskClient:
    """A client that keeps no cookie of a login."""
    return app.test_client(use_cookies=False)


def try_login(client: FlaskClient, name: str, password: str = PASSWORD) -> TestResponse:
    return client.post(routes.LOGIN, json={"username": name, "password": password})


def costs(app: Flask, work: list[str], password: str = WRONG) -> dict[str, tuple[str, ...]]:
    """What an attempt with a wrong password verifies, by name."""
    found = {}
    for name in NAMES:
        work.clear()
        assert try_login(visitor(app), name, password).status_code == 401, name
        found[name] = tuple(work)
    return found


@pytest.mark.parametrize("password", [WRONG, OF_SAMPLE])
def test_an_attempt_costs_one_argon2_and_one_old_check_for_every_name(
    app: Flask, work: list[str], password: str
) -> None:
    expected = {**dict.fromkeys(NAMES, ("argon2", SAMPLE)), "old": ("argon2", OLD)}
    assert costs(app, work, password) == expected


def test_an_attempt_sends_the_same_statements_for_every_name(app: Flask) -> None:
    client, sent = visitor(app), []
    for name in NAMES:
        with app.app_context(), counted_statements(db.engine) as counted:
            try_login(client, name, WRONG)
        sent.append(counted.statements)
    assert sent == sent[:1] * len(NAMES)


def test_the_first_login_replaces_an_old_hash_and_the_next_one_needs_it_no_more(
    app: Flask, work: list[str]
) -> None:
    client = visitor(app)
    assert try_login(client, "old", WRONG).status_code == 401
    assert stored_hash(app, "old") == OLD
    assert try_login(client, "old").status_code == 200
    assert stored_hash(app, "old").startswith("$argon2id$")
    work.clear()
    assert try_login(client, "old").status_code == 200
    assert work == ["argon2", SAMPLE]


def test_the_right_password_of_a_disabled_user_opens_and_replaces_nothing(app: Flask) -> None:
    assert try_login(visitor(app), "disabled-old").status_code == 401
    assert stored_hash(app, "disabled-old") == OLD


def test_an_old_hash_is_replaced_where_the_login_is_stored_or_not_at_all(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*arguments: object, **options: object) -> None:
        raise OperationalError("INSERT", {}, OSError("no route to host"))

    monkeypatch.setattr(tokens.session, "issue_token", away)
    assert try_login(visitor(app), "old").status_code == 503
    assert stored_hash(app, "old") == OLD


def test_each_of_several_logins_that_replace_an_old_hash_at_once_is_right(
    app: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    quicker = iter([visitor(app)])
    answers: list[TestResponse] = []

    def log_in_meanwhile() -> None:
        for other in quicker:
            with app.app_context():
                answers.append(try_login(other, "old"))

    monkeypatch.setattr(passwords, "hasher", slow_hasher("hash", log_in_meanwhile))
    answers.append(try_login(visitor(app), "old"))
    assert [answer.status_code for answer in answers] == [200, 200]
    assert "authn_login_fail" not in caplog.text


def test_the_password_again_and_a_change_work_with_an_old_hash_at_the_same_cost(
    app: Flask, client: FlaskClient, work: list[str], subtests: pytest.Subtests
) -> None:
    for path, body in (
        (routes.REAUTHENTICATE, {"password": PASSWORD}),
        (routes.PASSWORD, {"current_password": PASSWORD, "new_password": NEW}),
    ):
        with subtests.test(path=path, body=body):
            headers = log_in(client)
            with stored_user(app) as user:
                user.password_hash = OLD
            work.clear()
            wrong = {**body, next(iter(body)): WRONG}
            assert client.post(path, json=wrong, headers=headers).status_code == 403
            assert work == ["argon2", OLD]
            assert client.post(path, json=body, headers=headers).status_code == 200
            assert stored_hash(app, USERNAME).startswith("$argon2id$")
            assert try_login(visitor(app), USERNAME, [*body.values()][-1]).status_code == 200


def test_a_check_that_raises_lets_nobody_in_and_is_logged_without_its_message(
    app: Flask, work: list[str], configure: Configure, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(stored: str, password: str) -> bool:
        work.append("old")
        raise ValueError(f"{password} is longer than 72 bytes")

    caplog.set_level(logging.DEBUG)
    use_check(app, configure, fail)
    client = visitor(app)
    answers = {name: try_login(client, name).status_code for name in NAMES}
    assert answers == {**dict.fromkeys(NAMES, 401), "new": 200}
    assert caplog.text.count("legacy_hash_check_fail") == len(NAMES)
    assert "ValueError" in caplog.text
    assert PASSWORD not in caplog.text
    wrong = costs(app, work)
    assert wrong == dict.fromkeys(NAMES, wrong["nobody"])


async def _right_later(stored: str, password: str) -> bool:
    return True


@pytest.mark.filterwarnings("ignore:coroutine:RuntimeWarning")
@pytest.mark.parametrize("check", [_right_later, lambda *_: "wrong", lambda *_: 1, lambda *_: None])
def test_a_check_that_returns_no_bool_lets_nobody_in(
    app: Flask, configure: Configure, check: Check
) -> None:
    use_check(app, configure, check)
    assert try_login(visitor(app), "old").status_code == 401


@pytest.mark.parametrize("name", ["old", "nobody", "new"])
def test_without_the_policy_an_old_hash_lets_nobody_in_at_the_cost_of_any_other(
    app: Flask, monkeypatch: pytest.MonkeyPatch, configure: Configure, name: str
) -> None:
    configure(app, LEGACY_HASHES={})
    monkeypatch.setattr(passwords, "hasher", hasher := CountingHasher(1, 8, 1))
    assert try_login(visitor(app), name, WRONG).status_code == 401
    assert hasher.computed == 1
    assert try_login(visitor(app), "old").status_code == 401


DAMAGED = [PREFIX, f"{QUICK}$", f"{QUICK}$salt", "scrypt:x:y:z$salt$digest"]
DAMAGED += ["scrypt:0:0:0$salt$digest", OLD[:-20], OLD]


@pytest.mark.parametrize("stored", DAMAGED)
def test_a_damaged_old_hash_costs_what_a_whole_one_costs(
    app: Flask, monkeypatch: pytest.MonkeyPatch, configure: Configure, stored: str
) -> None:
    """Werkzeug returns False for some of them, and raises an error for others."""
    scrypt, computed = hashlib.scrypt, list[bytes]()

    def count(*arguments: object, **options: object) -> bytes:
        computed.append(scrypt(*arguments, **options))  # type: ignore[arg-type]
        return computed[-1]

    use_check(app, configure, check_password_hash)
    with stored_user(app, "old") as user:
        user.password_hash = stored
    monkeypatch.setattr(passwords, "hasher", hasher := CountingHasher(1, 8, 1))
    monkeypatch.setattr(hashlib, "scrypt", count)
    assert try_login(visitor(app), "old", WRONG).status_code == 401
    assert (hasher.computed, len(computed)) == (1, 1)


# Hashes of argon2 with other parameters.


@pytest.fixture
def imported(app: Flask, configure: Configure, work: list[str]) -> str:
    """The hash of the user "old", of a scheme that has two passes."""
    two_passes = PasswordHasher(2, 8, 1)
    sample, stored = two_passes.hash(OF_SAMPLE), two_passes.hash(PASSWORD)

    def check(stored: str, password: str) -> bool:
        work.append("sample" if stored == sample else stored)
        try:
            return two_passes.verify(stored, password)
        except VerifyMismatchError:
            return False

    configure(app, LEGACY_HASHES={"$argon2": (check, sample)})
    for name in ("old", "disabled-old"):
        with stored_user(app, name) as user:
            user.password_hash = stored
    return stored


def test_argon2_of_other_parameters_costs_the_same_for_every_name(
    app: Flask, work: list[str], imported: str
) -> None:
    expected = {**dict.fromkeys(NAMES, ("argon2", "sample")), "old": ("argon2", imported)}
    assert costs(app, work) == expected
