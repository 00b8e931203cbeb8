"""What people do in the tests of accounts: they send requests, read mails, and are refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any, cast

import pytest
from click.testing import Result
from flask import Flask, current_app
from secure_flask.accounts import development_mails, personal_data, steps
from secure_flask.auth import logins
from secure_flask.auth.passwords import verify_password
from secure_flask.auth.user_changes import create_user
from secure_flask.auth.users import user_class
from secure_flask.database import db
from secure_flask.web import cookies
from werkzeug.exceptions import HTTPException

from core.shared import PASSWORD, PRODUCTION, USERNAME

if TYPE_CHECKING:
    from core.accounts.site import User

ADDRESS = "ada.lovelace@example.org"
# Somebody registers with this name and this address.
NAME = "grace"
EMAIL = "grace.hopper@example.org"
STRONG = "seven owls in a well of ink, and one that went for a walk before dawn"
THIEF = "forty thieves in a row of jars of oil, and a word that opens the door"
OTHER = "bob"
HOME = "127.0.0.1"

# What production demands, for `make_app`.
IN_PRODUCTION = {
    **PRODUCTION,
    "public_url": "https://localhost",
    "mail_url": "smtp://localhost:1",
    "mail_from": "no-reply@example.org",
}


# Users and their requests.


def user_of(name: str = USERNAME) -> User:
    """The user as the database has it now."""
    found = user_class().find(name)
    assert found is not None
    db.session.refresh(found)
    return cast("User", found)


def add_user(name: str = OTHER, email: str | None = None) -> User:
    added: User = create_user(name, PASSWORD, check_password=False, email=email)
    return added


def set_address(email: str | None, name: str = USERNAME) -> None:
    user_of(name).email = email
    db.session.commit()


def new_login(name: str = USERNAME) -> str:
    """The secret of a new login of a user, as the cookie holds it."""
    secret = logins.new_secret()
    with current_app.test_request_context(environ_base={"REMOTE_ADDR": HOME}):
        logins.start_login(user_of(name), "session", secret)
    return secret


@contextmanager
def request_of(
    app: Flask, secret: str = "", *, network: str = HOME, browser: str = ""
) -> Iterator[None]:
    """A request by the login of this secret, or by a stranger, with a database session of its own.

    Within another request, Flask alone would share the session of that one.
    """
    with app.app_context():
        with app.test_request_context():
            cookie = f"{cookies.cookie_name('session')}={secret}" if secret else ""
        environ = {"REMOTE_ADDR": network, "HTTP_COOKIE": cookie, "HTTP_USER_AGENT": browser}
        with app.test_request_context(environ_base=environ):
            yield


def downloaded(user: User) -> Any:
    """What the user of this request downloads."""
    return json.loads("".join(personal_data(user)))


def has_password(name: str, password: str = STRONG) -> bool:
    """Whether a user is found by this name or address and has the password."""
    found = user_class().find(name)
    return found is not None and verify_password(found.password_hash, password)


def poor_passwords(name: str, email: str) -> list[str]:
    """Passwords that somebody of this name and address must not choose."""
    return ["too short", f"{STRONG} {name.upper()}", f"{STRONG} {email.partition('@')[0]}"]


def waiting_change(user: User, email: str) -> str:
    """The id of the step of a change of the address, as its mail names it."""
    step = steps.add_step("change_request", 3600, user=user, email=email)
    db.session.flush()
    return str(step.id)


def run_command(app: Flask, *arguments: str, typed: str | None = None) -> Result:
    """Run a command of an operator, with a database session of its own."""
    with app.app_context():
        return app.test_cli_runner().invoke(args=[*arguments], input=typed)


def operate(app: Flask, *arguments: str) -> str:
    """What a command of an operator says, which succeeds."""
    result = run_command(app, *arguments)
    assert result.exit_code == 0, result.output
    return result.output


# Refusals.


def _store_what_is_left() -> None:
    """Commit, as an owner's handler of errors may do: a refusal must have left nothing."""
    db.session.commit()


@contextmanager
def refused(status: int, *fields: str) -> Iterator[None]:
    """The block ends with this status, and with a reason for each of these fields of a form."""
    with pytest.raises(HTTPException) as caught:
        yield
    _store_what_is_left()
    found = getattr(caught.value, "fields", None) or {}
    assert (caught.value.code, {*found}) == (status, {*fields})


def status_of(rule: Callable[..., Any], *arguments: Any, **named: Any) -> int:
    """The status of the refusal of a rule; 200 if it refuses nothing."""
    try:
        rule(*arguments, **named)
    except HTTPException as refusal:
        _store_what_is_left()
        return refusal.code or 0
    return 200


# The log.


def logged(caplog: pytest.LogCaptureFixture, event: str) -> list[dict[str, Any]]:
    """The fields of each event of this name since `caplog.clear()`."""
    found = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    return [fields for fields in found if fields["event"] == event]


# Mails.


def recipients() -> list[str]:
    """Send what waits; to whom mails went, the first one first."""
    return [mail["To"] for mail in development_mails()]


def subjects(to: str = ADDRESS) -> list[str]:
    """Send what waits; the kinds of the mails to an address."""
    return [mail["Subject"] for mail in development_mails() if mail["To"] == to]


def token_in(mail: EmailMessage) -> str:
    """The secret of the link in a mail."""
    [token] = re.findall(r"https?://[^/\s]+/\S+/([\w-]{43})\s", mail.get_content())
    return str(token)


def mailed_token(to: str | None = None) -> str:
    """Send what waits; the secret of the link in the newest mail, or in the newest to an address."""
    return token_in([mail for mail in development_mails() if to in (None, mail["To"])][-1])
