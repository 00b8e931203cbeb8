"""Keys in the table, and what users do with theirs, by JSON."""

from collections.abc import Callable
from functools import partial
from typing import Any
from zlib import crc32

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import (
    PolicyError,
    change_password,
    create_api_key,
    end_api_key,
    end_login,
    end_other_logins,
    keys_allowed,
    list_api_keys,
    list_logins,
    log_out,
    login_required,
    reauthenticate,
    recent_login,
)
from secure_flask.auth.logins import DAY, Login
from secure_flask.auth.users import NO_PASSWORD
from secure_flask.database import db
from secure_flask.database.database import impatient_transaction
from secure_flask.keys.api_keys import ApiKey, key_created
from secure_flask.policy import Policy
from sqlalchemy import delete, event, select, update
from sqlalchemy.exc import OperationalError
from werkzeug.test import TestResponse

from core import routes
from core.conftest import (
    LOGIN,
    PASSWORD,
    PRODUCTION,
    Configure,
    Lines,
    MakeApp,
    Wait,
    add_user,
    every_token_type,
    give_roles,
    log_in,
    set_account_rules,
    stored_user,
)
from core.keys.made_keys import NAME, NOT_HERE, ask, is_open, new_key, number_of_keys, stored_key
from core.users import User

PREFIX = Policy.model_fields["API_KEY_PREFIX"].default
NEW_PASSWORD = "seven owls in a well of ink"
MINUTE = 60  # seconds


def make(client: FlaskClient, credentials: dict[str, str], **body: object) -> TestResponse:
    return client.post(routes.KEYS, json={"name": NAME, **body}, headers=credentials)


@every_token_type
def test_a_user_makes_a_key_and_a_program_sends_it(
    client: FlaskClient, credentials: dict[str, str]
) -> None:
    made = make(client, credentials)
    assert made.status_code == 201
    assert {*made.get_json()} == {"id", "name", "key", "expires", "roles"}
    assert made.headers["Cache-Control"] == "no-store, max-age=0"
    answer = ask(client, made.get_json()["key"])
    assert (answer.status_code, answer.get_json()["username"]) == (200, LOGIN["username"])


@pytest.mark.asvs("7.2.3")
def test_a_key_has_the_prefix_its_id_256_bits_and_a_checksum_and_no_table_holds_it(
    app: Flask, client: FlaskClient, credentials: dict[str, str]
) -> None:
    body = make(client, credentials).get_json()
    random = body["key"].removeprefix(PREFIX)[:-8]
    key_id, _, secret = random.partition("_")
    assert body["key"] == f"{PREFIX}{random}{crc32(random.encode()):08x}"
    assert (key_id, len(secret)) == (body["id"], 43)
    assert secret.isalnum()
    row = stored_key(app)
    stored = {row.secret_hash.hex(), row.id, PREFIX + row.id}
    assert (len(row.secret_hash), body["key"] in stored) == (32, False)
    assert {each for each in stored if is_open(client, each)} == set()


def test_an_expired_key_is_401_and_listed_no_more(
    app: Flask, client: FlaskClient, wait: Wait
) -> None:
    key = new_key(app, expires_in=DAY)
    # The end of other logins leaves it.
    client.delete(routes.SESSIONS, headers=log_in(client))
    assert is_open(client, key)
    wait(DAY)
    answer = ask(client, key)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    credentials = log_in(client)
    assert client.get(routes.KEYS, headers=credentials).get_json() == {"keys": []}


@pytest.mark.parametrize(
    ("lifetime", "chosen"),
    [(90 * DAY, {}), (1, {"expires_in": 1}), (365 * DAY, {"expires_in": 365 * DAY})],
)
def test_a_key_lasts_for_90_days_and_at_most_for_a_year_and_is_shown_once(
    client: FlaskClient,
    credentials: dict[str, str],
    lifetime: int,
    chosen: dict[str, int],
    subtests: pytest.Subtests,
) -> None:
    for refused in (0, -1, 365 * DAY + 1):
        with subtests.test(refused=refused):
            answer = make(client, credentials, expires_in=refused)
            assert (answer.status_code, [*answer.get_json()["fields"]]) == (400, ["expires_in"])
    made = make(client, credentials, **chosen).get_json()
    [listed] = client.get(routes.KEYS, headers=credentials).get_json()["keys"]
    assert listed == {
        "id": made["id"],
        "name": NAME,
        "created": made["expires"] - lifetime,
        "last_used": None,
        "expires": made["expires"],
        "roles": [],
    }


def test_a_bad_name_is_refused(client: FlaskClient, credentials: dict[str, str]) -> None:
    names = ("", " ", "a\nb", "\0", "x" * 81)
    answers = [make(client, credentials, name=name) for name in names]
    got = [(answer.status_code, *answer.get_json()["fields"]) for answer in answers]
    assert got == [(400, "name")] * len(names)
    assert make(client, credentials, name="x" * 80).status_code == 201
    # A page that is loaded again after its form makes no second key.
    again = make(client, credentials, name="x" * 80)
    assert again.status_code == 409
    assert again.get_json() == {"error": "There is a key of this name already"}


