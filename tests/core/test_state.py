"""The state of an app and of a request: one name among those of others, and typed keys within."""

from typing import Any

import pytest
from flask import Flask, Response, request
from flask.typing import ResponseReturnValue
from secure_flask import current_user, login_required, public
from secure_flask.state import app_state
from secure_flask.web.csp import csp_nonce
from werkzeug.test import create_environ

from core.conftest import USERNAME, MakeApp, log_in, protect


def test_extensions_meet_one_name_of_the_core(app: Flask) -> None:
    others = {"sqlalchemy", "migrate"}
    assert {*app.extensions} - others == {"secure_flask"}


def test_an_app_without_init_app_is_told_what_to_write() -> None:
    with pytest.raises(RuntimeError, match=r"other is not protected: call `secure_flask.init_app"):
        app_state(Flask("other"))


def test_an_app_that_another_one_asks_has_logins_and_a_state_of_its_own(make_app: MakeApp) -> None:
    app = make_app()
    asked = make_app()
    asked.add_url_rule("/asked", "asked", login_required(lambda: "asked"))
    asked.add_url_rule("/open", "open", public(lambda: current_user.name if current_user else "-"))

    @app.get("/<word>")
    @login_required
    def ask(word: str) -> ResponseReturnValue:
        answer = Response.from_app(asked, request.environ)
        answer.headers["X-Outer"] = current_user.name
        return answer

    client = app.test_client()
    credentials = log_in(client)
    refused, opened = (client.get(f"/{word}", headers=credentials) for word in ("asked", "open"))
    assert (refused.status_code, opened.text) == (401, "-")
    assert refused.headers["X-Outer"] == USERNAME


def test_requests_that_share_an_environment_have_a_state_each(make_app: MakeApp) -> None:
    app = make_app(TOKEN_TYPE="opaque")
    environ = create_environ(headers=log_in(app.test_client()))
    names = []
    for _ in range(2):
        with app.request_context(environ):
            names.append(current_user.name)
    assert names == [USERNAME, USERNAME]


def test_a_request_within_another_one_leaves_that_as_it_was(make_app: MakeApp) -> None:
    app = make_app()

    @app.get("/outer")
    @public
    def outer() -> str:
        first = csp_nonce()
        with app.request_context(request.environ):
            inner = csp_nonce()
        return f"{first} {inner} {csp_nonce()}"

    answer = app.test_client().get("/outer")
    first, inner, last = answer.text.split()
    assert (first == last, first == inner) == (True, False)
    assert f"'nonce-{first}'" in answer.headers["Content-Security-Policy"]


def test_a_request_of_a_middleware_changes_no_header_of_the_response() -> None:
    app = Flask("probe")
    inner = app.wsgi_app

    def middleware(environ: Any, start_response: Any) -> Any:
        with app.request_context(environ):
            csp_nonce()
        return inner(environ, start_response)

    app.wsgi_app = middleware  # type: ignore[method-assign]
    protect(app, TOKEN_TYPE="opaque")
    app.add_url_rule("/page", view_func=public(lambda: csp_nonce()))
    answer = app.test_client().get("/page")
    assert f"'nonce-{answer.text}'" in answer.headers["Content-Security-Policy"]
    assert answer.cache_control.no_store
