"""What a view returns, and what `@responds` says of it."""

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
from core.web.checked_types import refused_by_mypy

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


def test_a_view_returns_the_declared_model(app: Flask) -> None:
    answer = ask(app, responds(Article), TEA)
    assert (answer.status_code, answer.content_type) == (200, "application/json")
    assert answer.json == AS_JSON


def test_a_view_returns_a_list_of_it(app: Flask) -> None:
    assert ask(app, responds(list[Article]), [TEA, TEA]).json == [AS_JSON, AS_JSON]


def test_an_empty_list_is_one(app: Flask) -> None:
    answer = ask(app, responds(list[Article], status=201), list)
    assert (answer.status_code, answer.json) == (201, [])


def test_a_model_that_nothing_declares_is_sent_too(app: Flask) -> None:
    assert ask(app, lambda view: view, TEA).json == AS_JSON


def test_a_coroutine_function_returns_it(app: Flask) -> None:
    async def view() -> Article:
        return TEA

    app.add_url_rule("/probe", "probe", responds(Article)(public(view)))
    assert app.test_client().get("/probe").json == AS_JSON


def test_a_model_has_the_status_that_declares_it(app: Flask) -> None:
    def mark(view: Any) -> Any:
        return responds(Draft, status=202)(responds(Article, 409, status=201)(view))

    assert ask(app, mark, TEA).status_code == 201


def test_the_other_model_has_the_other_status(app: Flask) -> None:
    def mark(view: Any) -> Any:
        return responds(Draft, status=202)(responds(Article, 409, status=201)(view))

    assert ask(app, mark, Draft(draft="x")).status_code == 202


def test_a_status_and_headers_that_the_view_returns_count(app: Flask) -> None:
    def mark(view: Any) -> Any:
        return responds(Article)(responds(Article, status=201)(view))

    answer = ask(app, mark, (TEA, 201, {"Location": "/tea"}))
    assert (answer.status_code, answer.headers["Location"]) == (201, "/tea")


def test_the_status_that_a_view_returns_says_which_model_is_sent(app: Flask) -> None:
    def mark(view: Any) -> Any:
        return responds(Own, status=201)(responds(Author, status=202)(view))

    assert ask(app, mark, (Own(name="Ada", email=SECRET), 202)).json == {"name": "Ada"}


def test_a_model_that_is_declared_itself_comes_before_its_base(app: Flask) -> None:
    def mark(view: Any) -> Any:
        return responds(Author)(responds(Own, status=201)(view))

    answer = ask(app, mark, Own(name="Ada", email="ada@example.org"))
    assert (answer.status_code, answer.json["email"]) == (201, "ada@example.org")


def test_what_a_view_puts_into_a_model_later_is_not_sent(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    def returned() -> Article:
        article = TEA.model_copy()
        article.author = {"name": "Ada", "password_hash": SECRET}  # type: ignore[assignment]
        return article

    app.config["PROPAGATE_EXCEPTIONS"] = False
    answer = ask(app, responds(Article), returned)
    assert (answer.status_code, SECRET in answer.text + caplog.text) == (500, False)


def test_a_model_of_a_request_is_no_answer(app: Flask) -> None:
    class Credentials(Body):
        password: str

    app.config["PROPAGATE_EXCEPTIONS"] = False
    assert ask(app, lambda view: view, Credentials(password=SECRET)).status_code == 500


def test_a_subclass_shows_only_what_is_declared(app: Flask) -> None:
    assert ask(app, responds(Author), Own(name="Ada", email=SECRET)).json == {"name": "Ada"}


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


def streamed() -> Response:
    return Response((part for part in ["a", "b"]), mimetype="application/json")


def not_modified() -> Response:
    return Response(status=304)


def a_file() -> Response:
    return send_file(__file__, mimetype="application/json")


def an_error() -> Response:
    raise error_response(409, "Taken")


def zipped() -> Response:
    return Response(b"\x1f\x8b", headers={"Content-Encoding": "gzip"}, mimetype="application/json")


LEFT_ALONE = {
    "stream": (streamed, 200),
    "304": (not_modified, 304),
    "file": (a_file, 200),
    "redirect": (lambda: redirect("/", 303), 303),
    "error": (an_error, 409),
    "compressed": (zipped, 200),
    "error of the view": (lambda: ({"why": "because"}, 404), 404),
}


@pytest.mark.parametrize(("returned", "status"), LEFT_ALONE.values(), ids=LEFT_ALONE)
def test_what_is_no_body_of_the_model_passes(
    app: Flask, returned: Callable[[], Response], status: int
) -> None:
    assert ask(app, responds(Article, 409), returned).status_code == status


def test_a_page_that_is_declared_beside_the_model_passes(app: Flask) -> None:
    answer = ask(app, lambda view: responds("text/html")(responds(Plain)(view)), "page")
    assert (answer.status_code, answer.text) == (200, "page")


HALF = {"tf_required": True, "factors": ["totp"], "tf_token": "x"}


@pytest.mark.parametrize("half", [HALF, SecondFactorRequired(**HALF)], ids=["dict", "model"])
def test_a_half_login_passes_where_a_login_is_declared(app: Flask, half: Any) -> None:
    answer = ask(app, responds(LoginResponse), half)
    assert (answer.status_code, answer.json) == (200, HALF)


def test_an_answer_to_options_passes(tested: Flask) -> None:
    assert ask(tested, responds(Plain), {"number": 1}, method="OPTIONS").status_code == 200


def test_an_answer_to_head_passes(tested: Flask) -> None:
    assert ask(tested, responds(Plain), {"number": 1}, method="HEAD").status_code == 200


def test_a_dict_with_what_json_writes_as_text_passes(tested: Flask) -> None:
    class Written(ResponseBody):
        id: UUID
        at: datetime

    assert ask(tested, responds(Written), {"id": UUID(int=1), "at": NOON}).status_code == 200


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
    "another status": (responds(Plain, status=201), ({"number": 1}, 200), "201"),
    "another media type": (responds(Plain), SECRET, "text/html"),
    "no JSON": (responds(Plain), lambda: Response(SECRET, mimetype="application/json"), "JSON"),
}


