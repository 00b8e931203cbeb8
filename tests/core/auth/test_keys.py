"""`create_api_key`, `list_api_keys`, `end_api_key`: what users do with their keys, by JSON."""

from collections.abc import Callable
from typing import Any
from zlib import crc32

import pytest
from flask import Flask
from flask.testing import FlaskClient
from secure_flask import (
    change_password,
    create_api_key,
    create_user,
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
from secure_flask.auth.login_table import DAY, Login
from secure_flask.database import db
from secure_flask.policy import Policy
from sqlalchemy import delete, update
from werkzeug.test import TestResponse

from core import routes
from core.auth.made_keys import (
    NAME,
    NOT_HERE,
    ask,
    is_open,
    new_key,
    number_of_keys,
    stored_key,
)
from core.conftest import (
    LOGIN,
    PASSWORD,
    PRODUCTION,
    Lines,
    MakeApp,
    Wait,
    every_token_type,
    give_roles,
    log_in,
    stored_user,
)
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
def test_a_key_has_the_prefix_its_id_256_bits_and_a_checksum(
    client: FlaskClient, credentials: dict[str, str]
) -> None:
    body = make(client, credentials).get_json()
    random = body["key"].removeprefix(PREFIX)[:-8]
    key_id, _, secret = random.partition("_")
    assert body["key"] == f"{PREFIX}{random}{crc32(random.encode()):08x}"
    assert (key_id, len(secret)) == (body["id"], 43)
    assert secret.isalnum()


def test_the_table_holds_no_key_and_what_it_holds_is_none(app: Flask, client: FlaskClient) -> None:
    key = new_key(app)
    row = stored_key(app)
    assert len(row.secret_hash) == 32
    stored = {row.secret_hash.hex(), row.id, PREFIX + row.id}
    assert key not in stored
    assert {each for each in stored if is_open(client, each)} == set()


def test_a_key_is_shown_once(client: FlaskClient, credentials: dict[str, str]) -> None:
    made = make(client, credentials, expires_in=DAY).get_json()
    [listed] = client.get(routes.KEYS, headers=credentials).get_json()["keys"]
    assert listed == {
        "id": made["id"],
        "name": NAME,
        "created": made["expires"] - DAY,
        "last_used": None,
        "expires": made["expires"],
        "roles": [],
    }


@pytest.mark.parametrize(
    ("lifetime", "chosen"), [(90 * DAY, {}), (365 * DAY, {"expires_in": 365 * DAY})]
)
def test_a_key_lasts_for_90_days_and_at_most_for_a_year(
    client: FlaskClient, credentials: dict[str, str], lifetime: int, chosen: dict[str, int]
) -> None:
    make(client, credentials, **chosen)
    [row] = client.get(routes.KEYS, headers=credentials).get_json()["keys"]
    assert row["expires"] - row["created"] == lifetime


@pytest.mark.parametrize("refused", [0, -1, 365 * DAY + 1])
def test_a_key_of_no_time_or_of_more_than_a_year_is_refused(
    client: FlaskClient, credentials: dict[str, str], refused: int
) -> None:
    answer = make(client, credentials, expires_in=refused)
    assert (answer.status_code, [*answer.get_json()["fields"]]) == (400, ["expires_in"])


def test_an_expired_key_is_401_and_listed_no_more(
    app: Flask, client: FlaskClient, wait: Wait
) -> None:
    key = new_key(app, expires_in=DAY)
    assert is_open(client, key)
    wait(DAY)
    answer = ask(client, key)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    credentials = log_in(client)
    assert client.get(routes.KEYS, headers=credentials).get_json() == {"keys": []}


def test_a_bad_name_is_refused(client: FlaskClient, credentials: dict[str, str]) -> None:
    names = ("", " ", "a\nb", "\0", "x" * 81)
    answers = {name: make(client, credentials, name=name) for name in names}
    assert {
        name: (each.status_code, *each.get_json()["fields"]) for name, each in answers.items()
    } == (dict.fromkeys(names, (400, "name")))
    assert make(client, credentials, name="x" * 80).status_code == 201


def test_a_name_is_there_once(client: FlaskClient, credentials: dict[str, str]) -> None:
    """A page that is loaded again after its form makes no second key."""
    assert make(client, credentials).status_code == 201
    again = make(client, credentials)
    assert (again.status_code, again.get_json()["error"]) == (
        409,
        "There is a key of this name already",
    )


def test_one_key_too_many_is_refused_and_ends_no_other(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "MAX_API_KEYS", 2)
    keys = [new_key(app, name=name) for name in ("one", "two")]
    answer = make(client, log_in(client))
    assert (answer.status_code, answer.get_json()["error"]) == (
        409,
        "You have as many keys as are allowed: end one first",
    )
    assert [is_open(client, key) for key in keys] == [True, True]


def test_an_expired_key_takes_no_place_and_no_name(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch, wait: Wait
) -> None:
    monkeypatch.setitem(app.config, "MAX_API_KEYS", 1)
    new_key(app, expires_in=MINUTE)
    wait(MINUTE)
    assert make(client, log_in(client)).status_code == 201
    assert number_of_keys(app) == 1


def test_a_key_of_another_user_takes_no_place_and_no_name(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "MAX_API_KEYS", 1)
    with app.app_context():
        create_user("bob", PASSWORD)
    theirs = new_key(app, to="bob")
    assert make(client, log_in(client)).status_code == 201
    assert is_open(client, theirs)


def test_keys_are_no_logins_of_which_there_are_so_many(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "MAX_LOGINS", 1)
    credentials = log_in(client)
    assert make(client, credentials).status_code == 201
    assert client.get(routes.ME, headers=credentials).status_code == 200


# Who makes, sees and ends one.


@every_token_type
def test_a_key_is_made_by_a_recent_login_alone(
    app: Flask, client: FlaskClient, wait: Wait, credentials: dict[str, str]
) -> None:
    wait(16 * MINUTE)
    assert make(client, credentials).status_code == 401
    assert number_of_keys(app) == 0


def test_create_key_itself_asks_for_a_recent_login(make_app: MakeApp, wait: Wait) -> None:
    """A view of an owner may lack the mark."""
    app = make_app()
    app.add_url_rule(
        "/naive", view_func=login_required(lambda: create_api_key(NAME)), methods=["POST"]
    )
    client = app.test_client()
    credentials = log_in(client)
    wait(16 * MINUTE)
    assert client.post("/naive", headers=credentials).status_code == 401
    assert client.post("/naive", headers=log_in(client)).status_code == 200


def test_a_user_ends_a_key(app: Flask, client: FlaskClient) -> None:
    key, kept = new_key(app), new_key(app, name="Kept")
    credentials = log_in(client)
    [first, _] = client.get(routes.KEYS, headers=credentials).get_json()["keys"]
    ended = client.delete(f"{routes.KEYS}/{first['id']}", headers=credentials)
    assert ended.status_code == 204
    assert [is_open(client, each) for each in (key, kept)] == [False, True]
    again = client.delete(f"{routes.KEYS}/{first['id']}", headers=credentials)
    assert again.status_code == 404


def test_nobody_sees_or_ends_the_key_of_another_user(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        create_user("bob", PASSWORD)
    theirs = new_key(app, to="bob")
    credentials = log_in(client)
    assert client.get(routes.KEYS, headers=credentials).get_json() == {"keys": []}
    ids = dict.fromkeys((stored_key(app).id, "%00", "é", "x" * 500, "' OR 1=1"), 404)
    ended = {each: client.delete(f"{routes.KEYS}/{each}", headers=credentials) for each in ids}
    assert {each: answer.status_code for each, answer in ended.items()} == ids
    assert is_open(client, theirs)


def test_the_log_says_who_made_and_ended_a_key_and_never_holds_it(
    make_app: MakeApp, lines: Lines
) -> None:
    app = make_app(**PRODUCTION)
    client = app.test_client()
    credentials = log_in(client)
    lines()
    made = make(client, credentials).get_json()
    client.delete(f"{routes.KEYS}/{made['id']}", headers=credentials)
    with stored_user(app) as user:
        me = str(user.id)
    found = lines()
    assert [(line["event"], line["key"], line["user_id"]) for line in found] == [
        ("authn_token_created", made["id"], me),
        ("authn_token_revoked", made["id"], me),
    ]
    assert made["key"] not in str(found)


# Never by a key.


@every_token_type
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", routes.REAUTHENTICATE, {"password": PASSWORD}),
        (
            "POST",
            routes.PASSWORD,
            {"current_password": PASSWORD, "new_password": NEW_PASSWORD},
        ),
        ("GET", routes.SESSIONS, None),
        ("DELETE", routes.SESSIONS, None),
        ("DELETE", f"{routes.SESSIONS}/{'0' * 32}", None),
        ("GET", routes.KEYS, None),
        ("POST", routes.KEYS, {"name": "Another"}),
        ("DELETE", f"{routes.KEYS}/{{key_id}}", None),
        ("POST", routes.LOGOUT, None),
    ],
)
def test_a_key_manages_no_login_and_no_key(
    app: Flask, client: FlaskClient, method: str, path: str, body: dict[str, str] | None
) -> None:
    key = new_key(app)
    path = path.format(key_id=stored_key(app).id)
    answer = ask(client, key, path, method=method, json=body)
    assert (answer.status_code, answer.get_json()) == (403, NOT_HERE)
    assert is_open(client, key)


