"""`flask seed`: an example user with a few tasks, for development. Delete it with the example.

The password is random and shown once, so a development server that others reach has no
user whose password is known. Source: OWASP ASVS 6.3.2, 13.2.3.
"""

import secrets

import click
from flask import Blueprint, current_app
from secure_flask import Command, create_user, db

from app.models import User
from app.tasks import Task

blueprint = Blueprint("seed", __name__, cli_group=None)

NAME = "ada"
# Each task is a title, notes, and whether it is done.
TASKS = [
    ("Read README.md", "It says where your own code begins.", True),
    ("Run `.venv/bin/flask access`", "It shows who may call which route.", False),
    ("Run `make deploy-check`", "It finds what is insecure or missing in production.", False),
    ("Change app/policy.py", "It holds the answers that made this project.", False),
    ("Delete these tasks", "README.md has a command for it.", False),
]


@blueprint.cli.command("seed", cls=Command)
def seed() -> None:
    """Add the example user with a few tasks, once; refused in production."""
    if current_app.config["PRODUCTION"]:
        raise click.ClickException(
            "The example is for development. Add users by `.venv/bin/flask user create NAME`."
        )
    if User.find(NAME):
        click.echo(f"There is a user {NAME} already: nothing was added.")
        return
    password = secrets.token_urlsafe(18)
    user = create_user(NAME, password, check_password=False)
    for title, notes, done in TASKS:
        db.session.add(Task(owner_id=user.id, title=title, notes=notes, done=done))
    db.session.commit()
    click.echo(f"Created user {NAME} with password {password} and {len(TASKS)} tasks")