@pytest.mark.parametrize(("mark", "returned", "named"), DIFFERENT.values(), ids=DIFFERENT)
def test_a_test_gets_500_with_the_view_and_the_member_and_no_value(
    tested: Flask, caplog: pytest.LogCaptureFixture, mark: Any, returned: Any, named: str
) -> None:
    caplog.set_level(logging.WARNING)
    answer = ask(tested, mark, returned)
    assert answer.status_code == 500
    assert f"{__name__}.ask.<locals>.view" in answer.json["hint"]
    assert named in answer.json["hint"]
    assert answer.json["hint"] in caplog.text
    assert SECRET not in f"{answer.headers}{answer.text}{caplog.text}"


@pytest.mark.parametrize(("mark", "returned", "named"), DIFFERENT.values(), ids=DIFFERENT)
def test_production_sends_it(make_app: MakeApp, mark: Any, returned: Any, named: str) -> None:
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


# What mypy says.

RIGHT = {
    "the model": "@responds(Article)\ndef view() -> Article: ...",
    "a list": "@responds(list[Article])\ndef view() -> list[Article]: ...",
    "a status": "@responds(Article)\ndef view() -> tuple[Article, int]: ...",
    "a coroutine": "@responds(Article)\nasync def view() -> Article: ...",
    "a dict": "@responds(Article)\ndef view() -> dict[str, Any]: ...",
    "anything of Flask": "@responds(Article)\ndef view() -> ResponseReturnValue: ...",
    "either": "@responds(Article)\ndef view() -> Article | Response: ...",
    "two by status": "@responds(Article, status=201)\n@responds(Draft)\n"
    "def view() -> Article | Draft: ...",
    "a page": '@responds("text/html")\ndef view() -> str: ...',
}
WRONG = {
    "another model": "@responds(Article)\ndef view() -> Draft: ...",
    "a list of another": "@responds(list[Article])\ndef view() -> list[Draft]: ...",
    "a list of the model": "@responds(Article)\ndef view() -> list[Article]: ...",
    "one of a list": "@responds(list[Article])\ndef view() -> Article: ...",
    "another by status": "@responds(Article)\ndef view() -> tuple[Draft, int]: ...",
    "a coroutine": "@responds(Article)\nasync def view() -> Draft: ...",
    "one more": "@responds(Article)\ndef view() -> Article | Draft: ...",
    "no declaration": "def view() -> Article: ...",
}


@pytest.mark.all
def test_mypy_refuses_a_view_of_another_model_and_no_other() -> None:
    refused = refused_by_mypy({**{f"right: {name}": text for name, text in RIGHT.items()}, **WRONG})
    assert refused == {*WRONG}
