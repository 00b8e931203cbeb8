"""The options that decorators set on a view, for request handling and for commands.

A view may check a demand, such as a login, at each call, whatever decorators stand above it. One
without `functools.wraps` loses the options of a view. The check still runs, since it is in the
function that the decorator calls. What answers in place of that function, such as a form handler,
finds its demands by `demands_within`.
"""

import gc
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from functools import wraps
from inspect import iscoroutinefunction, unwrap
from types import CodeType, FrameType, FunctionType, GenericAlias, MethodType, ModuleType
from typing import Any, Literal, TypeVar

import flask
from flask import Blueprint, Flask, Request, current_app
from flask.views import View
from pydantic import BaseModel
from secure_flask.state import StateKey, state_of

Decorated = TypeVar("Decorated", bound=Callable[..., object])
# A model, or a list of one such as `list[Article]`, by media type; None for a type without a model.
Content = Mapping[str, type[BaseModel] | GenericAlias | None]

READS = frozenset({"GET", "HEAD"})
# The search for demands does not enter these, since they lead to every other view.
_NEVER_ENTERED = (Flask, Blueprint, ModuleType, CodeType, FrameType)


@dataclass(frozen=True, eq=False)
class Demand:
    """One closing mark on one function, compared by identity."""

    mark: str
    function: str
    # This function raises an exception if the caller of this request may not go on.
    check: Callable[["Demand"], None]

    def __call__(self) -> None:
        self.check(self)


@dataclass(frozen=True)
class ViewOptions:
    """The options of a view. The decorator of the same name sets most of these fields."""

    # Who may call the view. A view without a mark (None) needs a login unless the policy opens it.
    access: Literal["public", "login"] | None = None
    # Whether a closing mark is around `as_view` or on `dispatch_request`, where it closes the public
    # methods of the class too.
    closes_class: bool = False
    # The greatest age of the login in minutes.
    recent_login: int | None = None
    # The roles that the user must have, all of them.
    roles: tuple[str, ...] = ()
    # Whether a key for a machine may call the view: for GET and HEAD, or for all its methods.
    keys: Literal["read", "all"] | None = None
    # The checks of marks such as `@login_required`, which run at each call.
    demands: tuple[Demand, ...] = ()
    # Whether the view checks a password or another secret in the body, and limits failures.
    credentials: bool = False
    # The parameters of the address.
    query: type[BaseModel] | None = None
    # The request bodies that the view accepts, its response bodies by status, and other statuses.
    consumes: Content | None = None
    max_size: int | None = None
    responds: Mapping[int, Content] | None = None
    errors: tuple[int, ...] = ()
    # The limits, as in "60 per minute; 500 per day".
    limited: str | None = None
    probe: bool = False
    csrf_exempt: bool = False
    # The CSP directives that the view replaces.
    csp: Mapping[str, list[str]] | None = None

    def takes_key(self, method: str) -> bool:
        """Whether a key may send this method. A key is never a recent login."""
        marked = self.keys == "all" or (self.keys == "read" and method in READS)
        return marked and not self.recent_login


_DEFAULTS = ViewOptions()
# The view that handles a request, the method and the options for both.
_FOUND = StateKey[tuple[object, str, ViewOptions]]("view options")
# The marks that open a view, by the option that each sets.
_OPENING = {"access": "@public", "keys": "@keys_allowed", "csrf_exempt": "@csrf_exempt"}


def add_options(view: Decorated, **options: Any) -> Decorated:
    """Set options on a view, and keep those of its other decorators. Roles, demands and bodies
    add up. The lower of two ages of a login counts, and the stricter of two marks of keys.

    :raises TypeError: for a class or a blueprint, where nothing reads the mark; for a view that is
        marked both as public and as closed; for a bound method that a mark would open.
    """
    target = unwrap(view)
    if isinstance(target, type) or not callable(target):
        raise TypeError(
            f"{target!r} is no view: put this mark on each view of it, or on the methods of a class."
        )
    # Closed functions get the options too, since `functools.wraps` copies them from there.
    marked = closed_chain(view)
    _refuse_bound_method(marked, options)
    current = marked_options(view)
    if {current.access, options.get("access")} == {"public", "login"}:
        raise TypeError(
            f"{view.__qualname__} is marked @public, and also @login_required, @recent_login, "
            "@roles_required or @keys_allowed: remove one."
        )
    if "consumes" in options:
        options["consumes"] = {**(current.consumes or {}), **options["consumes"]}
    if "responds" in options:
        options["responds"] = _merged(current.responds or {}, options["responds"])
    # Flask sets `view_class` after it has applied `decorators`, so this mark is around `as_view`.
    if options.get("access") == "login" and hasattr(view, "view_class"):
        options["closes_class"] = True
    replaced = _replaced(current, options)
    for each in marked:
        vars(each)["view_options"] = replaced
    return view


