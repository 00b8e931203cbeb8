"""Rows of keys: how they begin, which prefix they have, and which of them live."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from flask import Flask
from secure_flask import PolicyError
from secure_flask.auth.logins import Login
from secure_flask.database import db
from secure_flask.database.database import impatient_transaction
from secure_flask.keys import api_keys
from secure_flask.keys.api_keys import ApiKey, key_created
from sqlalchemy import event, select, update
from sqlalchemy.exc import IntegrityError, OperationalError
from werkzeug.exceptions import Conflict

from core import routes
from core.conftest import Configure, MakeApp, give_roles, log_in, set_account_rules
from core.keys.made_keys import NAME, ask, is_open, new_key, number_of_keys
from core.users import User

# Prefixes.


@pytest.mark.parametrize(
    "policy",
    [
        *({"API_KEY_PREFIX": each} for each in ("sft_", "sft_key_", "sft", "eyJ", "eyJkey_")),
        {"OPAQUE_TOKEN_PREFIX": ""},
    ],
)
def test_no_prefix_begins_with_another(make_app: MakeApp, policy: dict[str, str]) -> None:
    with pytest.raises(PolicyError, match="none begins with the other"):
        make_app(**policy)


@pytest.mark.parametrize("prefix", ["", "a", "_a_", "a b_", "a-b_", "é12_", "x" * 33])
def test_a_prefix_is_a_word_that_a_scanner_can_look_for(make_app: MakeApp, prefix: str) -> None:
    with pytest.raises(PolicyError, match="API_KEY_PREFIX"):
        make_app(API_KEY_PREFIX=prefix)


def test_a_project_chooses_the_prefix(make_app: MakeApp) -> None:
    app = make_app(API_KEY_PREFIX="bakery_key_")
    key = new_key(app)
    assert key.startswith("bakery_key_")
    assert is_open(app.test_client(), key)


@pytest.mark.parametrize("limit", ["", "often", "0 per minute", "1 per minute; 5 per day"])
def test_a_limit_of_keys_is_one_limit(make_app: MakeApp, limit: str) -> None:
    with pytest.raises(PolicyError, match="API_KEY_RATE_LIMIT"):
        make_app(API_KEY_RATE_LIMIT=limit)


def test_no_two_rows_hold_one_key(app: Flask) -> None:
    new_key(app)
    new_key(app, name="Other")
    with app.app_context(), pytest.raises(IntegrityError):
        db.session.execute(update(ApiKey).values(secret_hash=b"the same"))


# A second factor that a role demands.


def demand_factor_of_admins(app: Flask) -> None:
    set_account_rules(app, demands_second_factor=lambda user: "admin" in user.role_names)


def test_a_key_without_a_second_factor_dies_where_a_role_demands_one(make_app: MakeApp) -> None:
    app = make_app()
    client = app.test_client()
    key = client.post(routes.KEYS, json={"name": NAME}, headers=log_in(client)).get_json()["key"]
    give_roles(app, "admin")
    assert is_open(app.test_client(), key)
    demand_factor_of_admins(app)
    assert not is_open(app.test_client(), key)


def test_a_key_keeps_the_second_factor_of_the_login_that_made_it(make_app: MakeApp) -> None:
    app = make_app()
    client = app.test_client()
    credentials = log_in(client)
    give_roles(app, "admin")
    with app.app_context():
        db.session.scalars(select(Login)).one().second_factor = True
        db.session.commit()
    demand_factor_of_admins(app)
    key = client.post(routes.KEYS, json={"name": NAME}, headers=credentials).get_json()["key"]
    assert is_open(app.test_client(), key)


def test_a_key_of_an_operator_needs_no_second_factor(make_app: MakeApp) -> None:
    app = make_app()
    give_roles(app, "admin")
    demand_factor_of_admins(app)
    assert is_open(app.test_client(), new_key(app))


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


def test_of_two_keys_at_once_the_cap_takes_one(file_app: Flask, configure: Configure) -> None:
    configure(file_app, MAX_API_KEYS=1)

    def is_made(name: str) -> bool:
        with suppress(Conflict):
            return bool(new_key(file_app, name=name))
        return False

    with ThreadPoolExecutor(4) as threads:
        made = [*threads.map(is_made, "abcd")]
    assert (sum(made), number_of_keys(file_app)) == (1, 1)


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


def test_what_a_view_has_put_into_the_session_stays(app: Flask) -> None:
    """To look a key up writes nothing that is half done."""
    key = new_key(app)
    with app.test_request_context():
        db.session.add(User(name="incomplete"))
        found = api_keys.find_key(key)
        assert found is not None
    assert ask(app.test_client(), key).status_code == 200
