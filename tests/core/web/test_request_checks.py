"""The checks before each view: in order, and before any other function."""

import flask
from flask import Request
from secure_flask.auth.access import public
from secure_flask.web import request_checks

from core.conftest import MakeApp


def test_a_check_that_refuses_is_the_last_function_that_runs(make_app: MakeApp) -> None:
    app, seen = make_app(), list[str]()

    def note(request: Request) -> None:
        seen.append(request.path)

    def refuse(request: Request) -> tuple[str, int]:
        seen.append("refused")
        return "No", 403

    @app.get("/_test/view")
    @public
    def view() -> str:
        seen.append("view")
        return ""

    # What an owner adds runs later, wherever its line stands.
    app.before_request(lambda: seen.append("before_request"))
    for check in (note, refuse, note):
        request_checks.register(app, check)
    answer = app.test_client().get("/_test/view")
    assert (answer.status_code, seen) == (403, ["/_test/view", "refused"])


def test_a_check_sees_the_request_that_the_view_sees(make_app: MakeApp) -> None:
    app, seen = make_app(), list[Request]()

    @app.get("/_test/view")
    @public
    def view() -> str:
        return str(flask.request == seen[0])

    request_checks.register(app, seen.append)
    assert app.test_client().get("/_test/view").text == "True"
