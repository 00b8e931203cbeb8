"""What the decorators of a view say about it, in one object that requests and commands read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from inspect import unwrap
from typing import Any, TypeVar

from flask import current_app, request
from flask.views import View
from pydantic import BaseModel

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
# Models by media type; None where no model says more.
Content = Mapping[str, type[BaseModel] | None]


@dataclass(frozen=True)
class ViewOptions:
    """Each field is set by the decorator of the same name, in the module that it belongs to."""

    login_required: bool = False
    # Bodies that it takes, and bodies and statuses that it answers.
    consumes: Content | None = None
    responds: Content | None = None
    status: int = 200
    errors: tuple[int, ...] = ()
    limited: bool = False
    probe: bool = False
    csrf_exempt: bool = False
    # The directives that it replaces.
    csp: Mapping[str, list[str]] | None = None


_NONE = ViewOptions()


def add_options(view: Decorated, **options: Any) -> Decorated:
    """Note options on a view, beside those of its other decorators.

    :raises TypeError: for a class, since a request calls one of its methods.
    """
    if isinstance(unwrap(view), type):
        raise TypeError(
            f"{unwrap(view).__name__} is a class: decorate its methods, or list the decorator in "
            "its attribute `decorators`."
        )
    vars(view)["view_options"] = replace(_noted_on(view), **options)
    return view


def options_of(view: Any, method: str) -> ViewOptions:
    """The options of a view for one method; those of a class-based view's method come on top."""
    options = _noted_on(view)
    view_class: type[View] | None = getattr(view, "view_class", None)
    if view_class is None:
        return options
    for name in ("dispatch_request", "get" if method == "HEAD" else method.lower()):
        noted = _noted_on(getattr(view_class, name, None))
        options = replace(options, **_changed(noted))
    return options


def view_options() -> ViewOptions:
    """The options of the view that the request is for; the defaults where there is none."""
    return options_of(current_app.view_functions.get(request.endpoint or ""), request.method)


def _noted_on(view: Any) -> ViewOptions:
    noted: ViewOptions = getattr(view, "view_options", _NONE)
    return noted


def _changed(options: ViewOptions) -> dict[str, Any]:
    values = {
        field.name: (getattr(options, field.name), field.default) for field in fields(options)
    }
    return {name: value for name, (value, default) in values.items() if value != default}
