"""A login of the app instead of the core's: `find_user` of `init_app` returns a request's user.

The core calls it before any function of the app. Such an app has no users, logins or tokens of the
core: what needs them is refused with an explanation, as early as possible. A returned value that is
no user counts as nobody, so a mistake closes a view. Source: OWASP ASVS 8.2.1, 8.3.1, 14.3.2.
"""

import inspect
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial, wraps
from types import NoneType
from typing import Any, ParamSpec, TypeVar, get_args, get_type_hints

import flask
from flask import Flask, Request, Response, current_app
from secure_flask.database.core_tables import release_core_tables
from secure_flask.state import Key, app_state
from secure_flask.web.origins import PolicyError
from secure_flask.web.request_checks import add_request_check
from secure_flask.web.view_options import ViewOptions, options_of, qualified_name, view_options
from werkzeug.local import LocalProxy

FindUser = Callable[[], object]
Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

FIND_USER = Key[FindUser]("find user")

NO_USER = (
    "find_user returned an object of the class %s, which counts as nobody: return an object with "
    "the attribute id, or None."
)


def has_own_login(app: Flask) -> bool:
    """Whether the app was given `find_user`."""
    return FIND_USER in app_state(app)


def find_own_user(request: Request) -> Any:
    """The app's user who has sent a request, or None."""
    # Any site may send a request with the user's cookies to a view without the CSRF check.
    if view_options(request).csrf_exempt:
        return None
    found: Any = app_state(current_app)[FIND_USER]()
    while issubclass(type(found), LocalProxy):
        found = found._get_current_object()
    return found if _is_user(found) else None


def role_names_of(user: Any) -> list[str]:
    """The names of a user's roles. A text counts as none: `in` would find a role within it."""
    names = getattr(user, "role_names", ())
    return [*names] if isinstance(names, Iterable) and not isinstance(names, str) else []


def require_core_tables(name: str, app: Flask = current_app) -> None:
    """
    :raises RuntimeError: the app has `find_user`, so it does not use the core's users.
    """
    if app and has_own_login(app):
        raise RuntimeError(
            f"{name} needs users and logins of secure_flask, which an app with find_user does not "
            "have: call what your own login has for it."
        )


def needs_core_tables(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Let a function raise RuntimeError in an app with `find_user`."""

    @wraps(function)
    def checked(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        require_core_tables(f"{function.__name__}()")
        return function(*args, **kwargs)

    return checked


def init_app(app: Flask) -> None:
    """
    :raises PolicyError: the policy has a value for logins of the core.
    """
    _refuse_policy(app.config)
    release_core_tables()
    add = app.add_url_rule
    app.add_url_rule = partial(_add_url_rule, app, add)  # type: ignore[method-assign]
    # Views are checked again in a request: a mark may come late. `cache` keeps no exception.
    check = cache(partial(_refuse_marks_of_all, app))
    add_request_check(app, lambda request: check())


def may_be_cached(response: Response) -> bool:
    """Whether caches may keep a response, and its view is the app's, not Flask's or the core's."""
    view = current_app.view_functions.get(flask.request.endpoint or "")
    is_of_app = getattr(view, "__module__", "").partition(".")[0] not in ("flask", "secure_flask")
    control = response.cache_control
    is_kept = "Cache-Control" in response.headers and not (control.no_store or control.private)
    return is_of_app and is_kept


def _is_user(found: Any) -> bool:
    if found is None or getattr(found, "is_authenticated", True) is not True:
        return False
    identity = getattr(found, "id", None)
    is_user = identity is not None and not callable(identity) and not isinstance(found, type)
    if not (is_user or current_app.config["PRODUCTION"]):
        current_app.logger.warning(NO_USER, type(found).__name__)
    return is_user


def _refuse_policy(config: Any) -> None:
    unused = {
        "TOKEN_TYPE": config["TOKEN_TYPE"] != "opaque",  # noqa: S105 - a kind of token
        "LEGACY_HASHES": bool(config["LEGACY_HASHES"]),
    }
    if names := [name for name, is_set in unused.items() if is_set]:
        raise PolicyError(
            f"policy.py: remove {' and '.join(names)}. An app with find_user has no tokens and no "
            "passwords of secure_flask."
        )


def _add_url_rule(app: Flask, add: Callable[..., None], *args: Any, **kwargs: Any) -> None:
    add(*args, **kwargs)
    view = kwargs.get("view_func") or next(iter(args[2:3]), None)
    if view is not None:
        _refuse_marks(app, view)


def _refuse_marks_of_all(app: Flask) -> None:
    for view in app.view_functions.values():
        _refuse_marks(app, view)


def _refuse_marks(app: Flask, view: Any) -> None:
    """
    :raises PolicyError: a mark of the view needs what the app's login does not have.
    """
    for method, options in _options_of_methods(view):
        name = qualified_name(view, method)
        if options.recent_login:
            raise PolicyError(
                f"{name} is marked @recent_login, which asks for a password of secure_flask. An app "
                "with find_user has none: ask for yours in the view."
            )
        if options.keys:
            raise PolicyError(
                f"{name} is marked @keys_allowed. An app with find_user has no keys of secure_flask: "
                "let find_user take a token of yours."
            )
        if options.roles:
            _require_role_names(app_state(app)[FIND_USER], name)


def _options_of_methods(view: Any) -> Iterator[tuple[str, ViewOptions]]:
    view_class = getattr(view, "view_class", None)
    for method in getattr(view_class, "methods", None) or ("GET",):
        yield method, options_of(view, method)


def _require_role_names(find_user: FindUser, view: str) -> None:
    classes = _classes_of_users(find_user)
    if not classes:
        raise PolicyError(
            f"{view} is marked @roles_required. So find_user says what it returns: "
            "write `def find_user() -> User | None:`, where User has role_names."
        )
    for each in classes:
        if not _has_role_names(each):
            raise PolicyError(
                f"{view} is marked @roles_required, and {each.__module__}.{each.__qualname__} has no "
                "role_names. Write a property that returns a list of str."
            )


def _classes_of_users(find_user: FindUser) -> list[type]:
    """The classes in the annotation of what the function returns."""
    try:
        returned = get_type_hints(find_user).get("return")
    except (NameError, TypeError):
        # The annotation names a type that only type checkers import, or this is no function.
        return []
    each = get_args(returned) or (returned,)
    return [one for one in each if isinstance(one, type) and one is not NoneType]


def _has_role_names(users: type) -> bool:
    annotated = (inspect.get_annotations(each) for each in users.__mro__)
    return hasattr(users, "role_names") or any("role_names" in each for each in annotated)
