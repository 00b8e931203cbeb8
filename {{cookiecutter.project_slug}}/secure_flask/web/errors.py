"""Errors show no stack trace, no version and no echo of the request.

A browser gets a page with the request id, a program `{"error": "…"}` or the shape that
error_bodies.py finds for the path. An `@app.errorhandler` of your own may answer any of them.
TEXTS in policy.py gives messages of the core in the owner's words.
Source: OWASP ASVS 16.5.1.
"""

import sys
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

from flask import (
    Flask,
    Response,
    current_app,
    has_request_context,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
)
from flask.typing import ResponseReturnValue
from jinja2 import TemplateNotFound
from secure_flask.state import StateKey, app_state, state_of
from secure_flask.web.bearer import challenge
from secure_flask.web.error_bodies import JSON, PROBLEM, shaped_response
from secure_flask.web.flask_hooks import call_method
from secure_flask.web.logs import request_id
from secure_flask.web.view_options import view_options
from werkzeug.exceptions import HTTPException, default_exceptions

# This is set when the login of a request is looked up. An error page does not repeat the lookup.
LOGIN_LOOKED_UP = StateKey[bool]("login looked up")

# These say no more than the status, for which a page has words that people understand.
PLAIN_MESSAGES = {
    400: "Invalid request",
    401: "Authentication required",
    403: "Not allowed",
    429: "Too many requests",
    503: "Temporarily unavailable",
}

ErrorHandler = Callable[[Any], ResponseReturnValue]

_HANDLERS = StateKey[dict[type[Exception], ErrorHandler]]("handlers of errors")


class ErrorResponse(HTTPException):
    """An error with a message for the client and headers.

    It is an instance of Werkzeug's class for its status too: `@app.errorhandler(429)` handles it.
    """

    # The address to which a browser is redirected instead, such as the login page.
    see_other: str | None = None
    # What is wrong with each member of a JSON body.
    fields: dict[str, str] | None = None
    # More members of a JSON body, for a script of the page.
    members: dict[str, bool] | None = None
    # What the developer has to write. Only development shows it.
    hint: str | None = None
    # Whether the error page may have links. With an unknown Host, links would lead to that host.
    links = True

    def __init__(self, message: str, headers: dict[str, str]) -> None:
        HTTPException.__init__(self)
        self.message = message
        self.headers = headers

    @property
    def description(self) -> str:  # type: ignore[override]
        """The message in the owner's words, for your own page or form."""
        return translated_text(self.message)

    def get_headers(self, *arguments: object, **options: object) -> list[tuple[str, str]]:
        return list(self.headers.items())

    def get_response(self, environ: Any = None, scope: Any = None) -> Any:
        """The response where a handler or a view returns the error: as without the handler.

        It is the error's own `response`, if it has one.
        """
        if self.response is not None or not has_request_context():
            return super().get_response(environ, scope)
        return default_response(self)


def error_response(status: int, message: str, **headers: str) -> ErrorResponse:
    """The exception that refuses a request: `raise error_response(409, "Already there")`.

    `status` is an HTTP status from 400 to 599. JSON gets `{"error": message}`, a browser a
    page. It is Werkzeug's exception too, here `Conflict`, for `except` and `@app.errorhandler`.
    Write header names with underscores: `error_response(503, "Closed", Retry_After="5")`, seconds.

    :raises ValueError: the status is not from 400 to 599.
    """
    return _class_for(status)(
        message, {name.replace("_", "-"): value for name, value in headers.items()}
    )


def plain_error(status: int, **headers: str) -> ErrorResponse:
    """The exception for an error of which a client learns only the status, by `error_response`."""
    return error_response(status, PLAIN_MESSAGES[status], **headers)


def field_error(status: int, field: str, message: str) -> ErrorResponse:
    """The exception for an error in one member of the body, by `error_response`."""
    error = error_response(status, message)
    error.fields = {field: message}
    return error


def add_hint(error: ErrorResponse, hint: str) -> ErrorResponse:
    """The error with what the developer has to write, which only development shows and logs."""
    if not current_app.config["PRODUCTION"]:
        error.hint = hint
        current_app.logger.warning(hint)
    return error


def translated_text(message: str, **values: object) -> str:
    """A message in the owner's words, or as it is without them, with its values filled in."""
    words = str(current_app.config["TEXTS"].get(message, message)) if current_app else message
    try:
        return words.format(**values) if values else words
    except (IndexError, KeyError, ValueError):
        # The owner's words have another placeholder.
        return message.format(**values)


def response_for(error: HTTPException) -> ResponseReturnValue:
    """The response to an HTTP error inside a handler, by your `@app.errorhandler` if it exists."""
    response: ResponseReturnValue = call_method("handle_http_exception", error)
    return response


def default_response(error: HTTPException) -> Response:
    """The response to an error without a handler of your own: a page, JSON or the login page.

    An error that has a `response`, as in `NotFound(response=…)`, is answered by that.
    """
    if error.response is not None:
        return make_response(error.response)
    see_other = error.see_other if isinstance(error, ErrorResponse) else None
    if not prefers_html():
        response = _as_json(error)
    elif see_other:
        response = make_response(redirect(see_other, 303))
    else:
        response = _as_page(error) or _as_json(error)
    response.vary.add("Accept")
    return response


