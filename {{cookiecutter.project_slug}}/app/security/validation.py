"""Request bodies: read as JSON of exactly the declared shape, or refused with 400.

What a view receives has the types and lengths that its model names. Nothing of a
refused body is echoed, so a mistyped password stays out of answers and logs.
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
    """A required text is empty or all spaces."""


class Body(BaseModel):
    """The base of every request model: strict types, no unknown members."""

    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)


def validated(model: type[Body]) -> Callable[[Decorated], Decorated]:
    """Give the view its JSON body as a `model`, its first argument, or answer 400.

    :raises TypeError: at import, for a view that has no such argument.
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
                words = MISSING if _lacks_a_field(error) else INVALID
                raise error_response(400, words) from None
            except ValueError:
                raise error_response(400, INVALID) from None
            # Of a class-based view the object comes first.
            own = args[:1] if args and isinstance(args[0], View) else ()
            return current_app.ensure_sync(view)(*own, body, *args[len(own) :], **kwargs)

        return add_options(wrapped, consumes={"application/json": model})

    return decorate


def plain_text(text: str) -> str:
    """Refuse blank text and control characters, NUL and lone surrogates among them.

    :raises ValueError: Blank for the first.
    """
    if not text.strip():
        raise Blank
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise ValueError("control characters")
    return text


# What plain_text lets through, as a JSON Schema says it. Lone surrogates are left out:
# few programs can hold one, and fewer can name one in a pattern.
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
            f"@validated gives {view.__qualname__} its body as the first argument, and it takes "
            "none: add one. In a class-based view, decorate the method."
        ) from None


def _log_for_developers(error: ValidationError) -> None:
    if not current_app.config["PRODUCTION"]:
        slips = [(*_declared(slip), slip["type"]) for slip in error.errors(include_url=False)]
        current_app.logger.info("refused body: %s", slips)


def _declared(problem: Any) -> tuple[int | str, ...]:
    # What an unknown member is called is the client's word, and may be a password.
    place: tuple[int | str, ...] = problem["loc"]
    return place[:-1] if problem["type"] == "extra_forbidden" else place


def _lacks_a_field(error: ValidationError) -> bool:
    return any(map(_is_absent, error.errors(include_url=False)))


def _is_absent(problem: Any) -> bool:
    blank = isinstance(problem.get("ctx", {}).get("error"), Blank)
    null = problem["type"] == "string_type" and problem["input"] is None
    return blank or null or problem["type"] == "missing"
