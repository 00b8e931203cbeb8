"""What a key opens: views that say so, with the roles it has, and nothing else."""

from collections.abc import Iterator
from functools import cached_property
from threading import Thread
from typing import Any

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient
from flask.views import MethodView
from secure_flask import (
    current_user,
    has_recent_login,
    keys_allowed,
    login_required,
    public,
    recent_login,
    roles_required,
)
from secure_flask.auth import logins
from secure_flask.auth.users import UserMixin
from secure_flask.database import db
from sqlalchemy import String
from sqlalchemy.ext.associationproxy import association_proxy
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import mapped_column

from core import routes
from core.conftest import (
    LOGIN,
    PRODUCTION,
    Lines,
    MakeApp,
    Wait,
    add_user,
    every_token_type,
    give_roles,
    log_in,
    log_in_by_form,
    stored_user,
)
from core.keys.made_keys import NOT_HERE, ask, is_open, new_key, stored_key
from core.statements import statements_of
from core.users import User

PARTNER = "https://partner.example"


def who() -> dict[str, object]:
    """Who a view takes the caller for."""
    user = current_user
    return {"name": user.name, "roles": user.role_names} if user else {"name": None}


def add(app: Flask, path: str, *marks: object, methods: tuple[str, ...] = ("GET", "POST")) -> None:
    def view() -> dict[str, object]:
        return who()

    for mark in marks:
        view = mark(view)  # type: ignore[operator]
    app.add_url_rule(path, path, view, methods=methods)


@pytest.fixture
def app(make_app: MakeApp, token_type: str) -> Flask:
    app = make_app(TOKEN_TYPE=token_type)
    give_roles(app, "admin", "editor")
    return app


def program_of(app: Flask, *roles: str) -> FlaskClient:
    """A client that sends a new key of ada with these roles."""
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {new_key(app, *roles, name=str(roles))}"
    return client


@pytest.fixture
def program(app: Flask) -> FlaskClient:
    """A client that sends a key without roles."""
    return program_of(app)


# Marks.


@pytest.mark.asvs("7.2.2")
@every_token_type
def test_a_view_takes_a_key_only_where_it_says_so(
    app: Flask, program: FlaskClient, subtests: pytest.Subtests
) -> None:
    add(app, "/unmarked")
    add(app, "/closed", login_required)
    add(app, "/open", keys_allowed)
    add(app, "/both", login_required, keys_allowed)
    add(app, "/below", keys_allowed, login_required)
    for path in ("/unmarked", "/closed"):
        with subtests.test(path=path):
            answer = program.get(path)
            assert (answer.status_code, answer.get_json()) == (403, NOT_HERE), path
    # A key that is refused was not used.
    assert stored_key(app).last_used is None
    for path in ("/open", "/both", "/below"):
        with subtests.test(path=path):
            by_key = [program.open(path, method=each) for each in ("GET", "POST", "HEAD")]
            assert [answer.status_code for answer in by_key] == [200] * 3, path
            assert by_key[0].headers["Cache-Control"] == "no-store, max-age=0"
            assert app.test_client().get(path).status_code == 401
            visitor = app.test_client()
            assert visitor.get(path, headers=log_in(visitor)).status_code == 200


@pytest.mark.parametrize("below", [keys_allowed, keys_allowed(read_only=True)])
def test_a_view_for_reading_refuses_a_write(
    app: Flask, program: FlaskClient, below: object
) -> None:
    writes = ("POST", "PUT", "PATCH", "DELETE", "OPTIONS")
    add(app, "/read", below, keys_allowed(read_only=True), methods=("GET", *writes))
    expected = {"GET": 200, "HEAD": 200, **dict.fromkeys(writes, 403)}
    answers = {method: program.open("/read", method=method) for method in expected}
    assert {method: answer.status_code for method, answer in answers.items()} == expected
    assert answers["POST"].get_json() == {"error": "Keys may only read here"}
    user = app.test_client()
    assert user.post("/read", headers=log_in(user)).status_code == 200


class ForKeys(MethodView):
    @keys_allowed
    def get(self) -> dict[str, object]:
        return who()


class ForAdmins(ForKeys):
    decorators = [roles_required("admin")]  # noqa: RUF012 (Flask's own way)


