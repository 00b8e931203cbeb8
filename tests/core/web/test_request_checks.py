"""The checks before each view: in order, and before any other function."""

import flask
from flask import Request
from secure_flask.auth.access import public
from secure_flask.web import request_checks

from core.conftest import MakeApp


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

    # What an owner adds runs later, wherever its line stands.
    app.before_request(lambda: seen.append("before_request"))
    for check in (note, lambda request: ("No", 403), note):
        request_checks.add_request_check(app, check)
    answer = app.test_client().get("/_test/view")
    assert (answer.status_code, seen) == (403, ["/_test/view"])
