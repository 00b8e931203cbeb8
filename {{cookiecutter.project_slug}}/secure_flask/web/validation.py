"""Validates JSON bodies against a model and refuses everything else with 400, or INVALID_STATUS.

A view receives only the members, types and lengths that its model declares. A refused body
is never echoed, so a mistyped password appears in no response and no log.
Source: OWASP ASVS 2.2.1, 15.3.3.
"""

from collections.abc import Callable
from functools import cache, wraps
from typing import Annotated, Any

from flask import current_app, request
from flask.views import View
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails
from secure_flask.web import strict_json
from secure_flask.web.errors import (
    PLAIN_MESSAGES,
    ErrorResponse,
    add_hint,
    error_response,
    plain_error,
    translated_text,
)
from secure_flask.web.view_options import Decorated, add_options, view_options
from wtforms import ValidationError as WrongField

MISSING = "Missing required fields"
MAX_REPORTED = 100  # wrong members: a short list in a request must not make a long response
# These messages of pydantic never quote the input; two of them quote the length of a list.
_SAFE_MESSAGES = {
    *("missing", "json_invalid"),
    *(
        "too_short",
        "too_long",
        "string_type",
        "string_too_short",
        "string_too_long",
        "string_pattern_mismatch",
    ),
    *("int_type", "int_from_float", "float_type", "finite_number", "bool_type", "multiple_of"),
    *("greater_than", "greater_than_equal", "less_than", "less_than_equal"),
    *("list_type", "dict_type", "model_type", "literal_error", "enum"),
    *("extra_forbidden", "uuid_type", "decimal_type", "decimal_parsing"),
    *("date_type", "datetime_type", "time_type", "date_parsing", "datetime_parsing"),
    *("time_parsing", "timezone_aware", "timezone_naive", "date_past", "date_future"),
    *("datetime_past", "datetime_future"),
}
CONTROLS = "Contains control characters"
_CONTROLS = r"\u0000-\u001f\u007f-\u009f"
_BLANKS = r"\u0020\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_NOT_BLANK = f"^[^{_CONTROLS}]*[^{_CONTROLS}{_BLANKS}][^{_CONTROLS}]*$"
_LINES = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$"

# PlainText is one line that is not blank. MultilineText may be empty, or have line breaks and
# tabs. Neither has other control characters, such as NUL, or half of a surrogate pair, which
# pydantic refuses.
PlainText = Annotated[str, Field(min_length=1, pattern=_NOT_BLANK)]
MultilineText = Annotated[str, Field(pattern=_LINES)]
_PLAIN_TEXT = TypeAdapter(PlainText, config={"hide_input_in_errors": True})


class Reason(WrongField):
    """Why a validator refuses a value. The client reads this, so it must not quote the value.

    It is a ValueError, as pydantic expects of a validator, and the ValidationError of WTForms.
    """

    def __init__(self, message: str) -> None:
        super().__init__(translated_text(message))


class Body(BaseModel):
    """The base class of request models: strict types, no unknown members.

    `class TaskBody(Body)` with `title: Annotated[PlainText, Field(max_length=100)]`, in characters.
    """

    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)


def validated(model: type[Body]) -> Callable[[Decorated], Decorated]:
    """Pass the JSON body to the view as its first argument, a `model`, or respond 400.

    `@validated(TaskBody)`. The 400 has `error` (str). For wrong members it has `fields` too, a dict
    with a reason (str) for each path, such as "seats.0.name". A view with `@takes_credentials`
    has no `fields`. Another media type gets 415.
    """

    def decorate(view: Any) -> Any:
        @wraps(view)
        def wrapped(*args: object, **kwargs: object) -> object:
            text = request.get_data()
            try:
                strict_json.require_one_meaning(text)
                body = model.model_validate_json(text)
            except ValidationError as error:
                raise refused_by_model(model, error) from None
            except ValueError:
                raise plain_error(400) from None
            # A method of a class-based view has `self` first.
            own = args[:1] if args and isinstance(args[0], View) else ()
            return current_app.ensure_sync(view)(*own, body, *args[len(own) :], **kwargs)

        return add_options(wrapped, consumes={"application/json": model})

    return decorate


