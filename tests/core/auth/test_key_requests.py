"""What a key opens: views that say so, with the roles it has, and nothing else."""

from collections.abc import Iterator
from functools import cached_property
from inspect import getattr_static
from threading import Thread
from typing import Any

import pytest
from flask import Flask, Response
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
from secure_flask.auth.users import UserMixin, create_user
from secure_flask.database import db
from sqlalchemy import String
from sqlalchemy.ext.associationproxy import association_proxy
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import mapped_column

from core import routes
from core.auth.made_keys import NOT_HERE, ask, bearer, is_open, new_key, stored_key
from core.conftest import (
    LOGIN,
    OWN_PAGE,
    PASSWORD,
    PRODUCTION,
    Lines,
    MakeApp,
    Wait,
    every_token_type,
    give_roles,
    log_in,
    log_in_by_form,
    stored_user,
)
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
def site(make_app: MakeApp, token_type: str) -> Flask:
    app = make_app(TOKEN_TYPE=token_type)
    give_roles(app, "admin", "editor")
    return app


# Marks.


@pytest.mark.asvs("7.2.2")
@every_token_type
def test_a_view_takes_a_key_only_where_it_says_so(site: Flask, subtests: pytest.Subtests) -> None:
    add(site, "/unmarked")
    add(site, "/closed", login_required)
    add(site, "/open", keys_allowed)
    add(site, "/both", login_required, keys_allowed)
    add(site, "/below", keys_allowed, login_required)
    key, client = new_key(site), site.test_client()
    for path in ("/unmarked", "/closed"):
        with subtests.test(path):
            answer = ask(client, key, path)
            assert (answer.status_code, answer.get_json()) == (403, NOT_HERE)
    for path in ("/open", "/both", "/below"):
        with subtests.test(path):
            by_key = [ask(client, key, path, method=each) for each in ("GET", "POST", "HEAD")]
            assert [answer.status_code for answer in by_key] == [200] * 3
            assert site.test_client().get(path).status_code == 401
            visitor = site.test_client()
            assert visitor.get(path, headers=log_in(visitor)).status_code == 200


@pytest.mark.parametrize("below", [keys_allowed, keys_allowed(read_only=True)])
def test_a_view_for_reading_refuses_a_write(site: Flask, below: object) -> None:
    writes = ("POST", "PUT", "PATCH", "DELETE", "OPTIONS")
    add(site, "/read", below, keys_allowed(read_only=True), methods=("GET", *writes))
    key, client = new_key(site), site.test_client()
    expected = {"GET": 200, "HEAD": 200, **dict.fromkeys(writes, 403)}
    answers = {method: ask(client, key, "/read", method=method) for method in expected}
    assert {method: answer.status_code for method, answer in answers.items()} == expected
    assert answers["POST"].get_json() == {"error": "Keys may only read here"}
    assert client.post("/read", headers=log_in(client)).status_code == 200


def test_the_mark_of_a_class_holds_for_its_methods(site: Flask) -> None:
    class Orders(MethodView):
        decorators = [keys_allowed(read_only=True)]  # noqa: RUF012 (Flask's own way)

        def get(self) -> dict[str, object]:
            return who()

        def post(self) -> dict[str, object]:
            return who()

    site.add_url_rule("/orders", view_func=Orders.as_view("orders"))
    key, client = new_key(site), site.test_client()
    assert ask(client, key, "/orders").status_code == 200
    assert ask(client, key, "/orders", method="POST").status_code == 403


def test_on_a_public_method_of_a_class_for_keys_nobody_is_logged_in(site: Flask) -> None:
    class Prices(MethodView):
        decorators = [keys_allowed]  # noqa: RUF012 (Flask's own way)

        @public
        def get(self) -> dict[str, object]:
            return who()

    site.add_url_rule("/prices", view_func=Prices.as_view("prices"))
    answer = ask(site.test_client(), new_key(site), "/prices")
    assert (answer.status_code, answer.get_json()) == (200, {"name": None})


def test_a_view_is_not_public_and_for_keys() -> None:
    def view() -> None: ...

    with pytest.raises(TypeError, match="@keys_allowed: remove one"):
        keys_allowed(public(view))


