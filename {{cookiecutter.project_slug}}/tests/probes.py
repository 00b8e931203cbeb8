"""Views that tests add to an app, so that they need none of yours: one for each kind of response."""

from flask import Flask, Response, abort, redirect
from flask.typing import ResponseReturnValue
from secure_flask import login_required, public, roles_required

PAGE, JSON, ERROR, MOVED, CRASH, CLOSED, UNMARKED, FOR_ROLE = (
    f"/test-probe/{name}"
    for name in ("page", "json", "error", "moved", "crash", "closed", "unmarked", "role")
)
SECRET = "what only the log may show"
KEEP_STATUS = "A handler of yours keeps the status: return page, 404"
RESPONSES = {PAGE: 200, JSON: 200, ERROR: 404, MOVED: 303, CRASH: 500}


def add_probes(app: Flask) -> Flask:
    """Add the views to an app that has handled no request yet."""
    for path, view in VIEWS.items():
        app.add_url_rule(path, endpoint=path.strip("/"), view_func=view, methods=["GET", "POST"])
    return app


@public
def page() -> str:
    return "<!doctype html><title>A page</title>"


@public
def json() -> ResponseReturnValue:
    return {"a": 1}


@public
def error() -> ResponseReturnValue:
    abort(404)


@public
def moved() -> ResponseReturnValue:
    return redirect("/", 303)


@public
def crash() -> ResponseReturnValue:
    raise ZeroDivisionError(SECRET)


@login_required
def closed() -> ResponseReturnValue:
    return Response("in")


def unmarked() -> ResponseReturnValue:
    return Response("in")


@roles_required("role-of-a-test")
def for_role() -> ResponseReturnValue:
    return Response("in")


VIEWS = {
    PAGE: page,
    JSON: json,
    ERROR: error,
    MOVED: moved,
    CRASH: crash,
    CLOSED: closed,
    UNMARKED: unmarked,
    FOR_ROLE: for_role,
}
