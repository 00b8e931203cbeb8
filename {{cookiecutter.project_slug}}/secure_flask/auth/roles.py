"""The roles of a user, as a page for admins and `flask user roles` set them.

A new role ends all logins, so that the next one meets its demands.
Source: OWASP ASVS 6.4.1, 8.2.1.
"""

from collections.abc import Iterable

from flask import current_app
from secure_flask.auth import logins, route_table, users
from secure_flask.auth.user_changes import changed_by
from secure_flask.auth.users import Role, UserMixin
from secure_flask.database import db
from secure_flask.web import audit


def known_roles() -> list[str]:
    """The names of the roles that a view names or somebody has had: `choices = known_roles()`."""
    return sorted(_rows_by_name())


def set_roles(user: UserMixin, names: Iterable[str]) -> bool:
    """Give a user exactly these roles, and commit: `set_roles(user, ["admin"])`.

    If one of them is new, all logins of the user end, so that the next one meets what the role
    demands, such as a second factor. Keys stay, since a key does not get the roles that its user
    gets later. Your view decides who may do this. Returns whether the logins ended.

    :raises ValueError: no view names such a role, and nobody has had it.
    """
    # The lock waits for a login that begins without the role now, so that it ends below too.
    db.session.refresh(user, with_for_update=True)
    # The roles in force may be fewer, if a key of this user sent the request.
    former = user.granted_roles()
    user.roles = _rows_of(names)
    granted = user.granted_roles()
    has_gained = not {*granted} <= {*former}
    if has_gained:
        logins.end_logins_of(user, keep_keys=True)
    db.session.commit()
    change = {"former": ", ".join(former), "roles": ", ".join(granted)}
    by = changed_by(user)
    audit.record(audit.AUTHZ_CHANGE, account=user.name, user_id=user.id, by=by, **change)
    return has_gained


def _rows_of(names: Iterable[str]) -> list[Role]:
    rows = _rows_by_name()
    wanted = sorted({*names})
    if unknown := [name for name in wanted if name not in rows]:
        known = ", ".join(sorted(rows)) or "none: no view demands one"
        raise ValueError(f"There is no role {unknown[0]!r}. The known ones are {known}")
    return [rows[name] for name in wanted]


def _rows_by_name() -> dict[str, Role]:
    """The rows of all roles; one that only a view names so far is new."""
    rows = {name: Role(name=name) for name in route_table.demanded_roles(current_app)}
    return rows | {role.name: role for role in users.stored_roles()}
