"""What decorators note on views, and that each of them works on every kind of view."""

from functools import partial
from itertools import product
from typing import Any
from unittest.mock import Mock

import pytest
from flask import Blueprint, Flask
from flask.testing import FlaskClient
from flask.typing import ResponseReturnValue
from flask.views import MethodView
from secure_flask.auth import access
from secure_flask.auth.access import (
    login_required,
    public,
    recent_login,
    roles_required,
)
from secure_flask.csp_levels import SELF
from secure_flask.keys.requests import keys_allowed
from secure_flask.web.csp import csp
from secure_flask.web.csrf import FORM_TYPES, csrf_exempt
from secure_flask.web.forms import consumes_form
from secure_flask.web.hosts import probe
from secure_flask.web.rate_limits import limited
from secure_flask.web.responses import ResponseBody, consumes, responds
from secure_flask.web.validation import Body, validated
from secure_flask.web.view_options import marked_options, options_of, view_options

from core.conftest import OWN_PAGE, MakeApp

OCTETS = "application/octet-stream"
PATH = "/_test/notes/1"


class Note(Body):
    text: str


class Kept(ResponseBody):
    text: str


class Notes(MethodView):
    """A view whose methods differ in all that decorators say."""

    @public
    @probe
    def get(self, number: int) -> ResponseReturnValue:
        return {"text": str(number)}

    @public
    @limited("1 per hour")
    @validated(Note)
    def post(self, note: Note, number: int) -> ResponseReturnValue:
        return {"text": f"{note.text} {number}"}

    @public
    @csrf_exempt
    @consumes(OCTETS)
    def put(self, number: int) -> ResponseReturnValue:
        return "", 204

    @recent_login(minutes=5)
    def delete(self, number: int) -> ResponseReturnValue:
        return "", 204

    def patch(self, number: int) -> ResponseReturnValue:
        return "", 204


class Private(MethodView):
    decorators = [login_required]  # noqa: RUF012 (Flask's own way)

    def get(self) -> ResponseReturnValue:
        return ""


@pytest.fixture(scope="module")
def app(make_app: MakeApp) -> Flask:
    app = make_app()
    app.add_url_rule("/_test/notes/<int:number>", "_test_notes", Notes.as_view("notes"))
    app.add_url_rule("/_test/private", "_test_private", Private.as_view("private"))
    return app


def test_head_is_judged_as_get_unless_the_class_answers_it_itself() -> None:
    class Own(Notes):
        def head(self, number: int) -> ResponseReturnValue:
            return "", 204

    assert options_of(Notes.as_view("notes"), "HEAD").access == "public"
    assert options_of(Own.as_view("own"), "HEAD").access is None


DECORATORS: list[Any] = [
    *(login_required, roles_required("admin"), roles_required("boss")),
    *(recent_login(), access.takes_credentials, probe, csrf_exempt, consumes_form),
    *(limited("1 per hour"), csp(img_src=[SELF])),
    *(validated(Note), responds(Kept, 404), responds("text/html", 409), consumes(OCTETS)),
    responds(Kept, status=201),
]


@pytest.mark.parametrize("decorators", [DECORATORS, DECORATORS[::-1]], ids=["given", "reversed"])
def test_a_decorator_keeps_what_the_others_say(decorators: list[Any]) -> None:
    view: Any = lambda note: ""  # noqa: E731
    for decorator in decorators:
        view = decorator(view)
    options = options_of(view, "POST")
    assert (options.access, options.recent_login, options.credentials) == ("login", 15, True)
    assert options.roles == ("admin", "boss")
    assert (options.probe, options.csrf_exempt, options.limited) == (True, True, "1 per hour")
    assert options.consumes == {
        OCTETS: None,
        "application/json": Note,
        **dict.fromkeys(FORM_TYPES),
    }
    assert options.csp == {"img-src": [SELF]}
    kept = {"application/json": Kept}
    assert options.responds == {200: {**kept, "text/html": None}, 201: kept}
    assert set(options.errors) == {404, 409}


def test_marks_above_a_route_reach_the_function_that_it_has(app: Flask) -> None:
    function = registered = lambda: ""
    for mark in (login_required, consumes_form, recent_login(minutes=5), roles_required("boss")):
        function = mark(function)
    options = options_of(registered, "POST")
    assert (options.access, options.recent_login, options.roles) == ("login", 5, ("boss",))
    assert set(options.consumes or ()) == set(FORM_TYPES)
    assert options_of(function, "POST") == options
    # Those above a decorator with `wraps` do not.
    other = lambda: ""  # noqa: E731
    recent_login(minutes=5)(limited("1 per hour")(login_required(other)))
    options = options_of(other, "GET")
    assert (options.access, options.recent_login) == ("login", None)


