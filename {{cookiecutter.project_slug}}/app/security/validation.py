"""Validates JSON bodies against a model and refuses everything else with 400.

A view receives only the members, types and lengths that its model declares. A refused body
is never echoed, so a mistyped password appears in no response and no log.
Source: OWASP ASVS 2.2.1, 15.3.3.
"""

import unicodedata
from collections.abc import Callable
from functools import wraps
from inspect import signature
from typing import Annotated, Any

from flask import current_app
from flask.views import View
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.config import JsonDict

from app.security.bodies import INVALID, read_body, read_json
from app.security.errors import error_response
from app.security.view_options import Decorated, add_options

MISSING = "Missing required fields"


class Blank(ValueError):
    """A required text is empty or contains only spaces."""


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
                read_json(text)
                body = model.model_validate_json(text)
            except ValidationError as error:
                _log_for_developers(error)
                message = MISSING if _has_missing_field(error) else INVALID
                raise error_response(400, message) from None
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
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise ValueError("control characters")
    return text


# The rule of plain_text as a JSON Schema pattern. It omits lone surrogates, since most
# programs can neither represent one nor match one in a pattern.
_CONTROLS = r"\u0000-\u001f\u007f-\u009f"
_BLANKS = r"\u0020\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
PATTERN = f"^[^{_CONTROLS}]*[^{_CONTROLS}{_BLANKS}][^{_CONTROLS}]*$"

_SCHEMA: JsonDict = {"minLength": 1, "pattern": PATTERN}

PlainText = Annotated[str, AfterValidator(plain_text), Field(json_schema_extra=_SCHEMA)]


def _require_argument(view: Callable[..., Any]) -> None:
    try:
        signature(view).bind_partial(object())
    except TypeError:
        raise TypeError(
            f"@validated gives {view.__qualname__} its body as the first argument, but the view "
            "takes none: add one. In a class-based view, decorate the method."
        ) from None


def _log_for_developers(error: ValidationError) -> None:
    if not current_app.config["PRODUCTION"]:
        problems = [(*_location(each), each["type"]) for each in error.errors(include_url=False)]
        current_app.logger.info("refused body: %s", problems)


def _location(problem: Any) -> tuple[int | str, ...]:
    # Without the name of an unknown member: the client chose it, and it may be a password.
    location: tuple[int | str, ...] = problem["loc"]
    return location[:-1] if problem["type"] == "extra_forbidden" else location


def _has_missing_field(error: ValidationError) -> bool:
    return any(map(_is_absent, error.errors(include_url=False)))


def _is_absent(problem: Any) -> bool:
    blank = isinstance(problem.get("ctx", {}).get("error"), Blank)
    null = problem["type"] == "string_type" and problem["input"] is None
    return blank or null or problem["type"] == "missing"
