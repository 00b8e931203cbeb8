"""The tables of the core, which an app with a login of its own does not have.

They are in the metadata of all models, so that tables of an app can refer to them. They leave it as
soon as an app without users of the core needs one of their names, or is given `find_user`. What
needs the tables is refused there with an explanation.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from flask import Flask, current_app
from secure_flask.state import StateKey, app_state
from sqlalchemy import FromClause, MetaData, Table

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

# The function of an app that has a login of its own: it returns the user of the request.
FIND_USER = StateKey[Callable[[], object]]("find user")
CORE_TABLES: set[Table] = set()
_CLASSES_OF_USERS: list[type] = []


def add_core_tables(*tables: FromClause) -> None:
    CORE_TABLES.update(each for each in tables if isinstance(each, Table))


def has_core_tables() -> bool:
    """Whether this app uses the core's users, and so has the tables of the core."""
    return bool(_CLASSES_OF_USERS) and FIND_USER not in app_state(current_app)


def require_core_tables(name: str, app: Flask = current_app) -> None:
    """
    :raises RuntimeError: the app has `find_user`, so it does not use the core's users.
    """
    if app and FIND_USER in app_state(app):
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


def need_core_tables(of_users: type) -> None:
    """Keep the tables for this class of users.

    :raises TypeError: the app has a table of the same name.
    """
    _CLASSES_OF_USERS.append(of_users)
    for table in CORE_TABLES:
        if table.metadata.tables.get(table.name, table) is not table:
            raise _taken(table.name)


def release_core_tables() -> None:
    """Take the tables out of the metadata if the app has no class of users."""
    if _CLASSES_OF_USERS:
        return
    for table in CORE_TABLES:
        # `remove` would take a table of the app, since it goes by the name.
        if table.metadata.tables.get(table.name) is table:
            table.metadata.remove(table)


def release_name(name: Any, metadata: object) -> None:
    """Let the app have a table of this name.

    :raises TypeError: it is one of the core's, and the app has users of the core.
    """
    is_taken = isinstance(metadata, MetaData) and metadata.tables.get(name) in CORE_TABLES
    if is_taken and _CLASSES_OF_USERS:
        raise _taken(name)
    if is_taken:
        release_core_tables()


def _taken(name: str) -> TypeError:
    return TypeError(
        f"The table {name} is one of secure_flask, which a class of UserMixin needs: give yours "
        "another name."
    )


class NamesTable:
    """A base of models, which lets a class have a table of the name that it writes."""

    def __init_subclass__(cls, **options: Any) -> None:
        release_name(cls.__dict__.get("__tablename__"), getattr(cls, "metadata", None))
        super().__init_subclass__(**options)
