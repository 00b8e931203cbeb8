"""Ways to register a view that a closing mark protects, those that lose the mark among them.

Each takes an app, the mark, and a view; the endpoint is called `probe`, at `/probe/a`.
"""

import copy
from collections.abc import Callable
from functools import cached_property, partial, singledispatch, update_wrapper, wraps
from types import FunctionType
from typing import Any, NamedTuple

import pytest
from flask import Blueprint, Flask, request
from flask.views import MethodView, View
from secure_flask.auth.access import public
from secure_flask.web.forms import or_form
from werkzeug.utils import import_string

AnyView = Callable[..., Any]
Mark = Callable[[Any], Any]
Register = Callable[[Flask, Mark, AnyView], None]

ENDPOINT, RULE, PATH = "probe", "/probe/<word>", "/probe/a"
METHODS = ["GET", "POST"]


class Way(NamedTuple):
    register: Register
    # Whether the endpoint hides the mark, which the check before the view then does not know.
    hides: bool


def add(app: Any, view: AnyView, endpoint: str = ENDPOINT) -> None:
    app.add_url_rule(RULE, endpoint, view, methods=METHODS)


def lossy(view: AnyView) -> AnyView:
    return lambda *args, **kwargs: view(*args, **kwargs)


def by_default(view: AnyView) -> AnyView:
    def lost(word: str, view: AnyView = view) -> Any:
        return view(word=word)

    return lost


def by_named_default(view: AnyView) -> AnyView:
    def lost(word: str, *, view: AnyView = view) -> Any:
        return view(word=word)

    return lost


def with_wraps(view: AnyView) -> AnyView:
    return wraps(view)(lossy(view))


def names_only(view: AnyView) -> AnyView:
    return update_wrapper(lossy(view), view, updated=())


def caching(view: AnyView) -> AnyView:
    """A cache without `wraps`, which answers everybody without calling the view again."""
    kept: dict[str, Any] = {}

    def answer(word: str) -> Any:
        if word not in kept:
            kept[word] = view(word=word)
        return kept[word]

    return answer


def caching_with_wraps(view: AnyView) -> AnyView:
    return wraps(view)(caching(view))


def lossy_coroutine(view: AnyView) -> AnyView:
    async def lost(**kwargs: Any) -> Any:
        return await view(**kwargs)

    return lost


class Called:
    """A callable object."""

    def __init__(self, view: AnyView) -> None:
        self.view = view

    def __call__(self, **kwargs: Any) -> Any:
        return self.view(**kwargs)


class CalledWithSlots(Called):
    __slots__ = ("view",)


class LazyView:
    """Source: Flask's documentation, "Lazily Loading Views"."""

    def __init__(self, import_name: str) -> None:
        self.import_name = import_name

    @cached_property
    def view(self) -> AnyView:
        found: AnyView = import_string(self.import_name)
        return found

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.view(*args, **kwargs)


def lazy(app: Flask, mark: Mark, view: AnyView) -> None:
    globals()["lazily_loaded"] = mark(view)
    add(app, LazyView(f"{__name__}.lazily_loaded"))


def registry(app: Flask, mark: Mark, view: AnyView) -> None:
    kept: dict[str, AnyView] = {}

    def register(each: AnyView) -> AnyView:
        kept["view"] = each
        return lambda **kwargs: kept["view"](**kwargs)

    add(app, register(mark(view)))


def singledispatch_of(view: AnyView) -> AnyView:
    function = singledispatch(view)
    # It looks at the first argument by position, and Flask passes names.
    return wraps(function)(lambda word: function(word))


def method_view(view: AnyView, of_method: Mark = lambda view: view, **members: Any) -> Any:
    """A class whose `get` is the view."""

    def get(self: MethodView, **kwargs: Any) -> Any:
        return view(**kwargs)

    return type("Probe", (MethodView,), {"get": of_method(get), **members})


def plain_view(view: AnyView, of_method: Mark = lambda view: view) -> Any:
    def dispatch_request(self: View, **kwargs: Any) -> Any:
        return view(**kwargs)

    return type("Probe", (View,), {"dispatch_request": of_method(dispatch_request)})


def with_public_get(view: AnyView, **members: Any) -> Any:
    """A class that everybody may read."""
    return method_view(view, public, **members)


def by_subclass(mark: Mark, view: AnyView) -> Any:
    return type("Sub", (with_public_get(view),), {"decorators": [mark]})


