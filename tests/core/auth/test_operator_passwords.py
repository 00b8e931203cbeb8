"""Users and passwords that an operator makes, as the operator and the users see them."""

from io import StringIO
from types import SimpleNamespace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask.auth import operator_passwords, password_rules, users
from secure_flask.auth.passwords import MAX_LENGTH
from secure_flask.auth.users import UserMixin
from secure_flask.database import db
from sqlalchemy import text

from core import routes
from core.auth.operators import (
    GOOD_PASSWORD,
    NEW,
    assert_refused,
    create,
    logs_in,
    run,
)
from core.conftest import PASSWORD, USERNAME, log_in
from core.site import User

PROJECT, MIN_LENGTH = "Garden Shed", 12
NO_ADDRESSES = [
    "",
    "grace",
    "@example.org",
    "grace@",
    "a b@example.org",
    "a@b\n",
    f"{'a' * 65}@b.c",
]


@pytest.fixture
def app(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """An app whose name no good password here contains."""
    monkeypatch.setitem(app.config, "PROJECT_NAME", PROJECT)
    monkeypatch.setitem(app.config, "LOGIN_RATE_LIMIT", "1000 per minute")
    return app


def test_a_made_password_is_printed_works_and_is_never_the_same(
    app: Flask, client: FlaskClient
) -> None:
    made = [create(app, name).stdout.split()[-1] for name in (NEW, "eve")]
    assert made[0] != made[1]
    assert len(made[0]) >= 20
    assert logs_in(client, NEW, made[0])


def test_a_given_password_works_to_its_last_space_and_is_not_printed(
    app: Flask, client: FlaskClient
) -> None:
    result = create(app, NEW, password=f" {GOOD_PASSWORD} ")
    assert result.exit_code == 0
    assert GOOD_PASSWORD not in result.output
    assert logs_in(client, NEW, f" {GOOD_PASSWORD} ")
    assert not logs_in(client, NEW, GOOD_PASSWORD)


def test_an_unusable_password_makes_no_user(app: Flask, subtests: pytest.Subtests) -> None:
    unusable = {
        "none": "",
        "short": "x" * (MIN_LENGTH - 1),
        "too long": "x" * (MAX_LENGTH + 1),
        "their name": f"{NEW.upper()} {GOOD_PASSWORD}",
        "the project's name": f"{PROJECT} {GOOD_PASSWORD}",
    }
    with app.app_context():
        words = {case: password_rules.why_refused(each, NEW) for case, each in unusable.items()}
    unusable |= {"blank": " " * MIN_LENGTH, "a tab": f"{GOOD_PASSWORD}\t"}
    for case, password in unusable.items():
        with subtests.test(case):
            result = create(app, NEW, password=password)
            assert_refused(result)
            assert (words.get(case) or "") in result.output
            with app.app_context():
                assert User.find(NEW) is None


def test_bytes_that_are_no_text_make_no_password(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = StringIO(f"{GOOD_PASSWORD}\udcff\n")
    monkeypatch.setattr(operator_passwords, "sys", SimpleNamespace(stdin=given))
    assert_refused(create(app, NEW, "--password-stdin"))


def test_an_unusable_name_makes_no_user(app: Flask, subtests: pytest.Subtests) -> None:
    for name in ("", " ", "new\nline", "x" * (users.MAX_NAME + 1), USERNAME):
        with subtests.test(name):
            assert_refused(create(app, name))


def test_what_is_no_address_makes_no_user(app: Flask, subtests: pytest.Subtests) -> None:
    for email in NO_ADDRESSES:
        with subtests.test(email):
            assert_refused(create(app, NEW, "--email", email, password=GOOD_PASSWORD))
            with app.app_context():
                assert User.find(NEW) is None


def test_a_made_or_given_password_takes_the_place_of_the_old_one(
    app: Flask, client: FlaskClient
) -> None:
    unusable = f"{GOOD_PASSWORD} {USERNAME}"
    assert_refused(run(app, "user", "password", USERNAME, password=unusable))
    assert logs_in(client, USERNAME, PASSWORD)
    made = run(app, "user", "password", USERNAME).stdout.split()[-1]
    assert not logs_in(client, USERNAME, PASSWORD)
    assert logs_in(client, USERNAME, made)
    given = run(app, "user", "password", USERNAME, password=GOOD_PASSWORD)
    assert GOOD_PASSWORD not in given.output
    assert not logs_in(client, USERNAME, made)
    assert logs_in(client, USERNAME, GOOD_PASSWORD)


def test_an_address_is_stored_encrypted_and_shown_to_its_owner(
    app: Flask, client: FlaskClient
) -> None:
    email = "Grace.O'Hara+x@example.org"
    assert create(app, NEW, "--email", email, password=GOOD_PASSWORD).exit_code == 0
    credentials = log_in(client, username=NEW, password=GOOD_PASSWORD)
    assert email in client.get(routes.ME, headers=credentials).text
    with app.app_context():
        stored = db.session.execute(text("SELECT email_encrypted FROM users")).scalars().all()
    assert any(stored)
    assert not any(b"example.org" in value for value in stored if value)


def test_on_a_terminal_it_asks_until_it_can_be_used_without_showing(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = SimpleNamespace(isatty=lambda: True)
    monkeypatch.setattr(operator_passwords, "sys", SimpleNamespace(stdin=terminal))
    refused = ["x" * (MIN_LENGTH - 1), f"{NEW} {GOOD_PASSWORD}", "\t" * MIN_LENGTH]
    typed = [each for each in (*refused, GOOD_PASSWORD) for _ in range(2)]
    asked = app.test_cli_runner().invoke(
        args=["user", "create", NEW], input="".join(f"{each}\n" for each in typed)
    )
    assert asked.exit_code == 0
    assert asked.output.startswith(f"Password ({MIN_LENGTH} characters or more): ")
    assert asked.stderr.count("Error: ") == len(refused)
    with app.app_context():
        for password in refused[:2]:
            assert str(password_rules.why_refused(password, NEW)) in asked.stderr
    assert GOOD_PASSWORD not in asked.output
    assert logs_in(app.test_client(), NEW, GOOD_PASSWORD)


def test_a_class_without_an_address_makes_no_user_of_one(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operator_passwords, "user_class", lambda: UserMixin)
    assert_refused(create(app, NEW, "--email", "a@b.c", password=GOOD_PASSWORD))
