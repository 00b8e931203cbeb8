"""`flask user list`: one line for each user, below a line that names the columns.

A tab separates columns, so that awk and cut read them. The columns differ by the answer to
`accounts`.
"""

from collections.abc import Callable, Mapping

import click
from sqlalchemy import select

from app.auth import logins, tokens
from app.auth.users import User
from app.db import db


def print_users(columns: Mapping[str, Callable[[User], str]]) -> None:
    """Print a line of headings and one line for each user, by name; a tab between columns."""
    found = db.session.scalars(select(User).order_by(User.name))
    rows = [[show(user) for show in columns.values()] for user in found]
    for row in ([*columns], *rows):
        click.echo("\t".join(row))


def logins_of(user: User) -> str:
    """The number of active logins, or that there can be none."""
    return "disabled" if user.disabled else str(len(logins.all_of(user, idle=tokens.IDLE)))


def roles_of(user: User) -> str:
    """The names of the roles, or a dash."""
    return ", ".join(user.role_names) or "-"
