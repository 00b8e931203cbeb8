"""`flask user roles`: shows and sets the roles of a user.

A name that no view demands and that the database does not know is refused, since it is most
likely a typing error. A new role ends all logins: the next one passes what the role demands, such
as a second factor. Source: OWASP ASVS 8.2.1; OWASP Session Management Cheat Sheet.
"""

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from secure_flask.auth import logins, roles, route_table
from secure_flask.auth.operator_passwords import find_user, record_change
from secure_flask.auth.roles import Role
from secure_flask.auth.user_commands import user_commands
from secure_flask.auth.users import UserMixin
from secure_flask.database import db
from secure_flask.web import audit
from sqlalchemy.exc import IntegrityError


@click.command("roles")
@click.argument("name")
@click.argument("names", metavar="[ROLE]...", nargs=-1)
@click.option("--none", "remove", is_flag=True, help="Take all roles away.")
@with_appcontext
def roles_command(name: str, names: tuple[str, ...], remove: bool) -> None:
    """Show the roles of a user, or set exactly the ones that are given."""
    if names and remove:
        raise click.UsageError("Give roles or --none, not both.")
    user = find_user(name)
    if names or remove:
        gained = _set(user, _known(names))
        record_change(audit.USER_UPDATED, user, change="roles", roles=", ".join(user.role_names))
        if gained:
            click.echo(f"Ended all logins of {name}, since the role is new")
    click.echo(f"{name} has {', '.join(user.role_names) or 'no role'}")


def init_app(app: Flask) -> None:
    user_commands.add_command(roles_command)


def _known(names: tuple[str, ...]) -> list[Role]:
    """The rows of these roles; one that only a view demands so far is a new row."""
    rows = {name: Role(name=name) for name in route_table.demanded_roles(current_app)}
    rows |= {role.name: role for role in roles.stored()}
    for name in names:
        if name not in rows:
            known = ", ".join(sorted(rows)) or "none: no view demands one"
            raise click.ClickException(f"There is no role {name!r}. The known ones are {known}.")
    return [rows[name] for name in sorted(set(names))]


def _set(user: UserMixin, new: list[Role]) -> bool:
    """Store the roles, and end all logins of a user who gains one; whether that was so."""
    gained = bool({role.name for role in new} - set(user.role_names))
    user.roles = new
    try:
        if gained:
            logins.end_all(user)
        db.session.commit()
    except IntegrityError:
        raise click.ClickException("The role or the user changed meanwhile: try again.") from None
    return gained
