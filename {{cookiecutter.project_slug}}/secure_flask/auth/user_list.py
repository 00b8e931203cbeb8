"""`flask user list`: one line for each user, below a line that names the columns.

A tab separates columns, so that awk and cut read them.
"""

import click
from secure_flask.auth import logins
from secure_flask.auth.users import UserMixin, user_class
from secure_flask.database import db
from sqlalchemy import select


def print_users() -> None:
    """Print a line of headings and one line for each user, by name; a tab between columns."""
    user = user_class()
    # All of them first: an error must not follow headings.
    found = db.session.scalars(select(user).order_by(user.name)).all()
    click.echo("NAME\tLOGINS\tROLES")
    for each in found:
        click.echo(f"{each.name}\t{_logins(each)}\t{', '.join(each.role_names) or '-'}")


def _logins(user: UserMixin) -> str:
    """The number of active logins, or that there can be none."""
    return "disabled" if user.disabled else str(len(logins.all_of(user)))
