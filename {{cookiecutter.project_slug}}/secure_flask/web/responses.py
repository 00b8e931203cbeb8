"""`@responds` and `@consumes`: the bodies of a view, for its requests, its responses and OpenAPI.

A view returns the model that `@responds` declares. In development and tests each successful JSON
body of such a view is compared with the declared model, so that the code and `/openapi.json` agree.
Production only sends it.
Source: OWASP API Security Top 10, API3:2023; OWASP ASVS 15.3.1.
"""

from collections.abc import AsyncIterable, Awaitable, Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cache
from typing import (
    TYPE_CHECKING,
    Any,
    Literal,
    NoReturn,
    ParamSpec,
    Protocol,
    TypeAlias,
    TypeVar,
    get_args,
    get_origin,
    overload,
)

from flask import Flask, Response, current_app, has_request_context, request
from flask.typing import HeadersValue
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, to_json
from secure_flask.state import StateKey, state_of
from secure_flask.web.csrf import SENT_BY_FORMS
from secure_flask.web.errors import add_hint, error_response, respond_by_default, response_for
from secure_flask.web.flask_hooks import replace_method
from secure_flask.web.validation import safe_reasons
from secure_flask.web.view_options import (
    Content,
    Decorated,
    add_options,
    is_automatic_options,
    qualified_name,
    view_options,
)
from werkzeug.sansio.response import Response as AnyResponse

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

JSON = "application/json"

Parameters = ParamSpec("Parameters")
Sent = TypeVar("Sent", bound="ResponseBody | list[Any]")
# A model that this `@responds` does not declare. Another one above it may; a route refuses it.
Undeclared = TypeVar("Undeclared", bound="ResponseBody | tuple[ResponseBody, int]")
Value = TypeVar("Value")
# What a view may return beside the model. Flask's own type has `list[Any]`, which any list fits.
Unmodelled: TypeAlias = (
    AnyResponse
    | str
    | bytes
    | list[dict[str, Any]]
    | Mapping[str, Any]
    | Iterator[str]
    | Iterator[bytes]
    | AsyncIterable[str]
    | AsyncIterable[bytes]
)
Answer: TypeAlias = (
    Value
    | tuple[Value, HeadersValue]
    | tuple[Value, int]
    | tuple[Value, int, HeadersValue]
    | "WSGIApplication"
)

# The response of this request that was made of a model, its text, and the model or list.
_SENT = StateKey[tuple[Response, bytes, object]]("sent model")


def _drop_defaults(schema: dict[str, Any]) -> None:
    # A response that is made of a dict has no defaults. Client generators would read a default as a
    # promise that the member is there.
    for member in schema.get("properties", {}).values():
        member.pop("default", None)


class ResponseBody(BaseModel):
    """The base class of response models, without undeclared members: `class Me(ResponseBody)`.

    `return Me.model_validate(user)` takes the members from the attributes of a row. A response may
    lack a member with a default. A wrong value raises `pydantic.ValidationError`, which is a 500.
    """

    model_config = ConfigDict(
        extra="forbid",
        from_attributes=True,
        hide_input_in_errors=True,
        json_schema_extra=_drop_defaults,
    )


class LoginResponse(ResponseBody):
    """The body of a login, such as `LoginResponse(token_type="session", expires_in=43200)`.

    `token_type` is "session" for a login by cookie, which has no `token`, or the first of
    TOKEN_SCHEMES, "Bearer". `expires_in` is in seconds. Only signed tokens have a `refresh_token`.
    """

    token: str = ""
    token_type: str
    expires_in: int  # seconds
    refresh_token: str = ""


class SecondFactorRequired(ResponseBody):
    """The password was right, and nobody is logged in before the second factor is shown."""

    tf_required: Literal[True]
    factors: list[str]
    tf_token: str


class Declares(Protocol[Sent]):
    """What `@responds(Model)` returns: a type checker refuses a view that returns another model."""

    @overload
    def __call__(
        self, view: Callable[Parameters, Answer[Sent | Unmodelled] | Undeclared]
    ) -> Callable[Parameters, Response | Undeclared]: ...
    @overload
    def __call__(
        self, view: Callable[Parameters, Awaitable[Answer[Sent | Unmodelled] | Undeclared]]
    ) -> Callable[Parameters, Awaitable[Response | Undeclared]]: ...


