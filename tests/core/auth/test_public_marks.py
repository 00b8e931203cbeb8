"""`@public` stands below the lines of its routes: it opens no endpoint that a function has already."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.views import MethodView
from secure_flask.auth.access import public

from core.conftest import MakeApp


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    return make_app()


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


def test_an_object_that_is_equal_to_a_view_is_another_one(app: Flask) -> None:
    class Page:
        __hash__ = None  # type: ignore[assignment]

        def __eq__(self, other: object) -> bool:
            return True

        def __call__(self) -> str:
            return "page"

    app.add_url_rule("/had", "had", Page())
    app.add_url_rule("/open", "open", public(Page()))
    assert (status(app, "/had"), status(app, "/open")) == (401, 200)


def test_a_mark_that_says_what_another_said_changes_nothing(app: Flask, make_app: MakeApp) -> None:
    view = public(page())
    apps = (app, make_app())
    for each in apps:
        each.add_url_rule("/page", "page", public(view))
    assert [status(each, "/page") for each in apps] == [200, 200]