@every_token_type
def test_a_public_view_takes_the_caller_for_nobody(site: Flask) -> None:
    add(site, "/public", public)
    key, client = new_key(site), site.test_client()
    answer = ask(client, key, "/public")
    assert (answer.status_code, answer.get_json()) == (200, {"name": None})


def test_a_decorator_that_loses_the_marks_refuses_the_key(site: Flask) -> None:
    def without_wraps(view: object) -> object:
        return lambda: view()  # type: ignore[operator]

    add(site, "/lost", keys_allowed, without_wraps)
    client = site.test_client()
    assert ask(client, new_key(site), "/lost").status_code == 403


@every_token_type
def test_a_key_is_never_recent(site: Flask) -> None:
    add(site, "/recent", keys_allowed, recent_login)

    @keys_allowed
    def asked() -> dict[str, object]:
        return {"recent": has_recent_login()}

    @keys_allowed
    def calls() -> Any:
        return recent_login(who)()

    site.add_url_rule("/asked", view_func=asked)
    site.add_url_rule("/calls", view_func=calls)
    key, client = new_key(site), site.test_client()
    answers = {path: ask(client, key, path) for path in ("/recent", "/calls", "/asked")}
    assert {path: (each.status_code, each.get_json()) for path, each in answers.items()} == {
        "/recent": (403, NOT_HERE),
        "/calls": (403, NOT_HERE),
        "/asked": (200, {"recent": False}),
    }


# Roles.


@every_token_type
def test_a_key_opens_by_the_roles_that_it_and_its_user_have(site: Flask) -> None:
    add(site, "/admin", keys_allowed, roles_required("admin"))
    client = site.test_client()
    plain, editor, admin = (
        new_key(site, *roles, name=str(roles)) for roles in ((), ("editor",), ("admin", "editor"))
    )
    assert [ask(client, key, "/admin").status_code for key in (plain, editor, admin)] == [
        403,
        403,
        200,
    ]
    shown = [ask(client, key).get_json()["roles"] for key in (plain, editor, admin)]
    assert shown == [[], ["editor"], ["admin", "editor"]]
    give_roles(site, "editor")
    assert ask(client, admin, "/admin").status_code == 403
    assert ask(client, admin).get_json()["roles"] == ["editor"]


def test_a_role_that_the_user_gets_later_is_none_of_the_key(site: Flask) -> None:
    give_roles(site)
    key = new_key(site)
    give_roles(site, "admin")
    assert ask(site.test_client(), key).get_json()["roles"] == []


def test_the_row_of_the_user_keeps_its_roles(site: Flask) -> None:
    @keys_allowed
    def commits() -> dict[str, object]:
        found = User.find(LOGIN["username"])
        assert found is not None
        other = User.find("bob")
        assert other is not None
        found.email = "ada@example.org"
        db.session.commit()
        return {"found": found.role_names, "other": other.role_names}

    site.add_url_rule("/commits", view_func=commits)
    with site.app_context():
        create_user("bob", PASSWORD)
    give_roles(site, "admin", to="bob")
    key, client = new_key(site, "editor"), site.test_client()
    assert ask(client, key, "/commits").get_json() == {"found": ["editor"], "other": ["admin"]}
    with stored_user(site) as user:
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
}