def test_a_class_takes_requests_as_its_methods_are_decorated(client: FlaskClient) -> None:
    elsewhere = {"Host": "other.example", "Origin": "https://evil.example"}
    assert client.get(PATH, headers=elsewhere).status_code == 200
    assert client.head(PATH, headers=elsewhere).status_code == 200
    posted = [client.post(PATH, json={"text": "a"}) for _ in range(2)]
    assert (posted[0].json, posted[1].status_code) == ({"text": "a 1"}, 429)
    del elsewhere["Host"]
    assert client.put(PATH, data=b"a", content_type=OCTETS, headers=elsewhere).status_code == 204
    assert client.delete(PATH).status_code == client.patch(PATH).status_code == 401
    assert client.get("/_test/private").status_code == 401


def test_what_is_no_view_takes_no_mark(subtests: pytest.Subtests) -> None:
    # Nothing would read it, and what it marks would be open to every user.
    blueprint = Blueprint("reports", __name__)
    marks = (public, login_required, recent_login, roles_required("admin"), limited("1/day"))
    mark: Any
    for mark, target in [*product(marks, [blueprint]), *product(DECORATORS, [Private])]:
        with (
            subtests.test(case=(mark, target)),
            pytest.raises(TypeError, match="this mark on each view"),
        ):
            mark(target)


class Pages:
    """Views that are methods of an object."""

    def show(self) -> str:
        return "page"


def test_a_partial_is_opened_for_its_object_alone(make_app: MakeApp) -> None:
    app, news, users = make_app(), Pages(), Pages()
    app.add_url_rule("/news", "news", public(partial(news.show)))
    app.add_url_rule("/users", "users", users.show)
    client = app.test_client()
    assert [client.get(path).status_code for path in ("/news", "/users")] == [200, 401]


@pytest.mark.parametrize(
    "mark", [public, keys_allowed, csrf_exempt, lambda view: keys_allowed(login_required(view))]
)
def test_a_mark_on_the_method_of_one_object_opens_it_for_none(mark: Any) -> None:
    class Own(Pages):
        def show(self) -> str:
            return "own"

    with pytest.raises(TypeError, match=r"bound to an object.*mark a partial.*above the method"):
        mark(Own().show)
    options = marked_options(Own.show)
    assert (options.access == "public", options.keys, options.csrf_exempt) == (False, None, False)


@pytest.mark.parametrize("mark", [public, csrf_exempt, keys_allowed])
def test_a_mark_that_opens_a_method_counts_in_its_class_alone(mark: Any) -> None:
    class Base(MethodView):
        post = mark(lambda self: "")

    class Sub(Base):
        pass

    class Written(Base):
        post = Base.post

    opened = [options_of(each.as_view("view"), "POST") for each in (Base, Sub, Written)]
    assert [(each.access == "public", each.keys, each.csrf_exempt) for each in opened] == [
        of_mark := (mark is public, "all" if mark is keys_allowed else None, mark is csrf_exempt),
        (False, None, False),
        of_mark,
    ]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_request_looks_at_the_marks_of_its_view_once(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    app, look = make_app(), Mock(wraps=options_of)
    app.add_url_rule("/_test/looked_at", "looked_at", public(lambda: ""), methods=[method])
    monkeypatch.setattr("secure_flask.web.view_options.options_of", look)
    app.test_client().open("/_test/looked_at", method=method, headers=OWN_PAGE)
    assert look.call_count == 1


def test_another_view_or_method_within_a_request_is_looked_at_again(make_app: MakeApp) -> None:
    class Orders(MethodView):
        @public
        def get(self) -> str:
            return ""

        @login_required
        def post(self) -> str:
            return ""

    app = make_app()
    app.add_url_rule("/_test/orders", view_func=Orders.as_view("orders_of_a_request"))
    with app.test_request_context("/_test/orders") as context:
        seen = [view_options().access]
        context.request.method = "POST"
        seen.append(view_options().access)
        app.view_functions["orders_of_a_request"] = public(lambda: "")
        seen.append(view_options().access)
    assert seen == ["public", "login", "public"]
