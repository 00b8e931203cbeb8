"""`flask access`: who may call each route, by which mark, with which bodies and limits.

The table is read from the decorators and the policy, so it shows what is enforced.
Source: OWASP ASVS 8.1.1; OWASP API Security Top 10, API9:2023.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from secure_flask.auth.access import is_public
from secure_flask.database.command_group import add_command
from secure_flask.web.csrf import FORM_TYPES, SAFE_METHODS
from secure_flask.web.view_options import ViewOptions, options_of
from werkzeug.routing import Rule

EVERYBODY = "everybody"
USERS = "logged-in users"
BY_POLICY = "PUBLIC_ENDPOINTS"
NO_MARK = "no mark"
# A rule without methods accepts any, such as `url_map.add(Rule("/x", endpoint="x"))`.
ANY_METHOD = "any"
HEADINGS = ("METHOD", "ROUTE", "MARK", "LIMIT", "BODY")
SHORT = {**dict.fromkeys(FORM_TYPES, "form"), "application/json": "JSON"}


class Row(NamedTuple):
    """One method of a route."""

    method: str
    route: str
    endpoint: str
    who: str
    mark: str
    bodies: list[str]
    limits: list[str]


@click.command("access")
@with_appcontext
def access_command() -> None:
    """Show who may call which route, by which mark, with its limits and body types."""
    found = access_rows(current_app)
    config = current_app.config
    columns = zip(HEADINGS, *map(_cells, found), strict=True)
    widths = [max(map(len, column)) for column in columns]
    click.echo(_line(HEADINGS, widths))
    for who in sorted({row.who for row in found}):
        click.echo(f"\n{who.capitalize()}:")
        for row in found:
            if row.who == who:
                click.echo(_line(_cells(row), widths))
    unmarked = sorted({row.endpoint for row in found if row.mark == NO_MARK})
    click.echo(f"\nLOGIN_RATE_LIMIT, failures of one address: {config['LOGIN_RATE_LIMIT']}")
    click.echo(
        f"RATE_LIMIT, requests of one address to all but probes: {config['RATE_LIMIT'] or '-'}"
    )
    click.echo(f"Endpoints without a mark, so closed: {_joined(unmarked)}")


def access_rows(app: Flask) -> list[Row]:
    return [
        Row(
            method,
            rule.rule,
            rule.endpoint,
            who_may_call(rule.endpoint, options),
            _mark(rule.endpoint, method, options),
            _bodies(method, options),
            _limits(options),
        )
        for rule, method, options in route_operations(app)
    ]


def route_operations(app: Flask) -> Iterator[tuple[Rule, str, ViewOptions]]:
    """The methods of each route: no HEAD, which is a GET, and OPTIONS only if a view answers it."""
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        if not rule.build_only:
            for method in _methods(rule):
                yield rule, method, options_of(app.view_functions.get(rule.endpoint), method)


def who_may_call(endpoint: str, options: ViewOptions) -> str:
    """`everybody`, or `logged-in users with the role staff, recent login 15 min`."""
    if is_public(endpoint, options):
        return EVERYBODY
    minutes = options.recent_login
    noun = "role" if len(options.roles) == 1 else "roles"
    who = f"{USERS} with the {noun} {' and '.join(options.roles)}" if options.roles else USERS
    return f"{who}, recent login {minutes} min" if minutes else who


def demanded_roles(app: Flask) -> set[str]:
    """The roles that views demand."""
    return {role for *_, options in route_operations(app) for role in options.roles}


def init_app(app: Flask) -> None:
    add_command(app, access_command)


def _methods(rule: Rule) -> list[str]:
    if rule.methods is None:
        return [ANY_METHOD]
    automatic = {"HEAD"} if "GET" in rule.methods else set()
    if getattr(rule, "provide_automatic_options", False):
        automatic.add("OPTIONS")
    return sorted(rule.methods - automatic)


def _mark(endpoint: str, method: str, options: ViewOptions) -> str:
    if options.access is None:
        return BY_POLICY if is_public(endpoint, options) else NO_MARK
    if options.access == "public":
        return "@public"
    if options.roles:
        mark = "@roles_required"
    else:
        mark = "@recent_login" if options.recent_login else "@login_required"
    return f"{mark}, @keys_allowed" if options.takes_key(method) else mark


def _bodies(method: str, options: ViewOptions) -> list[str]:
    if method in SAFE_METHODS:
        return []
    # csrf.py accepts only JSON for a write that declares no type.
    taken = options.consumes or ["*/*" if options.csrf_exempt else "application/json"]
    # `dict.fromkeys` removes duplicates, since two types are called "form", and keeps the order.
    return [*dict.fromkeys(SHORT.get(each, each) for each in taken)]


def _limits(options: ViewOptions) -> list[str]:
    own = [options.limited] if options.limited else []
    return [*own, "LOGIN_RATE_LIMIT"] if options.credentials else own


def _cells(row: Row) -> tuple[str, ...]:
    return row.method, row.route, row.mark, _joined(row.limits), _joined(row.bodies)


def _joined(texts: Iterable[str]) -> str:
    return ", ".join(texts) or "-"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True))
    return "  ".join(padded).rstrip()