@pytest.mark.parametrize("kind", [*KINDS, "mixin"])
def test_a_key_limits_the_role_names_that_a_project_writes(
    site: Flask, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    members = {"role_names": KINDS[kind]} if kind in KINDS else {}
    bases = (UserMixin,) if kind in KINDS else (WithMixin, UserMixin)
    written: Any = type("Written", bases, {"__abstract__": True, **members})
    monkeypatch.setattr(User, "role_names", getattr_static(written, "role_names"))
    add(site, "/admin", keys_allowed, roles_required("admin"))
    key, client = new_key(site, "editor"), site.test_client()
    assert [ask(client, key).get_json()["roles"] for _ in range(2)] == [["editor"]] * 2
    assert ask(client, key, "/admin").status_code == 403


def test_a_column_of_this_name_is_refused() -> None:
    with pytest.raises(TypeError, match="role_names is no property"):
        type("Written", (UserMixin,), {"role_names": mapped_column(String)})


def test_a_key_limits_a_mark_where_the_class_is_changed_later(
    site: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(User, "role_names", property(plain_names))
    add(site, "/admin", keys_allowed, roles_required("admin"))
    assert ask(site.test_client(), new_key(site), "/admin").status_code == 403


def test_the_roles_stay_limited_in_a_stream_and_a_thread(site: Flask) -> None:
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

    site.add_url_rule("/streams", view_func=streams)
    key, client = new_key(site, "editor"), site.test_client()
    assert ask(client, key, "/streams").text == "[['editor'], ['editor'], ['editor']]"


# How it is sent.


@every_token_type
def test_a_cookie_beside_a_key_does_not_count(site: Flask) -> None:
    client = site.test_client()
    log_in_by_form(client)
    with site.app_context():
        create_user("bob", PASSWORD)
    key = new_key(site, to="bob")
    assert ask(client, key).get_json()["username"] == "bob"
    assert ask(client, key, routes.SESSIONS).status_code == 403
    dead = f"{key[:-1]}{'0' if key[-1] != '0' else '1'}"
    assert ask(client, dead).status_code == 401


@every_token_type
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_page_of_another_site_uses_no_key(
    make_app: MakeApp, token_type: str, method: str
) -> None:
    app = make_app(TOKEN_TYPE=token_type, CORS_ORIGINS=[PARTNER])
    add(app, "/open", keys_allowed)
    key, client = new_key(app), app.test_client()
    answer = ask(client, key, "/open", method=method, headers={"Origin": PARTNER})
    assert answer.status_code == 403
    assert answer.get_json() == {"error": "Keys are not allowed in pages of other sites"}
    assert ask(client, key, "/open", method=method).status_code == 200


@every_token_type
def test_a_write_by_a_key_needs_no_origin(site: Flask) -> None:
    add(site, "/open", keys_allowed)
    client = site.test_client()
    assert ask(client, new_key(site), "/open", method="POST", json={}).status_code == 200


def test_a_key_stands_in_no_other_place(site: Flask) -> None:
    key, client = new_key(site), site.test_client()
    assert client.get(f"{routes.ME}?key={key}").status_code == 401
    headers = {"X-API-Key": key, "Authorization": f"Basic {key}", "Cookie": f"dev-session={key}"}
    answers = {name: client.get(routes.ME, headers={name: headers[name]}) for name in headers}
    assert {name: each.status_code for name, each in answers.items()} == dict.fromkeys(headers, 401)


def test_a_token_with_the_prefix_of_keys_is_looked_up_among_keys_alone(site: Flask) -> None:
    key, client = new_key(site), site.test_client()
    with statements_of(site) as counted:
        assert ask(client, key[:-1]).status_code == 401
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


def test_the_last_use_is_stored_once_a_minute(site: Flask, wait: Wait) -> None:
    key, client = new_key(site), site.test_client()
    assert is_open(client, key)
    first = stored_key(site).last_used
    wait(logins.LAST_USED_STEP - 1)
    ask(client, key)
    assert stored_key(site).last_used == first
    wait(1)
    ask(client, key)
    assert stored_key(site).last_used == (first or 0) + logins.LAST_USED_STEP


def test_a_key_that_is_refused_was_not_used(site: Flask) -> None:
    assert ask(site.test_client(), new_key(site), routes.SESSIONS).status_code == 403
    assert stored_key(site).last_used is None


# What is left behind.


def test_a_response_to_a_key_is_in_no_cache(site: Flask) -> None:
    answer = ask(site.test_client(), new_key(site))
    assert answer.headers["Cache-Control"] == "no-store, max-age=0"


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


def test_a_key_begins_no_login(site: Flask) -> None:
    key, client = new_key(site), site.test_client()
    answer = client.post(routes.LOGIN, json=LOGIN, headers={**bearer(key), **OWN_PAGE})
    assert answer.status_code == 200
    assert "Set-Cookie" not in ask(client, key).headers