NAIVE: dict[str, Callable[[], object]] = {
    "reauthenticate": lambda: reauthenticate(PASSWORD),
    "change_password": lambda: change_password(PASSWORD, NEW_PASSWORD),
    "list_logins": lambda: {"logins": list_logins()},
    "end_login": lambda: end_login("0" * 32),
    "end_other_logins": end_other_logins,
    "log_out": log_out,
    "create_api_key": lambda: create_api_key("Another"),
    "list_api_keys": lambda: {"keys": list_api_keys()},
    "end_api_key": lambda: end_api_key("0" * 16),
}


def test_the_functions_refuse_a_key_in_a_view_that_takes_one(make_app: MakeApp) -> None:
    app = make_app()
    for name, call in NAIVE.items():

        def view(call: Callable[[], Any] = call) -> Any:
            return call() or {}

        app.add_url_rule(f"/{name}", name, keys_allowed(view), methods=["POST"])
    key, client = new_key(app), app.test_client()
    answers = {name: ask(client, key, f"/{name}", method="POST") for name in NAIVE}
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


@pytest.mark.parametrize("command", ["password", "logout", "disable", "delete"])
def test_what_ends_the_keys_of_a_user_leaves_those_of_others(
    app: Flask, client: FlaskClient, command: str
) -> None:
    with app.app_context():
        create_user("bob", PASSWORD)
    new_key(app)
    theirs = new_key(app, to="bob")
    assert app.test_cli_runner().invoke(args=["user", command, "ada"]).exit_code == 0
    assert number_of_keys(app) == 1
    assert is_open(client, theirs)