def test_the_mark_of_a_base_method_lets_no_key_into_a_subclass(app: Flask) -> None:
    program = program_of(app, "admin")
    app.add_url_rule("/base", view_func=ForKeys.as_view("base"))
    app.add_url_rule("/sub", view_func=ForAdmins.as_view("sub"))
    assert (program.get("/base").status_code, program.get("/sub").status_code) == (200, 403)


def test_a_class_for_reading_keeps_a_key_from_a_method_for_all(
    app: Flask, program: FlaskClient
) -> None:
    class Orders(MethodView):
        decorators = [keys_allowed(read_only=True)]  # noqa: RUF012 (Flask's own way)

        def get(self) -> dict[str, object]:
            return who()

        @keys_allowed
        def post(self) -> dict[str, object]:
            return who()

    app.add_url_rule("/orders", view_func=Orders.as_view("orders"))
    assert (program.get("/orders").status_code, program.post("/orders").status_code) == (200, 403)


def test_a_public_view_takes_the_caller_for_nobody(app: Flask, program: FlaskClient) -> None:
    with pytest.raises(TypeError, match="@keys_allowed: remove one"):
        keys_allowed(public(lambda: ""))
    add(app, "/public", public)
    answer = program.get("/public")
    assert (answer.status_code, answer.get_json()) == (200, {"name": None})


def test_a_key_is_never_recent(app: Flask, program: FlaskClient) -> None:
    add(app, "/recent", keys_allowed, recent_login)

    @keys_allowed
    def asked() -> dict[str, object]:
        return {"recent": has_recent_login()}

    @keys_allowed
    def calls() -> Any:
        return recent_login(who)()

    app.add_url_rule("/asked", view_func=asked)
    app.add_url_rule("/calls", view_func=calls)
    answers = {path: program.get(path) for path in ("/recent", "/calls", "/asked")}
    assert {path: (each.status_code, each.get_json()) for path, each in answers.items()} == {
        "/recent": (403, NOT_HERE),
        "/calls": (403, NOT_HERE),
        "/asked": (200, {"recent": False}),
    }


# Roles.


def roles_shown(program: FlaskClient) -> Any:
    return program.get(routes.ME).get_json()["roles"]


def test_a_key_opens_by_the_roles_that_it_and_its_user_have(app: Flask) -> None:
    add(app, "/admin", keys_allowed, roles_required("admin"))
    programs = [program_of(app, *roles) for roles in ((), ("editor",), ("admin", "editor"))]
    assert [each.get("/admin").status_code for each in programs] == [403, 403, 200]
    assert [*map(roles_shown, programs)] == [[], ["editor"], ["admin", "editor"]]
    give_roles(app, "editor")
    assert programs[2].get("/admin").status_code == 403
    assert roles_shown(programs[2]) == ["editor"]


def test_the_row_of_the_user_keeps_its_roles(app: Flask) -> None:
    @keys_allowed
    def commits() -> dict[str, object]:
        found, other = User.find(LOGIN["username"]), User.find("bob")
        assert found is not None
        assert other is not None
        found.email = "ada@example.org"
        db.session.commit()
        return {"found": found.role_names, "other": other.role_names}

    app.add_url_rule("/commits", view_func=commits)
    add_user(app, "bob")
    give_roles(app, "admin", to="bob")
    seen = program_of(app, "editor").get("/commits").get_json()
    assert seen == {"found": ["editor"], "other": ["admin"]}
    with stored_user(app) as user:
        assert user.role_names == ["admin", "editor"]


def plain_names(user: User) -> list[str]:
    return [role.name for role in user.roles]


class WithMixin:
    role_names = property(plain_names)


KINDS = {
    "property": property(plain_names),
    "cached property": cached_property(plain_names),
    "hybrid property": hybrid_property(plain_names),
    "association proxy": association_proxy("roles", "name"),
    "column": mapped_column(String),
}