def by_mixin(mark: Mark, view: AnyView) -> Any:
    mixin = type("Closing", (), {"decorators": [mark]})
    return type("Sub", (mixin, with_public_get(view)), {})


def marked_dispatch(mark: Mark) -> dict[str, Any]:
    """The members of a class or mixin whose mark is on the method that calls the others."""

    def dispatch_request(self: Any, **kwargs: Any) -> Any:
        return getattr(self, request.method.lower())(**kwargs)

    return {"dispatch_request": mark(dispatch_request)}


def by_dispatching_mixin(mark: Mark, view: AnyView) -> Any:
    mixin = type("Closing", (), marked_dispatch(mark))
    return type("Sub", (mixin, with_public_get(view)), {})


def around_as_view(app: Flask, mark: Mark, view: AnyView) -> None:
    add(app, mark(with_public_get(view).as_view(ENDPOINT)))


def public_after_mark_around_as_view(app: Flask, mark: Mark, view: AnyView) -> None:
    orders: Any = method_view(view)
    marked = mark(orders.as_view(ENDPOINT))
    public(orders.get)
    add(app, marked)


def subclass(app: Flask, mark: Mark, view: AnyView) -> None:
    marked: Any = method_view(view, mark)

    class Sub(marked):
        def get(self, **kwargs: Any) -> Any:
            return super().get(**kwargs)

    add(app, Sub.as_view("probe"))


def static_method(app: Flask, mark: Mark, view: AnyView) -> None:
    add(app, method_view(view, get=mark(staticmethod(view))).as_view("probe"))


def class_method(app: Flask, mark: Mark, view: AnyView) -> None:
    get = classmethod(lambda cls, **kwargs: view(**kwargs))
    add(app, method_view(view, get=mark(get)).as_view("probe"))


def coroutine_of(view: AnyView) -> AnyView:
    async def answer(word: str) -> Any:
        return view(word=word)

    return answer


def clone(function: Any) -> AnyView:
    parts = function.__code__, function.__globals__, function.__name__
    return FunctionType(*parts, function.__defaults__, function.__closure__)


def blueprint(app: Flask, mark: Mark, view: AnyView) -> None:
    probes = Blueprint("probes", __name__)
    add(probes, lossy(mark(view)))
    app.register_blueprint(probes)


def recorded(app: Flask, mark: Mark, view: AnyView) -> None:
    probes = Blueprint("probes", __name__)
    probes.record(lambda state: add(state.app, lossy(mark(view))))
    app.register_blueprint(probes)


def replaced(app: Flask, mark: Mark, view: AnyView) -> None:
    add(app, mark(view))
    app.view_functions[ENDPOINT] = lossy(mark(view))


def replaced_late(app: Flask, mark: Mark, view: AnyView) -> None:
    add(app, mark(view))
    app.test_client().get("/healthz")
    app.view_functions[ENDPOINT] = lossy(mark(view))


def marked_later(app: Flask, mark: Mark, view: AnyView) -> None:
    add(app, view)
    mark(view)


def above_route(app: Flask, mark: Mark, view: AnyView) -> None:
    mark(app.route(RULE, endpoint=ENDPOINT, methods=METHODS)(view))


def listed(app: Flask, mark: Mark, view: AnyView) -> None:
    # As if it stood in the policy, which is frozen by now.
    dict.update(app.config, PUBLIC_ENDPOINTS={ENDPOINT: "For this test."})
    add(app, lossy(mark(view)))


def helper(app: Flask, mark: Mark, view: AnyView) -> None:
    marked = mark(view)
    add(app, public(lambda word: marked(word=word)))


def flask_caching(app: Flask) -> Any:
    module = pytest.importorskip("flask_caching")
    return module.Cache(app, config={"CACHE_TYPE": "SimpleCache"}).cached()


def flask_limiter(app: Flask) -> Any:
    module = pytest.importorskip("flask_limiter")
    return module.Limiter(lambda: "all", app=app, storage_uri="memory://").limit("99 per minute")


def by(*decorators: Any) -> Register:
    """The view with decorators, the lowest first; `None` is the place of the mark."""

    def register(app: Flask, mark: Mark, view: AnyView) -> None:
        for decorate in decorators:
            view = (decorate or mark)(view)
        add(app, view)

    return register


def by_extension(extension: Callable[[Flask], Any], *, above: bool) -> Register:
    def register(app: Flask, mark: Mark, view: AnyView) -> None:
        decorate = extension(app)
        add(app, decorate(mark(view)) if above else mark(decorate(view)))

    return register


