"""A login of the app instead of the core's: `find_user` of `init_app` returns a request's user.

The core calls it before any function of the app. Such an app has no users, logins or tokens of the
core: what needs them is refused with an explanation, as early as possible. A returned value that is
no user counts as nobody, so a mistake closes a view. Source: OWASP ASVS 8.2.1, 8.3.1, 14.3.2.
"""

import inspect
from collections.abc import Callable, Iterator
from functools import cache, partial
from types import NoneType
from typing import Any, get_args, get_type_hints

from flask import Flask, Request, Response, current_app
from secure_flask.auth.principal import (
    Principal,
    add_principal_finder,
    current_principal,
    is_looked_up,
    may_be_cached,
)
from secure_flask.database.core_tables import FIND_USER, release_core_tables
from secure_flask.state import app_state
from secure_flask.web.flask_hooks import add_request_check
from secure_flask.web.origins import PolicyError
from secure_flask.web.view_options import ViewOptions, options_of, qualified_name
from werkzeug.local import LocalProxy

FindUser = Callable[[], object]

NO_USER = (
    "find_user returned an object of the class %s, which counts as nobody: return an object with "
    "the attribute id, or None."
)


def init_app(app: Flask) -> None:
    """
    :raises PolicyError: the policy has a value for logins of the core.
    """
    _refuse_policy(app.config)
    release_core_tables()
    add_principal_finder(app, _find_principal)
    app.after_request(_keep_out_of_caches)
    add = app.add_url_rule
    app.add_url_rule = partial(_add_url_rule, app, add)  # type: ignore[method-assign]
    # Views are checked again in a request: a mark may come late. `cache` keeps no exception.
    check = cache(partial(_refuse_marks_of_all, app))
    add_request_check(app, lambda request: check())


def _find_principal(request: Request) -> Principal | None:
    found: Any = app_state(current_app)[FIND_USER]()
    while issubclass(type(found), LocalProxy):
        found = found._get_current_object()
    return Principal(found) if _is_user(found) else None


def _keep_out_of_caches(response: Response) -> Response:
    """Look up the user if caches may keep a response: for a user, headers.py sets `no-store`."""
    if may_be_cached(response):
        current_principal()
    if is_looked_up():
        response.vary.update(("Cookie", "Authorization"))
    return response


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
