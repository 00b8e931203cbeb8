"""How the core hooks into Flask: checks of each request, methods in their two forms, templates.

Checks come before any function that an app or an extension adds. Flask 3.2 hands the app context to
methods as the first argument. An app may set up Jinja before or after `init_app`.
"""

import sys
import warnings
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import flask
import pytest
from flask import Blueprint, Flask, Request, render_template_string, request_started, session
from flask.ctx import AppContext
from flask.globals import app_ctx
from flask.templating import Environment
from flask.typing import ResponseReturnValue
from jinja2 import DictLoader
from secure_flask.auth.access import public
from secure_flask.auth.user_sessions import OWNER
from secure_flask.web import flask_hooks
from secure_flask.web.errors import default_response, response_for
from werkzeug.exceptions import NotFound, Unauthorized

from core.conftest import PRODUCTION, Lines, MakeApp, protect

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
        flask_hooks.add_request_check(app, check)
    answer = app.test_client().get("/_test/view")
    assert (answer.status_code, seen) == (403, ["/_test/view"])


@pytest.mark.parametrize(
    ("path", "base_url", "status"),
    [("/probe/public", FOREIGN, 400), ("/probe/closed", None, 401), ("/probe/public", None, 200)],
)
def test_no_function_of_the_app_sees_a_request_that_is_refused(
    own_app: Flask,
    seen: list[str],
    path: str,
    base_url: str | None,
    status: int,
    subtests: pytest.Subtests,
) -> None:
    # Also where nobody hears the signals of Flask.
    for signals in (nullcontext(), request_started.muted()):
        with subtests.test(signals=signals):
            seen.clear()
            with signals:
                assert own_app.test_client().get(path, base_url=base_url).status_code == status
            each = ["url_value_preprocessor"] * 2 + ["before_request", "before_app_request"] * 2
            assert seen == (["preprocess_request", *each] if status == 200 else [])


HTTPS = "https://localhost"
FLASK_31, FLASK_32 = "Flask 3.1", "Flask 3.2"

# The arguments of each call.
Calls = list[tuple[object, ...]]

every_form = pytest.mark.parametrize("form", [FLASK_31, FLASK_32])


def context_of(form: str) -> tuple[AppContext, ...]:
    """What this Flask hands over before the other arguments."""
    return (app_ctx._get_current_object(),) if form == FLASK_32 else ()  # type: ignore[attr-defined]


@pytest.fixture
def calls() -> Calls:
    return []


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch, calls: Calls) -> Any:
    """An app whose Flask has methods that take both forms."""

    def note(app: Flask, *arguments: object) -> dict[str, object]:
        calls.append(arguments)
        return dict(session)

    monkeypatch.setattr(Flask, "preprocess_request", note)
    monkeypatch.setattr(Flask, "handle_user_exception", note)
    app = protect(Flask("shop"), **PRODUCTION)
    app.add_url_rule("/open", "open", public(lambda: ""))
    app.add_url_rule("/closed/<word>", "closed", lambda word: "")
    return app


@every_form
def test_a_request_goes_on_in_the_form_in_which_it_came_unless_it_is_refused(
    app: Any, calls: Calls, form: str
) -> None:
    with app.test_request_context("/closed/owl", HTTPS), pytest.raises(Unauthorized):
        app.preprocess_request(*context_of(form))
    assert calls == []
    with app.test_request_context("/open", HTTPS):
        context = context_of(form)
        app.preprocess_request(*context)
    assert calls == [context]


@every_form
def test_the_handler_of_an_early_error_sees_no_session_of_a_user(
    app: Any, calls: Calls, form: str
) -> None:
    error = NotFound()
    with app.test_request_context("/nowhere", HTTPS):
        session.update({OWNER: "1", "note": "draft"})
        context = context_of(form)
        assert app.handle_user_exception(*context, error) == {}
    assert calls == [(*context, error)]


@every_form
def test_the_line_of_a_crash_has_no_path(app: Any, lines: Lines, form: str) -> None:
    lines()
    with app.test_request_context("/closed/owl", HTTPS):
        try:
            raise KeyError
        except KeyError:
            app.log_exception(*context_of(form), sys.exc_info())
    [line] = lines()
    assert (line["event"], "KeyError" in line["exception"]) == ("sys_crash", True)
    assert "owl" not in str(line)