def refused_by_model(model: type[BaseModel], error: ValidationError) -> ErrorResponse:
    """The exception for a body or a query that a model has refused, by names and reasons alone."""
    problems = error.errors(include_url=False)
    if problems[0]["type"] == "json_invalid":
        return plain_error(400)
    refused = error_response(
        current_app.config["INVALID_STATUS"],
        MISSING if any(map(_is_absent, problems)) else PLAIN_MESSAGES[400],
    )
    # A request with credentials gets no details: a password may be in the wrong member.
    if not view_options().credentials:
        refused.fields = {
            _path_of_field(model, each): _reason(each) for each in problems[:MAX_REPORTED]
        }
        if issubclass(model, Body):
            _name_undeclared(refused, model, problems)
    return refused


def safe_reasons(model: type[BaseModel] | None, error: ValidationError) -> str:
    """What is wrong with each member, for a developer, without values: "'seats.0.row' …; …"."""
    problems = error.errors(include_url=False, include_input=False)[:MAX_REPORTED]
    return "; ".join(
        f"{_path_for_developer(model, each)!r} {_safe_message(each)}" for each in problems
    )


def is_plain_text(text: str) -> bool:
    """Whether a text is valid as PlainText."""
    try:
        _PLAIN_TEXT.validate_python(text)
    except ValueError:
        return False
    return True


def _name_undeclared(
    refused: ErrorResponse, model: type[BaseModel], problems: list[ErrorDetails]
) -> None:
    """In development, name the members that the client sent and the model does not declare."""
    undeclared = [each for each in problems if each["type"] == "extra_forbidden"]
    if undeclared:
        names = ", ".join(repr(_path_for_developer(model, each)) for each in undeclared[:10])
        add_hint(refused, f"{model.__name__} declares no member {names}.")


def _path_of_field(model: type[BaseModel], problem: ErrorDetails) -> str:
    """The path of a member, as in "seats.0.name"; "" for the body as a whole.

    It contains only names that the model declares: the client chose any other name, which may be a
    password.
    """
    known = [each for each in problem["loc"] if isinstance(each, int) or each in _names(model)]
    return ".".join(map(str, known))


def _path_for_developer(model: type[BaseModel] | None, problem: ErrorDetails) -> str:
    """The path of a member, with the name of one that is not declared, and no key of a dict."""
    *above, last = problem["loc"] or ("",)
    if model is None:
        # The first name is a member of the model, whichever it is.
        return str(next(iter(problem["loc"]), ""))
    shown = [each for each in above if isinstance(each, int) or each in _names(model)]
    if isinstance(last, int) or last in _names(model) or problem["type"] == "extra_forbidden":
        shown.append(last)
    return ".".join(map(str, shown))


@cache
def _names(model: type[BaseModel]) -> frozenset[str]:
    schema = model.model_json_schema()
    objects = [schema, *schema.get("$defs", {}).values()]
    return frozenset(name for each in objects for name in each.get("properties", {}))


def _reason(problem: ErrorDetails) -> str:
    if _is_absent(problem):
        return "Required"
    context = problem.get("ctx", {})
    if context.get("pattern") in (_NOT_BLANK, _LINES):
        return CONTROLS
    if isinstance(context.get("error"), Reason):
        return str(context["error"])
    return _safe_message(problem)


def _safe_message(problem: ErrorDetails) -> str:
    message: str = problem["msg"]
    return message if problem["type"] in _SAFE_MESSAGES else "Not valid"


def _is_absent(problem: ErrorDetails) -> bool:
    """Whether a required member is missing, null, or a text that is blank."""
    sent = problem["input"]
    if problem["type"] == "string_type":
        return sent is None
    is_blank = isinstance(sent, str) and not sent.strip()
    return problem["type"] == "missing" or (is_blank and problem["type"].startswith("string_"))