@overload
def responds(body: type[Sent], *errors: int, status: int = 200) -> Declares[Sent]: ...
@overload
def responds(
    body: str | None, *errors: int, status: int = 200
) -> Callable[[Decorated], Decorated]: ...
def responds(body: type[Sent] | str | None, *errors: int, status: int = 200) -> Any:
    """Declare the responses of a view: `@responds(Me)`, `@responds("text/html")`, `@responds(None)`.

    The view returns an instance of the model, or a list for `@responds(list[Me])`; a dict may have
    the same members. A text is a media type; `None` declares 204, a response without a body.
    `status` is the HTTP status of success, which a returned model gets by itself, and each of
    `errors` the status of a failure: `@responds("text/html", status=303)` is a redirect. Write one
    line for each model: `@responds(Created, status=201)` above `@responds(Changed)`.

    In development and tests an answer of another shape is a 500, and `hint` names the view and the
    member.

    :raises TypeError: at import, the body is no subclass of ResponseBody, no list of one, no text
        and not None.
    """
    content: Content = {}
    if body:
        content = {body: None} if isinstance(body, str) else {JSON: _require_model(body)}
    status = status if content else 204
    return lambda view: add_options(view, responds={status: content}, errors=errors)


def consumes(*media_types: str, max_size: int | None = None) -> Callable[[Decorated], Decorated]:
    """Declare the body types that a view reads itself: `@consumes("application/octet-stream")`.

    `max_size` is in bytes; the default is MAX_CONTENT_LENGTH. Other types get 415, a larger body
    413.

    :raises ValueError: for a type that a form on any site can send, such as text/plain.
    """
    for media_type in SENT_BY_FORMS.intersection(media_types):
        raise ValueError(
            f"@consumes({media_type!r}): a form of any site can send that. Write @consumes_form, "
            "which checks where a form comes from, or @csrf_exempt for a program that proves who it "
            "is by a signature."
        )
    # Without `max_size`, the limit of another decorator stays.
    limits = {"max_size": max_size} if max_size else {}
    return lambda view: add_options(view, consumes=dict.fromkeys(media_types), **limits)


def init_app(app: Flask) -> None:
    replace_method(app, "make_response", _make_response)
    if not app.config["PRODUCTION"]:
        app.after_request(_refuse_undeclared)
        respond_by_default(app, ValidationError, _name_failed_model)


def model_of(declared: Any) -> type[ResponseBody]:
    """The model that is declared, also if a list of it is."""
    model: type[ResponseBody] = get_args(declared)[0] if get_origin(declared) is list else declared
    return model


def _require_model(body: Any) -> Any:
    """
    :raises TypeError: it is neither a subclass of ResponseBody nor a list of one.
    """
    model = model_of(body)
    if get_origin(model) or not (isinstance(model, type) and issubclass(model, ResponseBody)):
        raise TypeError(
            f"@responds({body!r}): write a subclass of ResponseBody, a list of one such as "
            "list[Me], a media type, or None."
        )
    return body


def _make_response(make: Callable[..., Response], *arguments: Any) -> Response:
    """Make the response of what a view or a handler returns; a model becomes JSON first."""
    *context, returned = arguments
    body, *others = returned if isinstance(returned, tuple) and returned else (returned,)
    if has_request_context() and _is_made_of_models(body):
        status = next((each for each in others if isinstance(each, int)), None)
        response = _response_of_model(body, status)
        returned = (response, *others) if others else response
    return make(*context, returned)


def _is_made_of_models(body: object) -> bool:
    """Whether it is a model or a list of nothing else, such as an empty one.

    Any other model, such as one of a request, is no answer: Flask refuses it.
    """
    if isinstance(body, list):
        return all(isinstance(each, ResponseBody) for each in body)
    return isinstance(body, ResponseBody)


def _response_of_model(body: object, status: int | None) -> Response:
    declared = _declarations_of(body, status)
    text = _dump(body, declared[0][1]) if declared else to_json(body)
    response = current_app.response_class(text, mimetype=JSON)
    # Where several statuses declare the model, the view says which.
    if len(declared) == 1:
        response.status_code = declared[0][0]
    state_of(request)[_SENT] = (response, text, body)
    return response


def _dump(body: object, declared: Any) -> bytes:
    """The JSON of a body, with the members of the declared model alone, also of a subclass.

    :raises TypeError: a view has put something else into the model since it was built.
    """
    try:
        return _adapter(declared).dump_json(body, by_alias=True, warnings="error")
    except PydanticSerializationError:
        # Its message quotes the value.
        returned = _name(declared)
    raise TypeError(f"{_view()} returned a {returned} that holds what the model does not declare.")


