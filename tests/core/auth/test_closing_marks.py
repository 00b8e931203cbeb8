"""A closing mark holds however its view is registered, and wherever its function is called."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from flask import Blueprint, Flask
from flask.testing import FlaskClient
from flask.views import MethodView
from secure_flask import current_user, log_out, login_required, public, recent_login, roles_required
from secure_flask.database import db
from secure_flask.web.csrf import FORM_TYPES
from secure_flask.web.errors import ErrorResponse
from secure_flask.web.forms import consumes_form, or_form
from werkzeug.test import create_environ

from core import routes
from core.auth.ways_to_register import ENDPOINT, PATH, WAYS, Called, add, caching, lossy
from core.conftest import (
    OWN_PAGE,
    PRODUCTION,
    USERNAME,
    MakeApp,
    Wait,
    add_user,
    give_roles,
    log_in,
    stored_user,
)

ADMIN, USER, STRANGER = USERNAME, "bob", ""
FOR_ADMINS = roles_required("admin")

Ask = Callable[..., dict[str, int]]


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    app = make_app()
    add_user(app, USER)
    give_roles(app, "admin")
    return app


@pytest.fixture
def ask(app: Flask) -> Ask:
    """The status that each of the three gets, the admin first, who fills a cache."""

    def ask(path: str = PATH, **request: Any) -> dict[str, int]:
        request = {"headers": OWN_PAGE, **request}
        return {
            name: client_of(app, name).open(path, **request).status_code
            for name in (ADMIN, USER, STRANGER)
        }

    return ask


def client_of(app: Flask, name: str) -> FlaskClient:
    client = app.test_client()
    if name:
        log_in(client, username=name)
    return client


@pytest.fixture
def reached() -> list[str]:
    """Who came through to the view."""
    return []


@pytest.fixture
def view(reached: list[str]) -> Callable[..., str]:
    def view(word: str) -> str:
        reached.append(current_user.name if current_user else STRANGER)
        return word

    return view


@pytest.fixture
def named(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """What the log of development says of hidden marks."""
    return lambda: [each for each in map(str, caplog.messages) if " hides " in each]


@pytest.mark.parametrize("name", WAYS)
def test_only_an_admin_reaches_a_view_for_admins_and_a_hidden_mark_is_named(
    app: Flask, ask: Ask, view: Any, reached: list[str], named: Any, name: str
) -> None:
    WAYS[name].register(app, FOR_ADMINS, view)
    assert ask() == {ADMIN: 200, USER: 403, STRANGER: 401}
    assert set(reached) <= {ADMIN}
    endpoints = [message.partition(" hides ")[0].removeprefix("probes.") for message in named()]
    assert endpoints == ([ENDPOINT] if WAYS[name].hides else [])


def test_only_a_cache_without_wraps_that_calls_nothing_answers_every_user_and_is_named(
    app: Flask, ask: Ask, view: Any, reached: list[str], named: Any
) -> None:
    add(app, caching(FOR_ADMINS(view)))
    assert ask() == {ADMIN: 200, USER: 200, STRANGER: 401}
    assert reached == [ADMIN]
    [message] = named()
    assert message.startswith(f"probe hides {__name__}.view.<locals>.view, which is marked @roles_")


def test_production_names_no_hidden_mark(make_app: MakeApp, view: Any, named: Any) -> None:
    app = make_app(**PRODUCTION)
    add(app, public(lossy(login_required(view))))
    answer = app.test_client().get(PATH, base_url="https://localhost")
    assert (answer.status_code, named()) == (401, [])


# Decorators of a view that takes a form, the lowest first.
WITH_FORM: dict[str, list[Any]] = {
    "above": [or_form(lambda word: word), FOR_ADMINS],
    "below": [FOR_ADMINS, or_form(lambda word: word)],
    "above, lost": [or_form(lambda word: word), FOR_ADMINS, lossy, consumes_form],
    "below, lost": [FOR_ADMINS, or_form(lambda word: word), lossy, consumes_form],
    "above a lost mark": [FOR_ADMINS, lossy, or_form(lambda word: word)],
    "above a mark that two lose": [FOR_ADMINS, Called, lossy, or_form(lambda word: word), public],
}


@pytest.mark.parametrize("name", WITH_FORM)
def test_a_form_handler_is_closed_as_its_view(app: Flask, ask: Ask, view: Any, name: str) -> None:
    for decorate in WITH_FORM[name]:
        view = decorate(view)
    add(app, view)
    form = {"method": "POST", "content_type": FORM_TYPES[0], "data": "a=b"}
    assert ask(**form) == {ADMIN: 200, USER: 403, STRANGER: 401}


def test_a_form_handler_is_closed_as_the_method_that_its_view_overrides(
    app: Flask, ask: Ask
) -> None:
    class Base(MethodView):
        @FOR_ADMINS
        def post(self, word: str) -> str:
            return word

    class Sub(Base):
        @or_form(lambda self, word: word)
        def post(self, word: str) -> str:
            return super().post(word)

        @roles_required("nobody")
        def get(self, word: str) -> str:
            return word

    app.add_url_rule("/sub/<word>", view_func=Sub.as_view("sub"))
    form = {"method": "POST", "content_type": FORM_TYPES[0], "data": "a=b"}
    assert ask("/sub/a", **form) == {ADMIN: 200, USER: 403, STRANGER: 401}


def test_every_closing_mark_holds_below_a_decorator_that_loses_it(
    app: Flask, wait: Wait, view: Any
) -> None:
    # Each would be open to strangers without its mark.
    marks = {"login": login_required, "recent": recent_login(minutes=5), "role": FOR_ADMINS}
    for name, mark in marks.items():
        app.add_url_rule(f"/{name}/<word>", name, public(lossy(mark(partial(view)))))
    clients = {name: client_of(app, name) for name in (ADMIN, USER, STRANGER)}

    def statuses() -> list[list[int]]:
        return [[each.get(f"/{m}/a").status_code for m in marks] for each in clients.values()]

    assert statuses() == [[200, 200, 200], [200, 200, 403], [401, 401, 401]]
    wait(5 * 60 + 1)
    assert statuses() == [[200, 401, 200], [200, 401, 403], [401, 401, 401]]


def test_a_view_of_two_apps_is_closed_in_both(app: Flask, ask: Ask, make_app: MakeApp) -> None:
    marked = FOR_ADMINS(lambda word: word)
    add(app, lossy(marked))
    # Its users are others, also where TEST_DATABASE_URL names one database for all tests.
    other = make_app(database_url="sqlite:///:memory:")
    add(other, lossy(marked))
    assert ask() == {ADMIN: 200, USER: 403, STRANGER: 401}
    client = client_of(other, ADMIN)
    assert (client.get(PATH).status_code, other.test_client().get(PATH).status_code) == (403, 401)


def test_of_two_marks_the_shorter_age_counts_in_either_order(
    app: Flask, wait: Wait, subtests: pytest.Subtests
) -> None:
    short, long = recent_login(minutes=5), recent_login(minutes=60)
    views = {"above": long(short(lambda: "")), "below": short(long(lambda: ""))}
    for name, of_class, of_method in (("class", short, long), ("method", long, short)):
        get = of_method(lambda self: "")
        page = type("Page", (MethodView,), {"decorators": [of_class], "get": get})
        views[name] = page.as_view(name)  # type: ignore[attr-defined]
    for name, each in views.items():
        app.add_url_rule(f"/{name}", name, each)
    client = client_of(app, ADMIN)
    for pause, status in ((0, 200), (30 * 60, 401)):
        with subtests.test(pause=pause, status=status):
            wait(pause)
            got = {name: client.get(f"/{name}").status_code for name in views}
            assert got == dict.fromkeys(views, status)


def test_what_was_proved_stays_so_for_the_request_and_nothing_else_does(
    app: Flask, wait: Wait
) -> None:
    first: Any = recent_login(minutes=5)(lambda: "first")
    second: Any = recent_login(minutes=5)(lambda: "second")

    def call(then: Callable[[], str]) -> str:
        first()
        wait(5 * 60 + 1)
        return then()

    app.add_url_rule("/again", "again", login_required(lambda: call(first)))
    app.add_url_rule("/other", "other", login_required(lambda: call(second)))
    answers = [client_of(app, ADMIN).get(path) for path in ("/again", "/other")]
    assert [(each.status_code, each.text == "first") for each in answers] == [
        (200, True),
        (401, False),
    ]


def test_a_logout_ends_what_was_proved(app: Flask, reached: list[str]) -> None:
    helper: Any = FOR_ADMINS(lambda: reached.append("helper"))

    def leave() -> str:
        helper()
        log_out()
        helper()
        return ""

    app.add_url_rule("/leave", view_func=FOR_ADMINS(leave))
    assert client_of(app, ADMIN).get("/leave").status_code == 401
    assert reached == ["helper"]


# How a connection loses what its handshake had.
ENDS: dict[str, Callable[[FlaskClient, Wait], object]] = {
    "after a logout": lambda client, wait: client.post(routes.LOGOUT, headers=OWN_PAGE),
    "after the user was deleted": lambda client, wait: _delete_admin(client.application),
    "without the role": lambda client, wait: give_roles(client.application),
    "when the login is old": lambda client, wait: wait(5 * 60 + 1),
}


def _delete_admin(app: Flask) -> None:
    with stored_user(app) as user:
        db.session.delete(user)


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_each_event_of_a_connection_is_checked(
    app: Flask, wait: Wait, reached: list[str], end: Callable[[FlaskClient, Wait], object]
) -> None:
    handle: Any = FOR_ADMINS(recent_login(minutes=5)(lambda: reached.append("event")))
    client = client_of(app, ADMIN)
    cookie = client.get_cookie("dev-session")
    assert cookie
    # Flask-SocketIO makes a request for each event, with the environment of the handshake.
    environ = create_environ("/socket.io/", headers={"Cookie": f"dev-session={cookie.value}"})
    with app.request_context(environ):
        handle()
    end(client, wait)
    with app.request_context(environ), pytest.raises(ErrorResponse):
        handle()
    assert reached == ["event"]


def test_a_closed_function_does_not_run_outside_a_request(
    app: Flask, view: Any, reached: list[str]
) -> None:
    async def coroutine() -> None:
        view("a")

    says = r"test_closing_marks.*view is marked @roles_required\('admin'\) and was called outside"
    with app.app_context(), pytest.raises(RuntimeError, match=says):
        FOR_ADMINS(view)("a")
    with Flask("other").app_context(), pytest.raises(RuntimeError, match=says):
        FOR_ADMINS(view)("a")
    with pytest.raises(RuntimeError, match=r"outside a request.*move its code to a function"):
        asyncio.run(login_required(coroutine)())
    assert reached == []
    # A message shows no arguments.
    with pytest.raises(RuntimeError, match=r"^functools.partial is marked @login_required") as said:
        login_required(partial(view, "a secret"))()
    assert "a secret" not in str(said.value)


def test_it_does_not_run_in_an_app_without_init_app(view: Any, reached: list[str]) -> None:
    other = Flask("other")
    other.config["PROPAGATE_EXCEPTIONS"] = True
    add(other, login_required(view))
    with pytest.raises(RuntimeError, match=r"other is not protected: call `secure_flask\.init_app"):
        other.test_client().get(PATH)
    assert reached == []


def test_a_mark_on_what_runs_before_the_views_of_a_blueprint_closes_them(
    app: Flask, ask: Ask
) -> None:
    blueprint = Blueprint("team", __name__)

    @blueprint.before_request
    @FOR_ADMINS
    def guard() -> None:
        """Let the request go on."""

    blueprint.add_url_rule(PATH, view_func=public(lambda: "team"))
    app.register_blueprint(blueprint)
    assert ask() == {ADMIN: 200, USER: 403, STRANGER: 401}


# `@public` stands below the lines of its routes: it opens no endpoint that a function has.


def status(app: Flask, path: str) -> int:
    return app.test_client().get(path).status_code


def page() -> Callable[[], str]:
    return lambda: "page"


# The sentence names the endpoints and what to write.
REFUSED = r"the view of {} already\. Write @public below .*PUBLIC_ENDPOINTS\["


class Pages:
    def show(self) -> str:
        return "page"


class Orders(MethodView):
    def get(self) -> str:
        return "page"


@pytest.mark.parametrize(
    ("view", "marked"),
    [(Pages().show, Pages.show), (Orders.as_view("had"), Orders.get)],
    ids=["a bound method", "a method of a class"],
)
def test_it_opens_no_endpoint_that_a_method_has(
    app: Flask, view: Callable[..., str], marked: Any
) -> None:
    app.add_url_rule("/had", "had", view)
    with pytest.raises(TypeError, match=REFUSED.format("had")):
        public(marked)
    assert status(app, "/had") == 401


def test_nor_that_a_function_has_in_this_app_or_in_another(app: Flask, make_app: MakeApp) -> None:
    view = app.route("/first", endpoint="first")(page())
    make_app().add_url_rule("/second", "second", view)
    with pytest.raises(TypeError, match=REFUSED.format("first, second")):
        public(view)
    assert status(app, "/first") == 401


def test_a_mark_that_says_what_another_said_changes_nothing(app: Flask, make_app: MakeApp) -> None:
    view = public(page())
    apps = (app, make_app())
    for each in apps:
        each.add_url_rule("/page", "page", public(view))
    assert [status(each, "/page") for each in apps] == [200, 200]