def test_a_key_limits_the_roles_that_a_project_grants(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(User, "granted_roles", lambda user: ["admin", "editor"])
    give_roles(app)
    assert roles_shown(program_of(app, "editor")) == ["editor"]


@pytest.mark.parametrize("kind", [*KINDS, "mixin"])
def test_role_names_of_a_project_would_have_no_limit_and_are_refused(kind: str) -> None:
    members = {"role_names": KINDS[kind]} if kind in KINDS else {}
    bases = (UserMixin,) if kind in KINDS else (WithMixin, UserMixin)
    with pytest.raises(TypeError, match=r"write a method granted_roles\(\)"):
        type("Written", bases, {"__abstract__": True, **members})


def test_the_roles_stay_limited_in_a_stream_and_a_thread(app: Flask) -> None:
    """They ask the user without a request."""

    @keys_allowed
    def streams() -> Response:
        user = current_user._get_current_object()
        found = [user.role_names]
        thread = Thread(target=lambda: found.append(user.role_names))
        thread.start()
        thread.join()

        def rows() -> Iterator[str]:
            yield str([*found, user.role_names])

        return Response(rows())

    app.add_url_rule("/streams", view_func=streams)
    shown = program_of(app, "editor").get("/streams").text
    assert shown == "[['editor'], ['editor'], ['editor']]"


# How it is sent.


def test_a_cookie_beside_a_key_does_not_count(
    app: Flask, client: FlaskClient, subtests: pytest.Subtests
) -> None:
    log_in_by_form(client)
    add_user(app, "bob")
    key = new_key(app, to="bob")
    assert ask(client, key).get_json()["username"] == "bob"
    assert ask(client, key, routes.SESSIONS).status_code == 403
    dead = f"{key[:-1]}{'0' if key[-1] != '0' else '1'}"
    assert ask(client, dead).status_code == 401
    # It stands in no other place.
    elsewhere = app.test_client(use_cookies=False)
    assert elsewhere.get(f"{routes.ME}?key={key}").status_code == 401
    headers = {"X-API-Key": key, "Authorization": f"Basic {key}", "Cookie": f"dev-session={key}"}
    for name, sent in headers.items():
        with subtests.test(name=name, sent=sent):
            assert elsewhere.get(routes.ME, headers={name: sent}).status_code == 401


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_page_of_another_site_uses_no_key(make_app: MakeApp, method: str) -> None:
    app = make_app(CORS_ORIGINS=[PARTNER])
    add(app, "/open", keys_allowed)
    program = program_of(app)
    answer = program.open("/open", method=method, headers={"Origin": PARTNER})
    assert answer.status_code == 403
    assert answer.get_json() == {"error": "Keys are not allowed in pages of other sites"}
    assert program.open("/open", method=method).status_code == 200


def test_a_token_with_the_prefix_of_keys_is_looked_up_among_keys_alone(
    app: Flask, client: FlaskClient, subtests: pytest.Subtests
) -> None:
    key = new_key(app)
    with statements_of(app) as counted:
        for slip in (key[:-1], key[:30] + key[30:50][::-1] + key[50:], key[:12]):
            with subtests.test(slip=slip):
                assert ask(client, slip).status_code == 401
        assert counted.statements == []
        assert is_open(client, key)
    assert not any("logins" in statement for statement in counted.statements)


# Limits and the last use.


def test_a_key_has_a_limit_of_its_own(make_app: MakeApp) -> None:
    app = make_app(API_KEY_RATE_LIMIT="2 per minute")
    client = app.test_client()
    key, other = new_key(app), new_key(app, name="Other")
    addresses = [f"203.0.113.{number}" for number in range(3)]
    answers = [ask(client, key, environ_base={"REMOTE_ADDR": each}) for each in addresses]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert is_open(client, other)


def test_the_last_use_is_stored_once_a_minute(app: Flask, program: FlaskClient, wait: Wait) -> None:
    program.get(routes.ME)
    first = stored_key(app).last_used
    wait(logins.LAST_USED_STEP - 1)
    program.get(routes.ME)
    assert stored_key(app).last_used == first
    wait(1)
    program.get(routes.ME)
    assert stored_key(app).last_used == (first or 0) + logins.LAST_USED_STEP


# What is left behind.


def test_the_log_names_the_key_and_what_it_was_refused(
    make_app: MakeApp, lines: Lines, wait: Wait
) -> None:
    app = make_app(**PRODUCTION)
    key = new_key(app)
    key_id = stored_key(app).id
    client = app.test_client()
    lines()
    ask(client, key, routes.SESSIONS)
    wait(24 * 60 * 60)
    ask(client, key)
    refused, dead = lines()
    assert (refused["event"], refused["reason"], refused["key"]) == ("authz_fail", "key", key_id)
    assert (dead["event"], dead["key"]) == ("session_use_after_expire", key_id)
