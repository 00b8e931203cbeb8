"""What Flask's app calls, in the forms of Flask 3.1 and of 3.2, whichever of them is installed.

Flask 3.2 hands the app context to these methods as the first argument.
"""

import sys
from functools import partial
from typing import Any

import pytest
from flask import Flask, session
from flask.ctx import AppContext
from flask.globals import app_ctx
from jinja2 import DictLoader
from secure_flask import public
from secure_flask.auth.user_sessions import OWNER
from secure_flask.web.errors import default_response, response_for
from werkzeug.exceptions import NotFound, Unauthorized

from core.conftest import PRODUCTION, Lines, protect

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
def test_a_refused_request_reaches_no_function_of_the_app(
    app: Any, calls: Calls, form: str
) -> None:
    with app.test_request_context("/closed/owl", HTTPS), pytest.raises(Unauthorized):
        app.preprocess_request(*context_of(form))
    assert calls == []


@every_form
def test_any_other_request_goes_on_in_the_form_in_which_it_came(
    app: Any, calls: Calls, form: str
) -> None:
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
