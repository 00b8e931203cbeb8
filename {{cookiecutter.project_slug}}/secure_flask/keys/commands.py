"""`flask key …`: an operator makes keys for users, lists them and ends them.

A key contains its id, so an operator can end a leaked key without knowing its user. `flask check`
finds keys that nobody uses any more, and that a thief could still use.
Source: OWASP Secrets Management Cheat Sheet, "Expiration"; OWASP ASVS 13.3.4.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

import click
from flask import Flask
from secure_flask.auth.logins import DAY
from secure_flask.auth.user_commands import find_user, printable
from secure_flask.auth.users import UserMixin
from secure_flask.checks import Finding, register_check
from secure_flask.clock import seconds_now
from secure_flask.database import db
from secure_flask.database.command_group import CommandGroup, add_command
from secure_flask.keys import api_keys
from secure_flask.keys.api_keys import LONGEST_LIFETIME, ApiKey, longest_lifetime
from secure_flask.web import audit
from secure_flask.web.errors import ErrorResponse
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

key_commands = CommandGroup("key", help="Manage the keys of programs.")

UNUSED = 90 * DAY
NAMED = 10  # keys that a finding names


@key_commands.command("create")
@click.argument("user_name", metavar="USER")
@click.argument("name")
@click.option(
    "--days",
    type=click.IntRange(1, LONGEST_LIFETIME // DAY),
    help="How long it lasts: 90, or as long as a login for a user without a password.",
)
@click.option("--role", "roles", multiple=True, help="A role of the user that the key has too.")
def create_command(user_name: str, name: str, days: int | None, roles: tuple[str, ...]) -> None:
    """Make a key of a user, and print it."""
    user = find_user(user_name)
    if user.disabled:
        raise click.ClickException(f"The user {user_name!r} is disabled, so no key would count.")
    lifetime = None if days is None else days * DAY
    _require_password(user, lifetime)
    try:
        key, secret = api_keys.store_key(user, name, lifetime, roles, login=None)
    except ErrorResponse as refused:
        raise click.ClickException(f"{refused.description}.") from None
    fields = {"key": key.id, "roles": ", ".join(key.roles), "by": "command line"}
    audit.record(audit.TOKEN_CREATED, account=user.name, user_id=user.id, **fields)
    click.echo(secret)


@key_commands.command("list")
@click.argument("user_name", metavar="USER")
def list_command(user_name: str) -> None:
    """List the keys of a user; tabs between columns."""
    keys = api_keys.keys_of(find_user(user_name))
    click.echo("ID\tNAME\tEXPIRES\tLAST USED\tROLES")
    for key in keys:
        used = _as_day(key.last_used) if key.last_used else "never"
        roles = ", ".join(key.roles) or "-"
        click.echo(f"{key.id}\t{printable(key.name)}\t{_as_day(key.ends)}\t{used}\t{roles}")


@key_commands.command("end")
@click.argument("key_id", metavar="ID")
def end_command(key_id: str) -> None:
    """End a key by its id, which is the part after the prefix."""
    if not api_keys.end_key_of(key_id):
        raise click.ClickException(f"There is no key with the id {key_id!r}.")
    audit.record(audit.TOKEN_REVOKED, key=key_id, by="command line")
    click.echo(f"Ended the key {key_id}")


@register_check("api-keys.unused", "warning")
def unused_keys(app: Flask) -> Iterator[Finding]:
    now = seconds_now()
    used = func.coalesce(ApiKey.last_used, ApiKey.created)
    unused = select(ApiKey.id).where(used <= now - UNUSED, ApiKey.expires > now)
    try:
        found = list(db.session.scalars(unused.order_by(ApiKey.id).limit(NAMED + 1)))
    except SQLAlchemyError:
        # Another check says what is wrong with the database.
        db.session.rollback()
        return
    if found:
        more = " and more" if len(found) > NAMED else ""
        yield Finding(
            f"These keys were not used for 90 days: {', '.join(found[:NAMED])}{more}.",
            hint="Ask their users, or end each: .venv/bin/flask key end ID",
        )


def init_app(app: Flask) -> None:
    add_command(app, key_commands)


def _require_password(user: UserMixin, lifetime: int | None) -> None:
    longest = longest_lifetime(user)
    if lifetime and lifetime > longest:
        raise click.ClickException(
            f"The user {user.name!r} has no password, so a key lasts only as long as a login, "
            f"{longest} seconds. Leave --days out, or set a password: .venv/bin/flask user password "
            f"{user.name}"
        )


def _as_day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")