def test_one_key_too_many_is_refused_and_ends_no_other(
    app: Flask, client: FlaskClient, configure: Configure
) -> None:
    configure(app, MAX_API_KEYS=2)
    # That of another user takes no place.
    add_user(app, "bob")
    keys = [new_key(app, to="bob"), *(new_key(app, name=name) for name in ("one", "two"))]
    answer = make(client, log_in(client))
    assert answer.status_code == 409
    assert answer.get_json() == {"error": "You have as many keys as are allowed: end one first"}
    assert [is_open(client, key) for key in keys] == [True] * 3
    # A user may have more keys than a limit that was lowered.
    configure(app, MAX_API_KEYS=1)
    assert make(client, log_in(client)).status_code == 409


def test_an_expired_key_takes_no_place_and_no_name(
    app: Flask, client: FlaskClient, configure: Configure, wait: Wait
) -> None:
    configure(app, MAX_API_KEYS=1)
    new_key(app, expires_in=MINUTE)
    wait(MINUTE)
    assert make(client, log_in(client)).status_code == 201
    assert number_of_keys(app) == 1


# Who makes, sees and ends one.


def test_create_key_itself_asks_for_a_recent_login(make_app: MakeApp, wait: Wait) -> None:
    """A view of an owner may lack the mark."""
    app = make_app()
    view = login_required(lambda: create_api_key(NAME))
    app.add_url_rule("/naive", view_func=view, methods=["POST"])
    client = app.test_client()
    credentials = log_in(client)
    wait(16 * MINUTE)
    assert client.post("/naive", headers=credentials).status_code == 401
    assert client.post("/naive", headers=log_in(client)).status_code == 200


# One of the two has the greater id.
@pytest.mark.parametrize(("name", "other"), [("ada", "bob"), ("bob", "ada")])
def test_a_user_sees_and_ends_own_keys_and_no_others(
    app: Flask, client: FlaskClient, name: str, other: str
) -> None:
    add_user(app, "bob")
    keys = [new_key(app, to=other), new_key(app, to=name), new_key(app, to=name, name="Kept")]
    theirs, mine, _ = ids = [key.split("_")[1] for key in keys]
    credentials = log_in(client, username=name)
    shown = client.get(routes.KEYS, headers=credentials).get_json()["keys"]
    assert [each["id"] for each in shown] == ids[1:]

    def end(key_id: str) -> int:
        return client.delete(f"{routes.KEYS}/{key_id}", headers=credentials).status_code

    assert end(mine) == 204
    unknown = dict.fromkeys((theirs, mine, "%00", "é", "x" * 500, "' OR 1=1"), 404)
    assert {each: end(each) for each in unknown} == unknown
    assert [is_open(client, each) for each in keys] == [True, False, True]


def test_the_log_says_who_made_and_ended_a_key_and_never_holds_it(
    make_app: MakeApp, lines: Lines
) -> None:
    app = make_app(**PRODUCTION)
    client = app.test_client()
    credentials = log_in(client)
    me = lines()[0]["user_id"]
    made = make(client, credentials).get_json()
    client.delete(f"{routes.KEYS}/{made['id']}", headers=credentials)
    found = lines()
    assert [(line["event"], line["key"], line["user_id"]) for line in found] == [
        ("authn_token_created", made["id"], me),
        ("authn_token_revoked", made["id"], me),
    ]
    assert made["key"] not in str(found)


# Users without a password, who log in elsewhere. Who has left there cannot log in any more.


HOURS = 4 * 60 * MINUTE


def without_password(app: Flask) -> None:
    with stored_user(app) as user:
        user.password_hash = NO_PASSWORD


@pytest.fixture
def left(app: Flask, credentials: dict[str, str], configure: Configure) -> None:
    """The user has a login, and no password any more."""
    configure(app, LOGIN_LIFETIME=HOURS)
    without_password(app)


@pytest.mark.usefixtures("left")
@pytest.mark.parametrize(
    ("chosen", "lifetime"), [({}, HOURS), ({"expires_in": MINUTE}, MINUTE)], ids=str
)
def test_a_key_of_a_user_without_a_password_lasts_as_long_as_a_login(
    app: Flask,
    client: FlaskClient,
    credentials: dict[str, str],
    wait: Wait,
    chosen: dict[str, int],
    lifetime: int,
) -> None:
    made = make(client, credentials, **chosen).get_json()
    [row] = client.get(routes.KEYS, headers=credentials).get_json()["keys"]
    assert (row["expires"] - row["created"], made["expires"]) == (lifetime, row["expires"])
    longer = make(client, credentials, name="Longer", expires_in=HOURS + 1)
    assert (longer.status_code, longer.get_json()["fields"]) == (
        400,
        {"expires_in": "A key of a user without a password lasts for at most 14400 seconds"},
    )
    wait(lifetime - 1)
    assert is_open(client, made["key"])
    wait(1)
    assert not is_open(client, made["key"])