def test_the_end_of_other_logins_leaves_keys(app: Flask, client: FlaskClient) -> None:
    key = new_key(app)
    client.delete(routes.SESSIONS, headers=log_in(client))
    assert is_open(client, key)


@pytest.mark.parametrize(
    "command",
    [
        ["user", "password", "ada"],
        ["user", "logout", "ada"],
        ["user", "disable", "ada"],
        ["user", "delete", "ada"],
        ["logins", "end", "--yes"],
    ],
)
def test_what_an_operator_does_about_a_user_ends_the_keys_at_once(
    app: Flask, client: FlaskClient, command: list[str]
) -> None:
    key = new_key(app)
    assert is_open(client, key)
    assert app.test_cli_runner().invoke(args=command).exit_code == 0
    assert not is_open(client, key)
    assert number_of_keys(app) == 0


def test_the_key_of_a_disabled_user_is_dead_while_it_is_there(
    app: Flask, client: FlaskClient
) -> None:
    """A project may disable users by itself."""
    key = new_key(app)
    with stored_user(app) as user:
        user.disabled = True
    assert not is_open(client, key)


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


def test_a_key_that_is_no_key_of_this_site_is_401(app: Flask, client: FlaskClient) -> None:
    key = new_key(app)
    slips = [key[:-1], key[:30] + key[30:50][::-1] + key[50:], PREFIX, f"{PREFIX}0000_x00000000"]
    assert [slip for slip in slips if is_open(client, slip)] == []
