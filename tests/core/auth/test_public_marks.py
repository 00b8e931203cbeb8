"""`@public` opens the endpoints of its own line, and never one that another app has."""

from collections.abc import Callable

import pytest
from flask import Blueprint, Flask
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
REFUSED = r"It is the view of: {}\..*remove the mark.*PUBLIC_ENDPOINTS\[.*To open all, put the mark"


def test_it_may_stand_above_the_line_of_a_route(app: Flask) -> None:
    public(app.route("/above", endpoint="above")(page()))
    public(app.route("/a", endpoint="two")(app.route("/b", endpoint="two")(page())))
    assert (status(app, "/above"), status(app, "/a"), status(app, "/b")) == (200, 200, 200)


def test_one_blueprint_of_two_apps_is_open_in_both(app: Flask, make_app: MakeApp) -> None:
    pages = Blueprint("pages", __name__)
    public(pages.route("/above")(lambda: page()()))
    pages.add_url_rule("/below", "below", public(page()))
    apps = (app, make_app())
    for each in apps:
        each.register_blueprint(pages)
    answers = [(status(each, "/above"), status(each, "/below")) for each in apps]
    assert answers == [(200, 200), (200, 200)]


def test_it_is_refused_for_a_function_of_two_endpoints(app: Flask, make_app: MakeApp) -> None:
    view = page()
    app.add_url_rule("/first", "first", view)
    other = make_app()
    other.add_url_rule("/second", "second", view)
    with pytest.raises(TypeError, match=REFUSED.format("first, second")):
        public(view)
    assert (status(app, "/first"), status(other, "/second")) == (401, 401)


@pytest.mark.parametrize("in_another_app", [True, False])
def test_it_opens_no_endpoint_that_the_function_had_before(
    app: Flask, make_app: MakeApp, in_another_app: bool
) -> None:
    view = page()
    app.add_url_rule("/had", "had", view)
    opened = make_app() if in_another_app else app
    opened.add_url_rule("/opened", "opened", public(view))
    with pytest.raises(TypeError, match=REFUSED.format("had, opened")):
        status(app, "/had")
    with pytest.raises(TypeError, match=REFUSED.format("had, opened")):
        status(opened, "/opened")


def test_nor_by_another_method_of_the_same_function(app: Flask, make_app: MakeApp) -> None:
    class Pages:
        def show(self) -> str:
            return "page"

    app.add_url_rule("/had", "had", Pages().show)
    make_app().add_url_rule("/opened", "opened", public(Pages().show))
    with pytest.raises(TypeError, match=REFUSED.format("had, opened")):
        status(app, "/had")


def test_a_mark_that_says_what_another_said_changes_nothing(app: Flask, make_app: MakeApp) -> None:
    view = public(page())
    apps = (app, make_app())
    for each in apps:
        each.add_url_rule("/page", "page", public(view))
    assert [status(each, "/page") for each in apps] == [200, 200]


def test_a_callable_object_without_hash_and_weak_references_is_marked_below_its_route(
    app: Flask,
) -> None:
    class Page:
        __slots__ = ("__dict__",)
        __hash__ = None  # type: ignore[assignment]

        def __call__(self) -> str:
            return "page"

    app.add_url_rule("/page", "page", public(Page()))
    assert status(app, "/page") == 200