@pytest.mark.usefixtures("left")
def test_a_key_made_before_the_password_went_ends_with_a_logins_lifetime(
    app: Flask, client: FlaskClient, credentials: dict[str, str], wait: Wait
) -> None:
    key = new_key(app, expires_in=HOURS)
    with app.app_context():
        db.session.execute(update(ApiKey).values(expires=ApiKey.expires + 300 * DAY))
        db.session.commit()
    [row] = client.get(routes.KEYS, headers=credentials).get_json()["keys"]
    assert row["expires"] - row["created"] == HOURS
    wait(HOURS - 1)
    assert is_open(client, key)
    wait(1)
    assert not is_open(client, key)


# Never by a key.


NAIVE: dict[str, Callable[[], Any]] = {
    "reauthenticate": lambda: reauthenticate(PASSWORD),
    "change_password": lambda: change_password(PASSWORD, NEW_PASSWORD),
    "list_logins": list_logins,
    "end_login": lambda: end_login("0" * 32),
    "end_other_logins": end_other_logins,
    "log_out": log_out,
    "create_api_key": lambda: create_api_key("Another"),
    "list_api_keys": list_api_keys,
    "end_api_key": lambda: end_api_key("0" * 16),
}


def test_the_functions_refuse_a_key_in_a_view_that_takes_one(make_app: MakeApp) -> None:
    app = make_app()
    for name, call in NAIVE.items():
        app.add_url_rule(f"/naive/{name}", name, keys_allowed(partial(call)), methods=["POST"])
    key, client = new_key(app), app.test_client()
    answers = {name: ask(client, key, f"/naive/{name}", method="POST") for name in NAIVE}
    got = {name: (answer.status_code, answer.get_json()) for name, answer in answers.items()}
    assert got == dict.fromkeys(NAIVE, (403, NOT_HERE))


# What ends them.


def test_a_change_of_the_password_ends_all_keys_unless_it_says_otherwise(
    app: Flask, client: FlaskClient
) -> None:
    key = new_key(app)
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD, "keep_keys": True}
    credentials = log_in(client)
    assert client.post(routes.PASSWORD, json=body, headers=credentials).status_code == 200
    assert is_open(client, key)
    credentials = log_in(client, password=NEW_PASSWORD)
    body = {"current_password": NEW_PASSWORD, "new_password": PASSWORD}
    assert client.post(routes.PASSWORD, json=body, headers=credentials).status_code == 200
    assert not is_open(client, key)


def test_the_key_of_a_disabled_user_is_dead_while_it_is_there(
    app: Flask, client: FlaskClient
) -> None:
    """SQL may disable users, which the core does not see."""
    key = new_key(app)
    with stored_user(app):
        db.session.connection().execute(update(User).values(disabled=True))
    assert not is_open(client, key)
    assert number_of_keys(app) == 1


def test_a_purge_deletes_expired_keys(app: Flask, client: FlaskClient, wait: Wait) -> None:
    new_key(app, expires_in=MINUTE)
    kept = new_key(app, name="Kept", expires_in=DAY)
    wait(MINUTE)
    said = app.test_cli_runner().invoke(args=["logins", "purge"]).output
    assert said == "Deleted 1 expired\n"
    assert is_open(client, kept)


# Roles.


def test_a_key_gets_only_roles_of_its_user(app: Flask, client: FlaskClient) -> None:
    give_roles(app, "editor")
    credentials = log_in(client)
    refused = make(client, credentials, roles=["admin"])
    assert (refused.status_code, [*refused.get_json()["fields"]]) == (403, ["roles"])
    made = make(client, credentials, roles=["editor"]).get_json()
    assert made["roles"] == ["editor"]
    assert ask(client, made["key"]).get_json()["roles"] == ["editor"]


# A project may disable and delete users by itself, so that logins are there still.
CHANGES = {
    "the login ends": delete(Login),
    "the user is disabled": update(User).values(disabled=True),
    "the user is deleted": delete(User),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_view_makes_no_key_if_meanwhile(make_app: MakeApp, change: str) -> None:
    app = make_app()

    @recent_login
    def late() -> Any:
        db.session.execute(CHANGES[change], execution_options={"synchronize_session": False})
        db.session.commit()
        return create_api_key(NAME)

    app.add_url_rule("/late", view_func=late, methods=["POST"])
    client = app.test_client()
    assert client.post("/late", headers=log_in(client)).status_code == 401
    assert number_of_keys(app) == 0


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
    make_app: MakeApp, name: str, values: list[str], said: str, subtests: pytest.Subtests
) -> None:
    for value in values:
        with subtests.test(value=value), pytest.raises(PolicyError, match=said):
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