def marked_options(view: object) -> ViewOptions:
    """The options that decorators set on a function, without the methods of a class-based view.

    They are read from the owner's function, where each mark sets them, in any order of decorators.
    """
    options: ViewOptions = getattr(closed_chain(view)[-1], "view_options", _DEFAULTS)
    return options


def options_of(view: object, method: str) -> ViewOptions:
    """The options of a view for one method; a class-based view's method may override them.

    Roles add up here too: a method demands those of its class and its own, unless it is public. A
    mark that opens a method counts only in the class that wrote it: a base cannot know what closes
    a subclass.
    """
    options = marked_options(view)
    view_class: type[View] | None = getattr(view, "view_class", None)
    if view_class is None:
        return options
    # Flask answers HEAD by `get` only where the class has no `head`.
    as_get = method == "HEAD" and not hasattr(view_class, "head")
    for name in ("dispatch_request", "get" if as_get else method.lower()):
        options = _with_method(options, view_class, name)
    return options


def view_options(request: Request = flask.request) -> ViewOptions:
    """The options of the view that handles a request; the defaults if no view does.

    They are found once a request, and again where code of the app replaces the view meanwhile.
    """
    handled = current_app.view_functions.get(request.endpoint or ""), request.method
    state = state_of(request)
    found = state.get(_FOUND)
    if found is None or found[0] is not handled[0] or found[1] != handled[1]:
        found = state[_FOUND] = (*handled, options_of(*handled))
    return found[2]


def is_automatic_options(request: Request) -> bool:
    """Whether Flask responds to this OPTIONS request by itself, with the methods of the route."""
    return request.method == "OPTIONS" and bool(
        getattr(request.url_rule, "provide_automatic_options", False)
    )


def qualified_name(view: Any, method: str) -> str:
    """The name of a view in the source, such as `app.pages.save` or `app.pages.Orders.post`."""
    written = written_view(view, method)
    name = getattr(written, "__qualname__", repr(written))
    return f"{getattr(written, '__module__', '')}.{name}"


def written_view(view: Any, method: str) -> Any:
    """The code of a view in the source: a function, a class, or its method for this HTTP method."""
    view_class: type[View] | None = getattr(view, "view_class", None)
    return getattr(view_class, method.lower(), view_class) or unwrap(view)


def close_view(view: Any, demand: Callable[[], None]) -> Any:
    """A function that checks the demand, then calls the view. It is async if the view is."""
    close = _close_coroutine_function if iscoroutinefunction(view) else _close_function
    return close(view, demand)


def closed_chain(view: Any) -> list[Any]:
    """A view and, where it is a closed function, what it calls, down to the owner's function."""
    chain = [view]
    while (below := view_below(chain[-1])) is not None:
        chain.append(below)
    return chain


def view_below(function: Any) -> Any:
    """The view that a closed function calls. None for other functions, or without `__wrapped__`."""
    closed = type(function) is FunctionType and function.__code__ in _CLOSED
    return vars(function).get("__wrapped__") if closed else None


def demands_within(view: Any, method: str) -> list[Demand]:
    """The demands of all marked functions that a view leads to; runs no code of the app."""
    view_class: type[View] | None = getattr(view, "view_class", None)
    waiting = [view, *_methods_of(view_class, method)]
    # The class of the view is not searched: only the methods above answer this request. The searched
    # objects are kept, so that no other object gets the id of one.
    seen: dict[int, object] = {id(view_class): view_class}
    found = []
    while waiting:
        each = waiting.pop()
        if id(each) not in seen:
            seen[id(each)] = each
            waiting += _parts_of(each)
            found += [each] if type(each) is Demand else []
    return found


