"""Rows of keys: how they begin, which prefix they have, and which of them live."""

import pytest
from flask import Flask
from secure_flask import PolicyError
from secure_flask.auth.logins import Login
from secure_flask.database import db
from secure_flask.database.database import impatient_transaction
from secure_flask.keys.api_keys import key_created
from sqlalchemy import event, select, update
from sqlalchemy.exc import OperationalError

from core import routes
from core.conftest import MakeApp, give_roles, log_in, set_account_rules
from core.keys.made_keys import NAME, is_open, new_key, number_of_keys
from core.users import User

# Prefixes.


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        ("API_KEY_PREFIX", ["sft_", "sft_key_", "sft", "eyJ", "eyJkey_"], "none begins with the"),
        ("OPAQUE_TOKEN_PREFIX", [""], "none begins with the other"),
        # A scanner looks for a word.
        ("API_KEY_PREFIX", ["", "a", "_a_", "a b_", "a-b_", "é12_", "x" * 33], "API_KEY_PREFIX"),
        ("API_KEY_RATE_LIMIT", ["", "often", "0 per minute", "1 per minute; 5 per day"], "LIMIT"),
    ],
)
def test_no_prefix_begins_with_another_and_a_limit_is_one(
    make_app: MakeApp, name: str, values: list[str], said: str
) -> None:
    for value in values:
        with pytest.raises(PolicyError, match=said):
            make_app(**{name: value})


def test_a_project_chooses_the_prefix(make_app: MakeApp) -> None:
    app = make_app(API_KEY_PREFIX="bakery_key_")
    key = new_key(app)
    assert key.startswith("bakery_key_")
    assert is_open(app.test_client(), key)


# A second factor that a role demands.


def test_a_key_has_the_second_factor_that_a_role_demands_or_an_operator_made_it(
    make_app: MakeApp,
) -> None:
    app = make_app()
    client = app.test_client()
    credentials = log_in(client)

    def made(name: str) -> str:
        answer = client.post(routes.KEYS, json={"name": name}, headers=credentials)
        return str(answer.get_json()["key"])

    keys = [made("Without"), new_key(app)]
    with app.app_context():
        db.session.scalars(select(Login)).one().second_factor = True
        db.session.commit()
    keys.append(made("With"))
    give_roles(app, "admin")
    program = app.test_client()
    assert [is_open(program, key) for key in keys] == [True, True, True]
    set_account_rules(app, demands_second_factor=lambda user: "admin" in user.role_names)
    assert [is_open(program, key) for key in keys] == [False, True, True]


# A signal.


def test_a_new_key_is_announced_before_it_is_stored(app: Flask) -> None:
    heard = []

    def refuse(user: User, name: str) -> None:
        heard.append((user.name, name))
        raise ZeroDivisionError

    with key_created.connected_to(refuse), pytest.raises(ZeroDivisionError):
        new_key(app)
    assert heard == [("ada", NAME)]
    assert number_of_keys(app) == 0


# Two requests do these at the same moment.


def test_while_a_key_is_made_nobody_makes_another_or_ends_the_login(file_app: Flask) -> None:
    """Both wait, so that one counts this key, and the other ends it too."""
    client = file_app.test_client()
    credentials = log_in(client)
    with file_app.app_context():
        engine = db.engine
    refused: list[str] = []

    def interfere(*arguments: object) -> None:
        if str(arguments[2]).split()[:3] != ["SELECT", "logins.id", "FROM"]:
            return
        for table in (User, Login):
            try:
                with file_app.app_context(), impatient_transaction() as connection:
                    connection.execute(update(table).values(id=table.id))
            except OperationalError:
                refused.append(table.__tablename__)

    event.listen(engine, "after_cursor_execute", interfere)
    made = client.post(routes.KEYS, json={"name": NAME}, headers=credentials)
    event.remove(engine, "after_cursor_execute", interfere)
    assert (made.status_code, refused) == (201, ["users", "logins"])
