"""What people and their devices do in the tests of accounts."""

import re
from email.message import EmailMessage

from flask import Flask
from flask.testing import FlaskClient
from secure_flask.accounts import development_mails, worker
from sqlalchemy.exc import OperationalError
from werkzeug.test import TestResponse

from core import routes
from views.conftest import LOGIN, OWN_PAGE, USERNAME, stored_user

REGISTER, CONFIRM, RESET, CHANGE_EMAIL = "/register", "/confirm", "/reset", "/change-email"
TF_SETUP, TF_VALIDATE = "/tf-setup", "/tf-validate"
RECOVERY, RECOVERY_CODES = "/mf-recovery", "/mf-recovery-codes"

ADDRESS = "ada.lovelace@example.org"
STRONG = "seven owls in a well of ink, and one that went for a walk before dawn"
# What people send to register.
REGISTRATION = {"username": "grace", "email": "grace.hopper@example.org", "password": STRONG}

Headers = dict[str, str]
Half = dict[str, str]


def send(
    client: FlaskClient, path: str, body: dict[str, object], headers: Headers | None = None
) -> TestResponse:
    """Post JSON, as a program or a script of this site's own page does."""
    return client.post(path, json=body, headers=OWN_PAGE | (headers or {}))


def give_address(app: Flask, address: str | None = ADDRESS, to: str = USERNAME) -> None:
    with stored_user(app, to) as user:
        user.email = address


def delivered(app: Flask) -> list[EmailMessage]:
    """Send what waits; the mails that development shows, the oldest first."""
    with app.test_request_context():
        worker.send_due_mails()
        return [*development_mails()]


def link_in(message: EmailMessage) -> str:
    """The path of the link in a mail."""
    [link] = set(re.findall(r"https?://[^/\s]+(/\S+/[\w-]{43})(?![\w-])", message.get_content()))
    return str(link)


def mailed_link(app: Flask) -> str:
    """The path of the link in the newest mail."""
    return link_in(delivered(app)[-1])


def begin_login(client: FlaskClient, **body: str) -> Half:
    """Log in by the password of a user who has a second factor."""
    answer = send(client, routes.LOGIN, {**LOGIN, **body})
    assert answer.status_code == 200, answer.text
    issued = answer.get_json()
    assert issued["tf_required"] is True
    assert "token" not in issued
    return {"tf_token": issued["tf_token"]}


def register(client: FlaskClient, **changes: str) -> TestResponse:
    return send(client, REGISTER, {**REGISTRATION, **changes})


def registered_link(app: Flask, client: FlaskClient, **changes: str) -> str:
    """Register, and return the link that is mailed."""
    assert register(client, **changes).status_code == 200
    return mailed_link(app)


def can_log_in(client: FlaskClient, username: str, password: str = STRONG) -> bool:
    answer = send(client, routes.LOGIN, {"username": username, "password": password})
    assert answer.status_code in (200, 401), answer.text
    return answer.status_code == 200


def away(*arguments: object, **options: object) -> None:
    """In place of a function that uses the database: the database is away."""
    raise OperationalError("COMMIT", {}, OSError("no route to host"))