def _merged(current: Mapping[int, Content], added: Mapping[int, Content]) -> Mapping[int, Content]:
    return {
        status: {**current.get(status, {}), **added.get(status, {})}
        for status in current.keys() | added.keys()
    }


def _with_method(options: ViewOptions, view_class: type[View], name: str) -> ViewOptions:
    changed = _changed(marked_options(getattr(view_class, name, None)))
    if name not in vars(view_class):
        changed = {each: changed[each] for each in changed if not _opens(each, changed)}
    if options.closes_class and changed.get("access") == "public":
        del changed["access"]
    # `dispatch_request` calls the other methods.
    if name == "dispatch_request" and changed.get("access") == "login":
        changed["closes_class"] = True
    return _replaced(options, changed)


def _opens(name: str, options: dict[str, Any]) -> bool:
    """Whether one of these options lets more callers in."""
    return name in _OPENING and options[name] != "login"


def _refuse_bound_method(views: Iterable[object], options: dict[str, Any]) -> None:
    """
    :raises TypeError: a mark on the method of one object would open that of every object.
    """
    marks = [_OPENING[name] for name in options if _opens(name, options)]
    bound = [view for view in views if isinstance(view, MethodType)]
    if marks and bound:
        raise TypeError(
            f"{marks[0]} on {bound[0].__qualname__}, which is bound to an object, would open this "
            "method of every object. For this object, mark a partial, and name the endpoint: "
            f'app.add_url_rule("/news", "news", {marks[0][1:]}(partial(news.show))). For every '
            f"object, write {marks[0]} above the method in the class."
        )


def _replaced(current: ViewOptions, options: dict[str, Any]) -> ViewOptions:
    opened = options.get("access") == "public"
    roles = set() if opened else {*current.roles, *options.get("roles", ())}
    demands = dict.fromkeys((*current.demands, *options.get("demands", ())))
    ages = filter(None, (current.recent_login, options.get("recent_login")))
    added: dict[str, Any] = {"roles": tuple(sorted(roles)), "demands": tuple(demands)}
    added["recent_login"] = min(ages, default=None)
    added["errors"] = tuple(dict.fromkeys((*current.errors, *options.get("errors", ()))))
    if current.keys == "read" and "keys" in options:
        added["keys"] = "read"
    return replace(current, **{**options, **added})


def _changed(options: ViewOptions) -> dict[str, Any]:
    values = {
        field.name: (getattr(options, field.name), field.default) for field in fields(options)
    }
    return {name: value for name, (value, default) in values.items() if value != default}


def _close_function(view: Any, demand: Callable[[], None]) -> Any:
    @wraps(view)
    def closed(*args: Any, **kwargs: Any) -> Any:
        demand()
        return view(*args, **kwargs)

    return closed


def _close_coroutine_function(view: Any, demand: Callable[[], None]) -> Any:
    @wraps(view)
    async def closed(*args: Any, **kwargs: Any) -> Any:
        demand()
        return await view(*args, **kwargs)

    return closed


def _methods_of(view_class: type[View] | None, method: str) -> list[Any]:
    names = ("dispatch_request", method.lower())
    return [getattr(view_class, name, None) for name in names] if view_class else []


def _parts_of(each: Any) -> list[Any]:
    """The objects that an object refers to, without the code and the globals of a function."""
    # The check asks type(), since isinstance() may run code of an object such as a proxy.
    if issubclass(type(each), _NEVER_ENTERED):
        return []
    if issubclass(type(each), type):
        return [vars(base) for base in each.__mro__] if issubclass(each, View) else []
    if type(each) is FunctionType:
        return [*_closed_over(each), vars(each), each.__defaults__, each.__kwdefaults__]
    return gc.get_referents(each)


def _closed_over(function: FunctionType) -> list[Any]:
    """The variables of a function, and of a method with `super()` the methods that it overrides."""
    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    # The class would lead to its other methods.
    owner = cells.pop("__class__", None)
    bases = owner.cell_contents.__mro__[1:] if owner else ()
    return [*cells.values(), *(vars(base).get(function.__name__) for base in bases)]


# The code marks a closed function: `functools.wraps` would copy an attribute to other functions.
_CLOSED = tuple(
    close(lambda: None, lambda: None).__code__
    for close in (_close_function, _close_coroutine_function)
)