def as_in_flask_31(app: Flask, argument: object) -> Any:
    return app.extensions.setdefault("called", [argument])


def as_in_flask_32(app: Flask, ctx: AppContext, argument: object) -> Any:
    return app.extensions.setdefault("called", [ctx, argument])


every_signature = pytest.mark.parametrize(
    ("form", "method"), [(FLASK_31, as_in_flask_31), (FLASK_32, as_in_flask_32)]
)


@every_signature
def test_your_handler_of_an_error_is_found_in_the_form_of_flask(
    monkeypatch: pytest.MonkeyPatch, form: str, method: Any
) -> None:
    monkeypatch.setattr(Flask, "handle_http_exception", method)
    error = NotFound()
    with Flask("shop").test_request_context():
        assert response_for(error) == [*context_of(form), error]


@every_signature
def test_your_log_of_crashes_gets_that_of_an_error_page_in_the_form_of_flask(
    app: Any, monkeypatch: pytest.MonkeyPatch, form: str, method: Any
) -> None:
    monkeypatch.setattr(Flask, "log_exception", method)
    app.jinja_loader = DictLoader({"error.html": "{{ 1 / 0 }}"})
    app.log_exception = partial(method, app)
    with app.test_request_context("/open", HTTPS, headers={"Accept": "text/html"}):
        expected = [*context_of(form), ZeroDivisionError]
        default_response(NotFound())
    *context, (kind, *_) = app.extensions["called"]
    assert [*context, kind] == expected


PAGE = """{{ csp_nonce() and "nonce" }} {{ csrf_token() }} {{ asset("page.css").url[:16] }}
{{ "page.css" is asset }} {{ "gone.css" is asset }}"""
EXPECTED = "nonce  /static/page.css\nTrue False"


@pytest.fixture
def shop(tmp_path: Path) -> Flask:
    """An app that is not protected yet, with one static file."""
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "page.css").write_text("")
    shop = Flask("shop", root_path=str(tmp_path))
    shop.add_url_rule("/", view_func=public(lambda: render_template_string(PAGE)))
    return shop


def shown(shop: Flask) -> str:
    return shop.test_client().get("/").text


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("reload", [None, False, True])
def test_an_app_may_say_after_init_app_whether_changed_templates_are_read_again(
    shop: Flask, debug: bool, reload: bool | None
) -> None:
    protect(shop)
    shop.config["DEBUG"] = debug
    shop.config["TEMPLATES_AUTO_RELOAD"] = reload
    assert shop.jinja_env.auto_reload == (debug if reload is None else reload)


def test_templates_have_the_functions_of_the_core_whenever_jinja_was_set_up(shop: Flask) -> None:
    # As a filter does that is registered before init_app.
    shop.add_template_filter(str.upper, "shout")
    protect(shop)
    assert shown(shop) == EXPECTED
    assert "shout" in shop.jinja_env.filters
    # A function of the owner replaces one of the core.
    shop.jinja_env.globals["csrf_token"] = lambda: "mine"
    assert "mine" in shown(shop)


def test_jinja_options_that_are_set_after_init_app_count(shop: Flask) -> None:
    protect(shop)
    shop.jinja_options = {"trim_blocks": True, "extensions": ["jinja2.ext.do"]}
    assert shop.jinja_env.trim_blocks
    assert "jinja2.ext.ExprStmtExtension" in shop.jinja_env.extensions
    assert shown(shop) == EXPECTED


def test_an_app_keeps_its_own_kind_of_environment(shop: Flask) -> None:
    class Own(Environment):
        def __init__(self, app: Flask, **options: Any) -> None:
            super().__init__(app, **options)
            self.globals["asset"] = "replaced by the core"
            self.globals["own"] = "mine"

    shop.jinja_environment = Own  # type: ignore[assignment]
    assert shown(protect(shop)) == EXPECTED
    assert isinstance(shop.jinja_env, Own)
    assert shop.jinja_env.globals["own"] == "mine"


def test_macros_of_an_imported_template_have_the_functions_too(shop: Flask, tmp_path: Path) -> None:
    protect(shop)
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "macros.html").write_text(
        "{% macro show() %}{{ csp_nonce() and 'nonce' }}{% endmacro %}"
    )
    page = "{% from 'macros.html' import show %}{{ show() }}"
    shop.add_url_rule("/macro", "macro", public(lambda: render_template_string(page)))
    assert shop.test_client().get("/macro").text == "nonce"
