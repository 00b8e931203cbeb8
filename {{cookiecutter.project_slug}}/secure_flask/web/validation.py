"""Validates JSON bodies against a model and refuses everything else with 400.

A view receives only the members, types and lengths that its model declares. A refused body
is never echoed, so a mistyped password appears in no response and no log.
Source: OWASP ASVS 2.2.1, 15.3.3.
"""

import unicodedata
from collections.abc import Callable
from functools import cache, wraps
from inspect import signature
from typing import Annotated, Any

from flask import current_app
from flask.views import View
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.config import JsonDict
from secure_flask.web import strict_json
from secure_flask.web.bodies import INVALID, read_body
from secure_flask.web.errors import ErrorResponse, error_response
from secure_flask.web.view_options import Decorated, add_options, view_options

MISSING = "Missing required fields"
MAX_REPORTED = 100  # wrong members: a short list in a request must not make a long response
# The messages of pydantic that never quote the input.
_SAFE_MESSAGES = {
    *("string_type", "string_too_short", "string_too_long", "string_pattern_mismatch"),
    *("int_type", "int_from_float", "float_type", "finite_number", "bool_type", "multiple_of"),
    *("greater_than", "greater_than_equal", "less_than", "less_than_equal"),
    *("list_type", "dict_type", "model_type", "literal_error", "enum"),
    *("extra_forbidden", "uuid_type", "decimal_type", "decimal_parsing"),
    *("date_type", "datetime_type", "time_type", "date_parsing", "datetime_parsing"),
    *("time_parsing", "timezone_aware", "timezone_naive", "date_past", "date_future"),
    *("datetime_past", "datetime_future"),
}
# pydantic's words for these quote the length that was sent, and call characters items.
_LENGTHS = {
    "too_short": "Should have at least {min_length} {unit}",
    "too_long": "Should have at most {max_length} {unit}",
}


class Blank(ValueError):
    """A required text is empty or contains only spaces."""


class Reason(ValueError):
    """Why a validator refuses a value, in words for the client: without the value."""


class Body(BaseModel):
    """The base class of request models: strict types, no unknown members."""

    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)


def validated(model: type[Body]) -> Callable[[Decorated], Decorated]:
    """Pass the JSON body to the view as its first argument, a `model`, or respond 400.

    :raises TypeError: at import, for a view without such an argument.
    """

    def decorate(view: Any) -> Any:
        _require_argument(view)

        @wraps(view)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            text = read_body()
            try:
                strict_json.loads(text)
                body = model.model_validate_json(text)
            except ValidationError as error:
                raise _refused(model, error) from None
            except ValueError:
                raise error_response(400, INVALID) from None
            # In a method of a class-based view `self` comes first.
            own = args[:1] if args and isinstance(args[0], View) else ()
            return current_app.ensure_sync(view)(*own, body, *args[len(own) :], **kwargs)

        return add_options(wrapped, consumes={"application/json": model})

    return decorate


def plain_text(text: str) -> str:
    """Refuse blank text, control characters (NUL included) and lone surrogates.

    :raises Blank: the text is blank.
    :raises ValueError: it contains a forbidden character.
    """
    if not text.strip():
        raise Blank
    return _without_controls(text)


def text_lines(text: str) -> str:
    """The same but for line breaks and tabs, and the text may be blank."""
    return _without_controls(text, but="\r\n\t")


# The rule of plain_text as a JSON Schema pattern. It omits lone surrogates, since most
# programs can neither represent one nor match one in a pattern.
_CONTROLS = r"\u0000-\u001f\u007f-\u009f"
_BLANKS = r"\u0020\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
PATTERN = f"^[^{_CONTROLS}]*[^{_CONTROLS}{_BLANKS}][^{_CONTROLS}]*$"

_SCHEMA: JsonDict = {"minLength": 1, "pattern": PATTERN}
# The same with line breaks and tabs, and it may be empty.
_LINES_SCHEMA: JsonDict = {"pattern": r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$"}

Text = Annotated[str, AfterValidator(text_lines), Field(json_schema_extra=_LINES_SCHEMA)]
PlainText = Annotated[str, AfterValidator(plain_text), Field(json_schema_extra=_SCHEMA)]


def _without_controls(text: str, but: str = "") -> str:
    for character in text:
        if unicodedata.category(character) in ("Cc", "Cs") and character not in but:
            raise Reason("Contains control characters")
    return text


def _require_argument(view: Callable[..., Any]) -> None:
    try:
        signature(view).bind_partial(object())
    except TypeError:
        raise TypeError(
            f"@validated gives {view.__qualname__} its body as the first argument, but the view "
            "takes none: add one. In a class-based view, decorate the method."
        ) from None


def _refused(model: type[Body], error: ValidationError) -> ErrorResponse:
    problems = error.errors(include_url=False)
    refused = error_response(400, MISSING if any(map(_is_absent, problems)) else INVALID)
    # A body of credentials gets no details: a password may be in the wrong member.
    if not view_options().credentials:
        refused.fields = {_path(model, each): _reason(each) for each in problems[:MAX_REPORTED]}
    return refused


def _path(model: type[Body], problem: Any) -> str:
    """The path of a member, as in "seats.0.name"; "" for the body as a whole.

    It contains only names that the model declares: the client chose any other, and it may be
    a password.
    """
    known = [each for each in problem["loc"] if isinstance(each, int) or each in _names(model)]
    return ".".join(map(str, known))


@cache
def _names(model: type[Body]) -> frozenset[str]:
    schema = model.model_json_schema()
    objects = [schema, *schema.get("$defs", {}).values()]
    return frozenset(name for each in objects for name in each.get("properties", {}))


def _reason(problem: Any) -> str:
    if _is_absent(problem):
        return "Required"
    context = problem.get("ctx", {})
    if isinstance(context.get("error"), Reason):
        return str(context["error"])
    if problem["type"] in _LENGTHS:
        unit = "characters" if isinstance(problem["input"], str) else "items"
        return _LENGTHS[problem["type"]].format(**context, unit=unit)
    message: str = problem["msg"]
    return message if problem["type"] in _SAFE_MESSAGES else "Not valid"


def _is_absent(problem: Any) -> bool:
    blank = isinstance(problem.get("ctx", {}).get("error"), Blank)
    null = problem["type"] == "string_type" and problem["input"] is None
    return blank or null or problem["type"] == "missing"
