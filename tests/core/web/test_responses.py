"""What a view returns, and what `@responds` says of it; what mypy says is in declared_views.py."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from flask import Flask, Response, make_response, redirect, send_file
from pydantic import BaseModel, Field, computed_field
from secure_flask import (
    Body,
    LoginResponse,
    ResponseBody,
    error_response,
    public,
    responds,
)
from secure_flask.web.responses import SecondFactorRequired

from core.conftest import PRODUCTION, MakeApp

SECRET = "do-not-repeat-me"
NOON = datetime(2027, 2, 1, 12, tzinfo=UTC)


class Author(ResponseBody):
    name: str


class Article(ResponseBody):
    title: str
    author: Author
    written: datetime = NOON
    cents: int = Field(0, alias="priceInCents")

    @computed_field
    def slug(self) -> str:
        return self.title.lower()


class Own(Author):
    email: str


class Draft(ResponseBody):
    draft: str


class Plain(ResponseBody):
    number: int
    text: str = ""


@dataclass
class Row:
    """A row of a table, with a column that no client may see."""

    title: str
    author: Any
    written: datetime = NOON
    password_hash: str = SECRET


ADA = Author(name="Ada")
TEA = Article(title="Tea", author=ADA, priceInCents=5)
AS_JSON = {
    "title": "Tea",
    "author": {"name": "Ada"},
    "written": "2027-02-01T12:00:00Z",
    "priceInCents": 5,
    "slug": "tea",
}


@pytest.fixture(params=["development", "production"])
def app(make_app: MakeApp, request: pytest.FixtureRequest) -> Flask:
    """What a right answer gets is the same in both."""
    return make_app(**(PRODUCTION if request.param == "production" else {}))


@pytest.fixture
def tested(make_app: MakeApp) -> Flask:
    """An app of development, as tests have it, which looks at each answer."""
    return make_app()


def ask(app: Flask, mark: Callable[..., Any], returned: Any, **options: Any) -> Any:
    """The answer to a view that returns this, or raises it."""

    def view() -> Any:
        return returned() if callable(returned) else returned

    app.add_url_rule("/probe", "probe", public(mark(view)), methods=["GET", "POST"])
    return app.test_client().open("/probe", **options)


def both(outer: Any, inner: Any) -> Any:
    return lambda view: outer(inner(view))


class Written(ResponseBody):
    id: UUID
    at: datetime


TWO = both(responds(Draft, status=202), responds(Article, 409, status=201))
OF_AUTHORS = both(responds(Own, status=201), responds(Author, status=202))
EVE = Own(name="Ada", email=SECRET)
HALF = {"tf_required": True, "factors": ["totp"], "tf_token": "x"}
# What a view declares and returns, and the status and the body that a client gets.
SENT: dict[str, tuple[Any, Any, int, Any]] = {
    "the model": (responds(Article), TEA, 200, AS_JSON),
    "a list of it": (responds(list[Article]), [TEA, TEA], 200, [AS_JSON, AS_JSON]),
    "an empty list": (responds(list[Article], status=201), list, 201, []),
    "a model that nothing declares": (lambda view: view, TEA, 200, AS_JSON),
    "the status that declares it": (TWO, TEA, 201, AS_JSON),
    "another model": (TWO, Draft(draft="x"), 202, {"draft": "x"}),
    "the status of the view": (
        both(responds(Article), responds(Article, status=201)),
        (TEA, 201, {"Location": "/tea"}),
        201,
        AS_JSON,
    ),
    # A subclass shows only what is declared, and itself comes before its base.
    "its status": (OF_AUTHORS, (EVE, 202), 202, {"name": "Ada"}),
    "itself": (
        both(responds(Author), responds(Own, status=201)),
        EVE,
        201,
        {"name": "Ada", "email": SECRET},
    ),
    "a subclass": (responds(Author), EVE, 200, {"name": "Ada"}),
    "a half login": (responds(LoginResponse), HALF, 200, HALF),
    "its model": (responds(LoginResponse), SecondFactorRequired(**HALF), 200, HALF),
    "what JSON writes as text": (
        responds(Written),
        {"id": UUID(int=1), "at": NOON},
        200,
        {"id": str(UUID(int=1)), "at": NOON.isoformat()},
    ),
}


@pytest.mark.parametrize("case", SENT)
def test_a_view_returns_the_declared_model(app: Flask, case: str) -> None:
    mark, returned, status, body = SENT[case]
    answer = ask(app, mark, returned)
    assert (answer.status_code, answer.content_type) == (status, "application/json")
    assert answer.json == body
    given = returned[2] if isinstance(returned, tuple) and len(returned) == 3 else {}
    assert given.items() <= dict(answer.headers).items()


def test_a_page_that_is_declared_beside_the_model_passes(app: Flask) -> None:
    answer = ask(app, both(responds("text/html"), responds(Plain)), "page")
    assert (answer.status_code, answer.text) == (200, "page")


@pytest.mark.parametrize("method", ["OPTIONS", "HEAD"])
def test_an_answer_without_the_body_passes(tested: Flask, method: str) -> None:
    assert ask(tested, responds(Plain), {"number": 1}, method=method).status_code == 200


class Password(Body):
    password: str


def filled_later() -> Article:
    article = TEA.model_copy()
    article.author = {"name": "Ada", "password_hash": SECRET}  # type: ignore[assignment]
    return article


@pytest.mark.parametrize(
    ("mark", "returned"),
    [(responds(Article), filled_later), (lambda view: view, Password(password=SECRET))],
    ids=["what a view puts into a model later", "a model of a request"],
)
def test_what_no_model_declares_is_not_sent(
    app: Flask, caplog: pytest.LogCaptureFixture, mark: Any, returned: Any
) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = False
    answer = ask(app, mark, returned)
    assert (answer.status_code, SECRET in answer.text + caplog.text) == (500, False)


def test_a_coroutine_function_returns_it(app: Flask) -> None:
    async def view() -> Article:
        return TEA

    app.add_url_rule("/probe", "probe", responds(Article)(public(view)))
    assert app.test_client().get("/probe").json == AS_JSON


def test_a_model_is_made_of_a_row_without_its_other_columns() -> None:
    shown = Article.model_validate(Row("Tea", SimpleNamespace(name="Ada", email=SECRET)))
    assert shown.model_dump(exclude={"slug"}, by_alias=True) == {
        "title": "Tea",
        "author": {"name": "Ada"},
        "written": NOON,
        "priceInCents": 0,
    }


@pytest.mark.asvs("16.2.5")
def test_a_model_that_cannot_be_built_repeats_no_value() -> None:
    with pytest.raises(ValueError, match="number") as raised:
        Plain(number=SECRET)
    assert SECRET not in str(raised.value)


# What is no body of the model is left alone.


def an_error() -> Response:
    raise error_response(409, "Taken")


def response(body: Any = None, **options: Any) -> Callable[[], Response]:
    return lambda: Response(body, mimetype="application/json", **options)


GZIP = {"Content-Encoding": "gzip"}
LEFT_ALONE: dict[str, tuple[Any, int]] = {
    "stream": (lambda: response(iter(["a", "b"]))(), 200),
    "304": (response(status=304), 304),
    "file": (lambda: send_file(__file__, mimetype="application/json"), 200),
    "redirect": (lambda: redirect("/", 303), 303),
    "error": (an_error, 409),
    "compressed": (response(b"\x1f\x8b", headers=GZIP), 200),
    "error of the view": (lambda: ({"why": "because"}, 404), 404),
}


@pytest.mark.parametrize(("returned", "status"), LEFT_ALONE.values(), ids=LEFT_ALONE)
def test_what_is_no_body_of_the_model_passes(
    app: Flask, returned: Callable[[], Response], status: int
) -> None:
    assert ask(app, responds(Article, 409), returned).status_code == status


# An answer that differs.


def jsonified() -> Response:
    response = make_response({"number": SECRET})
    response.headers["X-Own"] = "1"
    return response


DIFFERENT: dict[str, tuple[Any, Any, str]] = {
    "a wrong type": (responds(Plain), {"number": SECRET}, "'number'"),
    "a response that the view made": (responds(Plain), jsonified, "'number'"),
    "an almost right type": (responds(Plain), {"number": "1"}, "'number'"),
    "a missing member": (responds(Plain), {"text": SECRET}, "'number'"),
    "another member": (responds(Plain), {"number": 1, "password_hash": SECRET}, "'password_hash'"),
    "a member further in": (
        responds(list[Plain]),
        [{"number": 1}, {"number": SECRET}],
        "'1.number'",
    ),
    "another model": (responds(Plain), Draft(draft=SECRET), "Draft"),
    "a list": (responds(Plain), [Plain(number=1)], "write @responds(list[Plain])"),
    "with another status": (responds(Plain, status=201), ({"number": SECRET}, 201), "'number'"),
    "another status": (responds(Plain, status=201), ({"number": 1}, 200), "201"),
    "another media type": (responds(Plain), SECRET, "text/html"),
    "no JSON": (responds(Plain), lambda: Response(SECRET, mimetype="application/json"), "JSON"),
}


@pytest.mark.parametrize(("mark", "returned", "named"), DIFFERENT.values(), ids=DIFFERENT)
def test_a_test_gets_500_with_the_view_and_the_member_and_no_value_and_production_sends_it(
    tested: Flask,
    make_app: MakeApp,
    caplog: pytest.LogCaptureFixture,
    mark: Any,
    returned: Any,
    named: str,
) -> None:
    caplog.set_level(logging.WARNING)
    answer = ask(tested, mark, returned)
    assert answer.status_code == 500
    assert f"{__name__}.ask.<locals>.view" in answer.json["hint"]
    assert named in answer.json["hint"]
    assert tested.test_client().post("/probe").status_code == 500
    assert answer.json["hint"] in caplog.text
    assert SECRET not in f"{answer.headers}{answer.text}{caplog.text}"
    assert ask(make_app(**PRODUCTION), mark, returned).status_code < 300


@pytest.mark.parametrize("changes", [{}, PRODUCTION], ids=["development", "production"])
def test_a_model_that_cannot_be_built_is_500_in_production_too(
    make_app: MakeApp, changes: dict[str, Any]
) -> None:
    app = make_app(**changes, TESTING=False)
    answer = ask(app, responds(Plain), lambda: Plain(number=SECRET))
    assert answer.status_code == 500
    assert SECRET not in answer.text
    in_development = not app.config["PRODUCTION"]
    assert (f"{__name__}.ask.<locals>.view" in answer.text) == in_development
    assert ("'number'" in answer.text) == in_development


def test_a_test_that_builds_a_wrong_model_sees_the_view_and_the_member(tested: Flask) -> None:
    with pytest.raises(ValueError, match="number") as raised:
        ask(tested, responds(Plain), lambda: Plain(number=SECRET))
    assert any("ask.<locals>.view" in note for note in raised.value.__notes__)


@pytest.mark.parametrize("wrong", [int, BaseModel, list[int], dict[str, Plain]])
def test_what_no_body_is_made_of_is_refused_at_import(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"@responds\(.*write a subclass of ResponseBody"):
        responds(wrong)