def by_class(make: Callable[[Mark, AnyView], Any], above: Mark = lambda view: view) -> Register:
    return lambda app, mark, view: add(app, above(make(mark, view).as_view(ENDPOINT)))


WAYS: dict[str, Way] = {
    "plain": Way(by(None), False),
    "without wraps, above": Way(by(None, lossy), True),
    "without wraps, below": Way(by(lossy, None), False),
    "twice without wraps": Way(by(None, lossy, lossy), True),
    "a default argument": Way(by(None, by_default), True),
    "a default argument by name": Way(by(None, by_named_default), True),
    "with wraps, above": Way(by(None, with_wraps), False),
    "with names but no dict": Way(by(None, names_only), True),
    "partial above": Way(by(None, partial), True),
    "partial below": Way(by(partial, None), False),
    "an object above": Way(by(None, Called), True),
    "an object with slots above": Way(by(None, CalledWithSlots), True),
    "a registry": Way(registry, True),
    "a cache with wraps": Way(by(None, caching_with_wraps), False),
    "public above a lost mark": Way(by(None, lossy, public), True),
    "a lost mark beside PUBLIC_ENDPOINTS": Way(listed, True),
    "method": Way(by_class(lambda mark, view: method_view(view, mark)), False),
    "method of one instance": Way(
        by_class(lambda mark, view: method_view(view, mark, init_every_request=False)), False
    ),
    "lossy method": Way(
        by_class(lambda mark, view: method_view(view, lambda get: lossy(mark(get)))), True
    ),
    "static method": Way(static_method, False),
    "class method": Way(class_method, False),
    "decorators": Way(by_class(lambda mark, view: method_view(view, decorators=[mark])), False),
    "decorators, then a lossy one": Way(
        by_class(lambda mark, view: method_view(view, decorators=[mark, lossy])), True
    ),
    "lossy above as_view": Way(by_class(lambda mark, view: method_view(view, mark), lossy), True),
    "dispatch_request": Way(by_class(lambda mark, view: plain_view(view, mark)), False),
    "lossy view, then the mark": Way(
        lambda app, mark, view: add(app, mark(lossy(plain_view(view).as_view(ENDPOINT)))), False
    ),
    "super": Way(subclass, True),
    # What an import string names is seen once it was imported.
    "lazy": Way(lazy, True),
    "coroutine": Way(by(coroutine_of, None), False),
    "lossy coroutine": Way(by(coroutine_of, None, lossy_coroutine), True),
    "singledispatch above": Way(by(None, singledispatch_of), False),
    "singledispatch below": Way(by(singledispatch_of, None), False),
    "mark above the route": Way(above_route, False),
    "mark after add_url_rule": Way(marked_later, False),
    "copy": Way(by(None, copy.copy), False),
    "clone": Way(by(None, clone), True),
    "blueprint": Way(blueprint, True),
    "blueprint.record": Way(recorded, True),
    "replaced": Way(replaced, True),
    "replaced after the first request": Way(replaced_late, True),
    "public method, decorators of a subclass": Way(by_class(by_subclass), False),
    "public method, closing mixin": Way(by_class(by_mixin), False),
    "public method, dispatch_request of a mixin": Way(by_class(by_dispatching_mixin), False),
    "public method, dispatch_request of the class": Way(
        by_class(lambda mark, view: with_public_get(view, **marked_dispatch(mark))), False
    ),
    "public method, mark around as_view": Way(around_as_view, False),
    "mark around as_view, then a public method": Way(public_after_mark_around_as_view, False),
    "or_form below": Way(by(or_form(lambda **kwargs: "form"), None), False),
    "or_form above": Way(by(None, or_form(lambda **kwargs: "form")), False),
    "or_form below, lost": Way(by(or_form(lambda **kwargs: "form"), None, lossy), True),
    "or_form above, lost": Way(by(None, lossy, or_form(lambda **kwargs: "form")), True),
    "helper of a public view": Way(helper, True),
    "Flask-Caching above": Way(by_extension(flask_caching, above=True), False),
    "Flask-Caching below": Way(by_extension(flask_caching, above=False), False),
    "Flask-Limiter above": Way(by_extension(flask_limiter, above=True), False),
    "Flask-Limiter below": Way(by_extension(flask_limiter, above=False), False),
}
