"""Validates JSON bodies against a model and refuses everything else with 400.

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
                strict_json.loads(text)
                body = model.model_validate_json(text)
            except ValidationError as error:
                raise _refused_body(model, error) from None
            except ValueError:
                raise plain_error(400) from None
            # A method of a class-based view has `self` first.
            own = args[:1] if args and isinstance(args[0], View) else ()
            return current_app.ensure_sync(view)(*own, body, *args[len(own) :], **kwargs)

        return add_options(wrapped, consumes={"application/json": model})

    return decorate


def is_plain_text(text: str) -> bool:
    """Whether a text is valid as PlainText."""
    try:
        _PLAIN_TEXT.validate_python(text)
    except ValueError:
        return False
    return True


def _refused_body(model: type[Body], error: ValidationError) -> ErrorResponse:
    problems = error.errors(include_url=False)
    refused = error_response(
        400, MISSING if any(map(_is_absent, problems)) else PLAIN_MESSAGES[400]
    )
    # A body of credentials gets no details: a password may be in the wrong member.
    if not view_options().credentials:
        refused.fields = {
            _path_of_field(model, each): _reason(each) for each in problems[:MAX_REPORTED]
        }
    return refused


def _path_of_field(model: type[Body], problem: ErrorDetails) -> str:
    """The path of a member, as in "seats.0.name"; "" for the body as a whole.

    It contains only names that the model declares: the client chose any other name, which may be a
    password.
    """
    known = [each for each in problem["loc"] if isinstance(each, int) or each in _names(model)]
    return ".".join(map(str, known))


@cache
def _names(model: type[Body]) -> frozenset[str]:
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
    message: str = problem["msg"]
    return message if problem["type"] in _SAFE_MESSAGES else "Not valid"


def _is_absent(problem: ErrorDetails) -> bool:
    """Whether a required member is missing, null, or a text that is blank."""
    sent = problem["input"]
    if problem["type"] == "string_type":
        return sent is None
    is_blank = isinstance(sent, str) and not sent.strip()
    return problem["type"] == "missing" or (is_blank and problem["type"].startswith("string_"))
