"""What mypy accepts of a view with `@responds`, and what it refuses: an unused ignore is an error."""

from typing import Any

from flask import Blueprint, Response
from flask.typing import ResponseReturnValue
from secure_flask import ResponseBody, responds

route = Blueprint("probe", __name__).get


class Article(ResponseBody):
    title: str


class Draft(ResponseBody):
    draft: str


def _article() -> Article:
    raise OSError


def _articles() -> list[Article]:
    raise OSError


def _with_status() -> tuple[Article, int]:
    raise OSError


async def _later() -> Article:
    raise OSError


def _dict() -> dict[str, Any]:
    raise OSError


def _anything() -> ResponseReturnValue:
    raise OSError


def _or_response() -> Article | Response:
    raise OSError


def _either() -> Article | Draft:
    raise OSError


def _page() -> str:
    raise OSError


def accepted() -> None:
    route("/")(responds(Article)(_article))
    route("/")(responds(list[Article])(_articles))
    route("/")(responds(Article)(_with_status))
    route("/")(responds(Article)(_later))
    route("/")(responds(Article)(_dict))
    route("/")(responds(Article)(_anything))
    route("/")(responds(Article)(_or_response))
    route("/")(responds(Article, status=201)(responds(Draft)(_either)))
    route("/")(responds("text/html")(_page))


def refused() -> None:
    route("/")(responds(Draft)(_article))  # type: ignore[type-var]
    route("/")(responds(list[Draft])(_articles))  # type: ignore[arg-type]
    route("/")(responds(Article)(_articles))  # type: ignore[arg-type]
    route("/")(responds(list[Article])(_article))  # type: ignore[type-var]
    route("/")(responds(Draft)(_with_status))  # type: ignore[type-var]
    route("/")(responds(Draft)(_later))  # type: ignore[type-var]
    route("/")(responds(Article)(_either))  # type: ignore[type-var]
    route("/")(_article)  # type: ignore[type-var]