def prefers_html() -> bool:
    """Whether the client prefers a page to JSON, as a browser does when it opens an address."""
    accepted = request.accept_mimetypes
    return accepted["text/html"] > max(accepted[JSON], accepted[PROBLEM])


def init_app(app: Flask) -> None:
    app_state(app)[_HANDLERS] = {}
    # This handles the most general class, so each handler of the owner's comes first. It replaces
    # no handler of that class.
    if Exception not in app.error_handler_spec[None][None]:
        app.register_error_handler(Exception, _respond)
    app.after_request(_add_challenge)
    # Return 404 for `//` in a path: Werkzeug's HTML redirect would echo the Host.
    app.url_map.merge_slashes = False


def respond_by_default(app: Flask, kind: type[Exception], respond: ErrorHandler) -> None:
    """Answer errors of a class and of its subclasses, where no handler of the owner's does.

    Flask's `register_error_handler` would come before an owner's handler for a base class.
    """
    app_state(app)[_HANDLERS][kind] = respond


def _respond(error: Exception) -> ResponseReturnValue:
    """
    :raises Exception: the error itself, where plain Flask would find no handler for it.
    """
    if isinstance(error, HTTPException) and not _is_trapped(error):
        return default_response(error)
    handlers = app_state(current_app)[_HANDLERS]
    for kind in type(error).__mro__:
        if kind in handlers:
            return handlers[kind](error)
    raise error


def _is_trapped(error: HTTPException) -> bool:
    # Flask turns a crash into this error, and needs a response even where errors are trapped.
    is_of_a_crash = getattr(error, "original_exception", None) is not None
    return not is_of_a_crash and current_app.trap_http_exception(error)


@lru_cache
def _class_for(status: int) -> type[ErrorResponse]:
    if not 400 <= status <= 599:
        raise ValueError(f"{status} is no status of an error: write 400 to 599.")
    # Werkzeug has no class for some statuses, such as 402.
    of_werkzeug = default_exceptions.get(status, HTTPException)
    return type(f"Error{status}", (ErrorResponse, of_werkzeug), {"code": status})


def _as_json(error: HTTPException) -> Response:
    fields = error.fields if isinstance(error, ErrorResponse) else None
    # Programs compare the errors of a login, so these are not translated.
    message = _message(error) if view_options().credentials else translated_text(_message(error))
    reasons = {name: translated_text(reason) for name, reason in (fields or {}).items()}
    if shaped := shaped_response(error.code or 500, message, reasons):
        return _complete(shaped, error)
    hint = _hint(error)
    members = error.members if isinstance(error, ErrorResponse) else None
    body = {"error": message} | ({"fields": reasons} if reasons else {}) | (members or {})
    body |= {"hint": hint} if hint else {}
    return _complete(jsonify(body), error)


def _as_page(error: HTTPException) -> Response | None:
    """The page, without navigation if that fails. None if error.html is missing or fails too, as
    when a file that it names is deleted.
    """
    for navigation in (True, False) if _may_look_up_the_user(error) else (False,):
        try:
            page = _page(error, navigation=navigation)
            return None if page is None else _complete(make_response(page), error)
        except Exception:
            call_method("log_exception", sys.exc_info())
    return None


def _may_look_up_the_user(error: HTTPException) -> bool:
    # The database may be what failed, and a flood of requests must not query it.
    status = error.code or 500
    return _login_is_known() or (_may_link(error) and status < 500 and status != 429)


def _may_link(error: HTTPException) -> bool:
    return not isinstance(error, ErrorResponse) or error.links


def _login_is_known() -> bool:
    return LOGIN_LOOKED_UP in state_of(request)


def _page(error: HTTPException, *, navigation: bool) -> str | None:
    try:
        template = current_app.jinja_env.get_template("error.html")
    except TemplateNotFound:
        return None
    # Without navigation no context processor runs, since one may query the database.
    render = partial(render_template, template) if navigation else template.render
    return render(
        navigation=navigation,
        hint=_hint(error),
        links=_may_link(error),
        message=translated_text(_message(error)),
        name=_name(error),
        project_name=current_app.config["PROJECT_NAME"],
        request_id=request_id(state_of(request), request.environ),
        retry_after=dict(error.get_headers()).get("Retry-After"),
        status=error.code or 500,
    )


def _message(error: HTTPException) -> str:
    # The description of any other error may quote the request, so only its name is sent.
    return error.message if isinstance(error, ErrorResponse) else error.name


def _name(error: HTTPException) -> str:
    """The key of the words in error.html, never translated: the name of the status or a message."""
    message = _message(error)
    return error.name if message in PLAIN_MESSAGES.values() else message


def _hint(error: HTTPException) -> str | None:
    """The hint for the developer, in development: the error's, or the notes of the exception."""
    if current_app.config.get("PRODUCTION", True):
        return None
    if isinstance(error, ErrorResponse):
        return error.hint
    raised = getattr(error, "original_exception", None)
    return "\n".join(getattr(raised, "__notes__", [])) or None


def _complete(response: Response, error: HTTPException) -> Response:
    response.status_code = error.code or 500
    for name, value in error.get_headers():
        if name not in ("Content-Type", "Content-Length"):
            response.headers[name] = value
    return response


def _add_challenge(response: Response) -> Response:
    # RFC 9110 requires a challenge, with pages too; `Basic` would make browsers show a dialog.
    if response.status_code == 401:
        response.headers.setdefault("WWW-Authenticate", challenge())
    return response