def _declarations_of(body: object, status: int | None) -> list[tuple[int, Any]]:
    """The statuses of this view that declare the model of a body, and how they declare it.

    If the view returned one of these statuses, it alone counts. Otherwise a model that is declared
    itself comes before the class that it inherits from.
    """
    declared = view_options().responds or {}
    fitting = [
        (each, content[JSON])
        for each, content in declared.items()
        if content.get(JSON) and _fits(body, content[JSON])
    ]
    chosen = [each for each in fitting if each[0] == status]
    itself = [each for each in fitting if each[1] is type(body)]
    return chosen or itself or fitting


def _fits(body: object, declared: Any) -> bool:
    if get_origin(declared) is not list:
        return isinstance(body, _allowed(declared))
    return isinstance(body, list) and all(isinstance(each, model_of(declared)) for each in body)


def _allowed(declared: Any) -> Any:
    # Each view that logs in may find that the second factor is missing.
    return LoginResponse | SecondFactorRequired if declared is LoginResponse else declared


@cache
def _adapter(declared: Any) -> TypeAdapter[Any]:
    return TypeAdapter(_allowed(declared))


def _refuse_undeclared(response: Response) -> Response:
    """In development and tests, replace an answer that `@responds` does not declare by a 500."""
    options = view_options()
    declared = options.responds or {}
    if response.status_code in options.errors or not _is_comparable(response, declared):
        return response
    difference = _difference(response, declared)
    if difference is None:
        return response
    error = add_hint(error_response(500, "Internal Server Error"), f"{_view()} {difference}.")
    return current_app.make_response(response_for(error))


def _is_comparable(response: Response, declared: Mapping[int, Content]) -> bool:
    """Whether a response is a whole body of a view that declares a model."""
    if request.method == "HEAD" or is_automatic_options(request):
        return False
    # A redirect and an error have other bodies. A stream or a file would be read here as a whole.
    is_whole = not (response.is_streamed or response.direct_passthrough)
    is_success = 200 <= response.status_code < 300 and "Content-Encoding" not in response.headers
    has_model = any(model for content in declared.values() for model in content.values())
    return has_model and is_success and is_whole


def _difference(response: Response, declared: Mapping[int, Content]) -> str | None:
    """What of a response is not declared, without its values; None if all is."""
    content = declared.get(response.status_code)
    if content is None:
        statuses = " and ".join(map(str, sorted(declared)))
        return f"answers {response.status_code}, and @responds declares {statuses}"
    kind = next((each for each in content if fnmatchcase(response.mimetype or "", each)), None)
    if kind is None:
        # A 204 declares no media type, since it has no body.
        types = " and ".join(content)
        return f"answers {response.mimetype}, and @responds declares {types}" if types else None
    return _difference_of_body(response, content[kind]) if content[kind] else None


def _difference_of_body(response: Response, declared: Any) -> str | None:
    text = response.get_data()
    made_of = state_of(request).get(_SENT)
    if made_of and made_of[:2] == (response, text):
        return None if _fits(made_of[2], declared) else _difference_of_model(made_of[2], declared)
    try:
        # Strict types: a client in another language reads "1" as a text.
        _adapter(declared).validate_json(text, strict=True)
    except ValidationError as error:
        return f"answers no {_name(declared)}: {safe_reasons(model_of(declared), error)}"
    return None


def _difference_of_model(body: object, declared: Any) -> str:
    returned = _name(type(body))
    if isinstance(body, list):
        returned = " and ".join(sorted({type(each).__name__ for each in body}))
        returned = f"a list of {returned} (write @responds(list[{returned}]))"
    return f"returns {returned}, and @responds declares {_name(declared)}"


def _name_failed_model(error: ValidationError) -> NoReturn:
    """In development and tests, note where a model could not be built, without values.

    :raises ValidationError: the error.
    """
    error.add_note(f"{_view()} builds no {error.title}: {safe_reasons(None, error)}.")
    raise error


def _name(declared: Any) -> str:
    model = model_of(declared).__name__
    return model if model_of(declared) is declared else f"list[{model}]"


def _view() -> str:
    return qualified_name(current_app.view_functions.get(request.endpoint or ""), request.method)
