"""The routes of the app: who may call each, by which mark, with which bodies and limits.

It follows from the decorators and the policy, so it is what requests meet.
Source: OWASP ASVS 8.1.1; OWASP API Security Top 10, API9:2023.
"""

from collections.abc import Iterator
from typing import NamedTuple

from flask import Flask
from secure_flask.auth.access import is_public
from secure_flask.web.csrf import SAFE_METHODS
from secure_flask.web.view_options import ViewOptions, options_of
from werkzeug.routing import Rule

EVERYBODY, USERS = "everybody", "logged-in users"
BY_POLICY, NO_MARK = "PUBLIC_ENDPOINTS", "no mark"
LOGIN_RATE_LIMIT = "LOGIN_RATE_LIMIT"
# The method of a rule that names none, as in `url_map.add(Rule("/x", endpoint="x"))`.
ANY = "any"


class Row(NamedTuple):
    """One method of a route."""

    method: str
    route: str
    endpoint: str
    who: str
    mark: str
    roles: list[str]
    bodies: list[str]
    limits: list[str]


def rows(app: Flask) -> list[Row]:
    return [
        Row(
            method,
            rule.rule,
            rule.endpoint,
            _who(rule.endpoint, options),
            _mark(rule.endpoint, options),
            [*options.roles],
            _bodies(method, options),
            _limits(options),
        )
        for rule, method, options in operations(app)
    ]


def operations(app: Flask) -> Iterator[tuple[Rule, str, ViewOptions]]:
    """Each method of each route; HEAD counts as GET, and OPTIONS only where a view answers it."""
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        if not rule.build_only:
            for method in _methods(rule):
                yield rule, method, options_of(app.view_functions.get(rule.endpoint), method)


def demanded_roles(app: Flask) -> set[str]:
    """The roles that views demand."""
    return {role for *_, options in operations(app) for role in options.roles}


def _methods(rule: Rule) -> list[str]:
    if rule.methods is None:
        return [ANY]
    automatic = {"HEAD"} if "GET" in rule.methods else set()
    if getattr(rule, "provide_automatic_options", False):
        automatic.add("OPTIONS")
    return sorted(rule.methods - automatic)


def _who(endpoint: str, options: ViewOptions) -> str:
    if is_public(endpoint, options):
        return EVERYBODY
    minutes, noun = options.recent_login, "role" if len(options.roles) == 1 else "roles"
    who = f"{USERS} with the {noun} {' and '.join(options.roles)}" if options.roles else USERS
    return f"{who}, recent login {minutes} min" if minutes else who


def _mark(endpoint: str, options: ViewOptions) -> str:
    if options.access is None:
        return BY_POLICY if is_public(endpoint, options) else NO_MARK
    if options.access == "public":
        return "@public"
    if options.roles:
        return "@roles_required"
    return "@recent_login" if options.recent_login else "@login_required"


def _bodies(method: str, options: ViewOptions) -> list[str]:
    if method in SAFE_METHODS:
        return []
    # csrf.py lets a write without a declared type have JSON.
    return [*(options.consumes or ["*/*" if options.csrf_exempt else "application/json"])]


def _limits(options: ViewOptions) -> list[str]:
    own = [options.limited] if options.limited else []
    return [*own, LOGIN_RATE_LIMIT] if options.credentials else own
