"""HTML forms, for views that opt in with `@consumes_form`; bodies.py reads them.

A form of any site can send these body types, so csrf.py requires a header by which the browser
says that this site sent it. A `FlaskForm` works as usual in these views.
Source: OWASP ASVS 3.5.1, 3.5.2, 15.2.2.
"""

from collections.abc import Callable
from functools import cache, partial, wraps
from typing import Any, overload

from flask import current_app
from flask.typing import ResponseReturnValue
from secure_flask.web.bodies import has_controls
from secure_flask.web.csrf import FORM_TYPES, is_consumed_form
from secure_flask.web.errors import translated_text
from secure_flask.web.view_options import Decorated, add_options, demands_within, options_of
from wtforms import Field, Form, ValidationError
from wtforms.validators import StopValidation


@overload
def consumes_form(view: Decorated) -> Decorated: ...
@overload
def consumes_form(*, max_size: int) -> Callable[[Decorated], Decorated]: ...
def consumes_form(
    view: Decorated | None = None, *, max_size: int | None = None
) -> Decorated | Callable[[Decorated], Decorated]:
    """Let forms post to this view: `@consumes_form`, or `@consumes_form(max_size=2**20)`.

    The view reads `request.form` and `request.files`. `max_size` limits the whole body, in bytes;
    the default is MAX_CONTENT_LENGTH. A form of another site gets 403, a larger body 413.
    """
    # Without `max_size`, the limit of another decorator stays.
    limits = {"max_size": max_size} if max_size else {}

    def decorate(view: Decorated) -> Decorated:
        return add_options(view, consumes=dict.fromkeys(FORM_TYPES), **limits)

    return decorate(view) if view else decorate


def or_form(handler: Callable[..., ResponseReturnValue]) -> Callable[[Decorated], Decorated]:
    """Let `handler` answer where the body is a form; the view below answers JSON.

    `@or_form(_log_in_by_form)`. The handler gets the parameters of the address, and no body. If it
    returns a page and not a redirect, it needs `@responds("text/html")`.

    :raises TypeError: at import, for a handler with a mark of access.
    """
    options = options_of(handler, "POST")
    if options.access:
        raise TypeError(
            f"{handler.__qualname__} is a form handler, where @login_required and its like do "
            "nothing: put the mark on the view below @or_form."
        )
    page = options.responds

    def decorate(view: Any) -> Any:
        # A decorator below may have lost a mark. The search waits for the first form, since the class
        # of a method is not complete here.
        find_demands = cache(partial(demands_within, view, "POST"))

        @wraps(view)
        def wrapped(*args: object, **kwargs: object) -> object:
            if not is_consumed_form():
                return current_app.ensure_sync(view)(*args, **kwargs)
            # The access marks of the view below apply to the handler too.
            for demand in find_demands():
                demand()
            return current_app.ensure_sync(handler)(*args, **kwargs)

        form = consumes_form(wrapped)
        return add_options(form, responds=page) if page else form

    return decorate


def one_line(form: Form, field: Field) -> None:
    """Refuse line breaks and tabs in a field, as `PlainText` does in JSON: a WTForms validator.

    `StringField("Title", [one_line, Length(max=100)])`. Put it first: if the field holds a file,
    the other validators do not run.

    :raises StopValidation: the field holds a file.
    :raises ValidationError: the text has control characters.
    """
    if not isinstance(field.data, str | None):
        field.data = ""
        raise StopValidation(translated_text("A file is no text."))
    if has_controls(field.data or ""):
        raise ValidationError(translated_text("Contains control characters."))
