"""The checks of a request: in order, and before any function that an app or an extension adds."""

import warnings

import flask
import pytest
from flask import Blueprint, Flask, Request, request_started
from flask.ctx import AppContext
from flask.typing import ResponseReturnValue
from secure_flask import public
from secure_flask.web import request_checks

from core.conftest import MakeApp, protect

FOREIGN = "http://evil.example"


@pytest.fixture
def seen() -> list[str]:
    return []


@pytest.fixture(params=["Flask 3.1", "any Flask"])
def own_flask(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, seen: list[str]
) -> type[Flask]:
    """A subclass that notes each request in the method that Flask calls first."""

    class OwnFlask(Flask):
        def preprocess_request(self, *ctx: AppContext) -> ResponseReturnValue | None:
            seen.append("preprocess_request")
            return super().preprocess_request(*ctx)

    if request.param == "any Flask":
        return OwnFlask
    # Flask 3.2 warns of a method without the context, and adapts its own to it for all apps.
    monkeypatch.setattr(Flask, "preprocess_request", Flask.preprocess_request)
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):

        class FormerFlask(Flask):
            def preprocess_request(self) -> ResponseReturnValue | None:
                seen.append("preprocess_request")
                return super().preprocess_request()

    return FormerFlask


def add_functions(app: Flask, seen: list[str]) -> None:
    """What an app, a blueprint and an extension may let run before a view."""
    app.url_value_preprocessor(lambda endpoint, values: seen.append("url_value_preprocessor"))
    app.before_request(lambda: seen.append("before_request"))
    blueprint = Blueprint(f"before{len(app.blueprints)}", __name__)
    blueprint.before_app_request(lambda: seen.append("before_app_request"))
    app.register_blueprint(blueprint)


@pytest.fixture
def own_app(own_flask: type[Flask], seen: list[str]) -> Flask:
    """With such functions from before and after `init_app`."""
    app = own_flask("core.site", static_folder=None, static_url_path="/static")
    add_functions(app, seen)
    protect(app)
    add_functions(app, seen)
    app.add_url_rule("/probe/public", "public", public(lambda: "public"))
    app.add_url_rule("/probe/closed", "closed", lambda: "closed")
    return app


def test_a_check_that_refuses_is_the_last_function_that_runs(make_app: MakeApp) -> None:
    app, seen = make_app(), list[str]()

    def note(request: Request) -> None:
        assert request == flask.request._get_current_object()  # type: ignore[attr-defined]
        seen.append(request.path)

    @app.get("/_test/view")
    @public
    def view() -> str:
        seen.append("view")
        return ""

    for check in (note, lambda request: ("No", 403), note):
        request_checks.add_request_check(app, check)
    answer = app.test_client().get("/_test/view")
    assert (answer.status_code, seen) == (403, ["/_test/view"])


@pytest.mark.parametrize(
    ("path", "base_url", "status"),
    [("/probe/public", FOREIGN, 400), ("/probe/closed", None, 401)],
)
def test_no_function_of_the_app_sees_a_request_that_is_refused(
    own_app: Flask, seen: list[str], path: str, base_url: str | None, status: int
) -> None:
    assert own_app.test_client().get(path, base_url=base_url).status_code == status
    assert seen == []


def test_nor_where_nobody_hears_the_signals_of_flask(own_app: Flask, seen: list[str]) -> None:
    with request_started.muted():
        assert own_app.test_client().get("/probe/closed").status_code == 401
    assert seen == []


def test_all_of_them_see_one_that_is_not(own_app: Flask, seen: list[str]) -> None:
    assert own_app.test_client().get("/probe/public").text == "public"
    each = ["url_value_preprocessor"] * 2 + ["before_request", "before_app_request"] * 2
    assert seen == ["preprocess_request", *each]
