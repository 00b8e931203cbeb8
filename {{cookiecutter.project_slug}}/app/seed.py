"""`flask seed`: people and tasks to look at, for development. Delete it with the example.

The passwords are random and shown once, so a development server that others reach has no user
whose password is known. Source: OWASP ASVS 6.3.2, 13.2.3.
"""

import secrets
import time

import click
from flask import Blueprint, current_app
from secure_flask import Command, create_user, db, log_in_user, roles

from app.models import User
from app.people import ADMIN
from app.tasks import Task

blueprint = Blueprint("seed", __name__, cli_group=None)

NAME = "ada"
NAME_OF_ADMIN = "grace"
# They have no password, so nobody logs in as one of them.
OTHERS = ["alan", "katherine", "margaret"]
LOCKED_OUT = "margaret"
DEVICES = [
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140.0", "203.0.113.7"),
    ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) Safari/604.1", "198.51.100.23"),
]
KEY = "Nightly backup"
# Each task is a title, notes, and whether it is done.
TASKS = [
    ("Book the train to Lisbon", "The one at 9:12 is direct. A seat at the window.", False),
    ("Call the dentist", "Not before ten. Ask for a Thursday.", False),
    ("Find a present for Leo", "He will be seven, and likes dinosaurs.", False),
    ("Plan the workshop in March", "Twelve people, one day. Ask Grace for the big room.", False),
    ("Renew the passport", "The photo must be younger than six months.", False),
    ("Return the books", "Three, to the library, by Friday.", False),
    ("Send the invoice to Marta", "Number 2041, payable in 14 days.", False),
    ("Water the plants", "The fern needs more than the others.", True),
]


@blueprint.cli.command("seed", cls=Command)
def seed() -> None:
    """Add example people, one of them an admin, and tasks, once; refused in production."""
    if current_app.config["PRODUCTION"]:
        raise click.ClickException(
            "The example is for development. Add users by `.venv/bin/flask user create NAME`."
        )
    if taken := [name for name in (NAME, NAME_OF_ADMIN, *OTHERS) if User.find(name)]:
        click.echo(f"There is a user {taken[0]} already: nothing was added.")
        return
    _add_others()
    user = _add(NAME, f"with {len(TASKS)} tasks and {len(DEVICES)} devices")
    roles.set_roles(_add(NAME_OF_ADMIN, "an admin"), [ADMIN])
    for title, notes, done in TASKS:
        db.session.add(Task(owner_id=user.id, title=title, notes=notes, done=done))
    db.session.commit()
    for agent, address in DEVICES:
        _log_in(agent, address)
    # Nobody uses this key, so it is not printed.
    current_app.test_cli_runner().invoke(args=["key", "create", NAME, KEY])


def _add(name: str, what: str) -> User:
    password = secrets.token_urlsafe(18)
    columns = {"email": f"{name}@example.com"} if hasattr(User, "email") else {}
    user: User = create_user(name, password, check_password=False, **columns)
    click.echo(f"Created user {name}, {what}, with password {password}")
    return user


def _add_others() -> None:
    for name in OTHERS:
        create_user(name).disabled = name == LOCKED_OUT
    db.session.commit()


def _log_in(agent: str, address: str) -> None:
    headers = {"User-Agent": agent}
    with current_app.test_request_context(headers=headers, environ_base={"REMOTE_ADDR": address}):
        log_in_user(User.find(NAME), provider="flask seed", at=time.time())
