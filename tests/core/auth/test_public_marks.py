"""`@public` stands below the lines of its routes: it opens no endpoint that a function has already."""

from collections.abc import Callable

import pytest
from flask import Blueprint, Flask
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


def test_above_the_line_of_a_route_it_is_refused(app: Flask) -> None:
    view = app.route("/above", endpoint="above")(page())
    with pytest.raises(TypeError, match=REFUSED.format("above")):
        public(view)
    assert status(app, "/above") == 401


def test_it_opens_no_endpoint_that_another_app_has(app: Flask, make_app: MakeApp) -> None:
    view = page()
    app.add_url_rule("/first", "first", view)
    make_app().add_url_rule("/second", "second", view)
    with pytest.raises(TypeError, match=REFUSED.format("first, second")):
        public(view)
    assert status(app, "/first") == 401


class Pages:
    def show(self) -> str:
        return "page"


def test_nor_one_of_a_bound_method(app: Flask) -> None:
    app.add_url_rule("/had", "had", Pages().show)
    with pytest.raises(TypeError, match=REFUSED.format("had")):
        public(Pages.show)
    assert status(app, "/had") == 401


def test_nor_one_of_a_class_that_has_the_method(app: Flask) -> None:
    class Orders(MethodView):
        def get(self) -> str:
            return "page"

    app.add_url_rule("/had", view_func=Orders.as_view("had"))
    with pytest.raises(TypeError, match=REFUSED.format("had")):
        public(Orders.get)
    assert status(app, "/had") == 401


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


def test_one_blueprint_of_two_apps_is_open_in_both(app: Flask, make_app: MakeApp) -> None:
    pages = Blueprint("pages", __name__)
    pages.add_url_rule("/below", "below", public(page()))
    apps = (app, make_app())
    for each in apps:
        each.register_blueprint(pages)
    assert [status(each, "/below") for each in apps] == [200, 200]


def test_a_mark_that_says_what_another_said_changes_nothing(app: Flask, make_app: MakeApp) -> None:
    view = public(page())
    apps = (app, make_app())
    for each in apps:
        each.add_url_rule("/page", "page", public(view))
    assert [status(each, "/page") for each in apps] == [200, 200]
