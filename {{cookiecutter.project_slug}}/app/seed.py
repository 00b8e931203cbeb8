"""`flask seed`: an example user with a few tasks, for development. It goes with the example.

The password is random and shown once, so a development server that others reach has no
user whose password is known. Source: OWASP ASVS 6.3.2, 13.2.3.
"""

import secrets

import click
from flask import Flask, current_app
from flask.cli import with_appcontext

from app.auth import users
from app.auth.passwords import hash_password
from app.auth.users import User
from app.db import db
from app.db.command_group import Command
from app.programs import FLASK
from app.security import audit
from app.tasks import Task

NAME = "ada"
# Titles, with notes, and whether it is done.
TASKS = [
    ("Read README.md", "It says where your own code begins.", True),
    ("Run `flask access`", "It shows who may call which route.", False),
    ("Run `flask check --deploy`", "It finds what is insecure or missing in production.", False),
    ("Change app/policy.py", "It holds the answers that made this project.", False),
    ("Replace these tasks", "They are in app/tasks.py, pages.py, api.py and seed.py.", False),
]


@click.command("seed", cls=Command)
@with_appcontext
def seed_command() -> None:
    """Add the example user with a few tasks, once; refused in production."""
    if current_app.config["PRODUCTION"]:
        raise click.ClickException(
            "The example is for development. "
            f"In production add users with `{FLASK} user create NAME`."
        )
    if users.find(NAME):
        click.echo(f"There is a user {NAME} already: nothing was added.")
        return
    password = secrets.token_urlsafe(18)
    user = _add(password)
    audit.record(audit.USER_CREATED, account=NAME, user_id=user.id, by="command line")
    click.echo(f"Created user {NAME} with password {password} and {len(TASKS)} tasks")


def _add(password: str) -> User:
    """Store user and tasks in one transaction, so that a failure leaves nothing behind."""
    user = User(name=NAME, password_hash=hash_password(password))
    db.session.add(user)
    db.session.flush()
    for title, notes, done in TASKS:
        db.session.add(Task(owner_id=user.id, title=title, notes=notes, done=done))
    db.session.commit()
    return user


def init_app(app: Flask) -> None:
    app.cli.add_command(seed_command)
