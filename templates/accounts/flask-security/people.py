"""What people and their devices do in the tests of accounts."""

import json
import re
from email.message import EmailMessage
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from markupsafe import escape
from passlib.totp import TOTP
from sqlalchemy.exc import OperationalError
from werkzeug.test import TestResponse

from app import openapi
from app.accounts.password_fields import HINT
from app.auth import tokens, users
from app.auth.passwords import MIN_LENGTH
from tests import routes
from tests.conftest import LOGIN, PASSWORD, USERNAME, is_logged_in, stored_user

REGISTER = routes.path_of("registration.register")
CONFIRM = routes.path_of("registration.send_again")
RESET = routes.path_of("recovery.forgot")
CHANGE_EMAIL = routes.path_of("email_change.change")
REAUTHENTICATE = routes.path_of("login.reauthenticate")
TF_SETUP = routes.path_of("second_factor.set_up")
TF_SELECT = routes.path_of("second_factor.select")
TF_VALIDATE = routes.path_of("second_factor.validate")
RECOVERY = routes.path_of("second_factor.recover")
RECOVERY_CODES = routes.path_of("second_factor.renew_recovery_codes")

ADDRESS = "ada.lovelace@example.org"
# Longer than any MIN_LENGTH that somebody would set, and without a name of the tests.
STRONG = "seven owls in a well of ink, and one that went for a walk before dawn"
# What people send to register. A field that you require of them is named here, for all tests.
REGISTRATION = {"username": "grace", "email": "grace.hopper@example.org", "password": STRONG}
# The project of these tests has this name, and the list of breached passwords this one.
PROJECT = "Garden Shed"
BREACHED = f"breached {STRONG}"
# Browsers send it with a form of the site itself.
OWN_FORM = {"Sec-Fetch-Site": "same-origin"}
# The rule for the length of a new password, as pages say it: by the hint or by an error.
RULE = re.compile(rf"{re.escape(str(escape(HINT)))}|\b{MIN_LENGTH} to\b")
TOTP_STEP = 30  # seconds

Headers = dict[str, str]
# The members of a request that show a half login; none where a cookie does.
Half = dict[str, str]


def described(app: Flask, endpoint: str) -> dict[str, Any]:
    """The responses to a POST, as the description of all routes has them."""
    [rule] = app.url_map.iter_rules(endpoint)
    path = re.sub(r"<string:(\w+)>", r"{\1}", rule.rule)
    operation = json.loads(openapi.document(app))["paths"][path]["post"]
    return dict(operation["responses"])


def give_address(app: Flask, address: str | None = ADDRESS, to: str = USERNAME) -> None:
    with stored_user(app, to) as user:
        user.email = address


def poor_passwords(name: str, address: str) -> dict[str, str]:
    """Passwords that somebody of this name and address must not choose, by what is wrong."""
    return {
        "short": "x" * (MIN_LENGTH - 1),
        "the name": f"{STRONG} {name.upper()}",
        "the address": f"{STRONG} {address.partition('@')[0].title()}",
        "the project": f"{STRONG} {PROJECT}",
        "breached": BREACHED,
    }


def link_in(message: EmailMessage) -> str:
    """The address of the link in a mail."""
    [link] = set(re.findall(r"https?://\S+/[\w-]{43}(?![\w-])", text_of(message)))
    return str(link)


def text_of(message: EmailMessage) -> str:
    """The words of a mail, in one line."""
    body = message.get_body(("plain",))
    assert body is not None
    return " ".join(body.get_content().split())


def headers_of(answer: TestResponse) -> Headers:
    """The headers by which a client shows the login that it got."""
    assert answer.status_code == 200, answer.text
    return {tokens.HEADER: tokens.PREFIX + answer.get_json()["token"]}


def begin_login(client: FlaskClient, **body: str) -> Half:
    """Log in by the password of a user who has a second factor."""
    answer = client.post(routes.LOGIN, json={**LOGIN, **body})
    assert answer.status_code == 200, answer.text
    return half_of(answer.get_json())


def half_of(body: dict[str, Any]) -> Half:
    assert body["tf_required"] is True
    assert "token" not in body
    return {"tf_token": body["tf_token"]} if "tf_token" in body else {}


def send_code(client: FlaskClient, half: Half, code: str, path: str = TF_VALIDATE) -> TestResponse:
    return client.post(path, json={**half, "code": code})


def logs_in_by_code(client: FlaskClient, code: str, path: str = TF_VALIDATE) -> bool:
    """Whether a login by password and this code succeeds."""
    answer = send_code(client, begin_login(client), code, path)
    assert answer.status_code in (200, 401)
    return answer.status_code == 200 and is_logged_in(client, headers_of(answer))


def begin_setup(client: FlaskClient, credentials: Headers) -> tuple[str, str]:
    """The secret of a new authenticator app, and the address that takes its first code."""
    answer = client.post(TF_SETUP, json={"setup": "authenticator"}, headers=credentials)
    assert answer.status_code == 200, answer.text
    begun = answer.get_json()
    path = routes.path_of("second_factor.finish", state=begun["tf_state_token"])
    return begun["tf_authr_b32key"], path


def add_app(client: FlaskClient, credentials: Headers) -> str:
    """Set up an authenticator app, and return its secret. Its present code is used then."""
    secret, path = begin_setup(client, credentials)
    answer = client.post(path, json={"code": code_of(secret)}, headers=credentials)
    assert answer.status_code == 200, answer.text
    return secret


def code_of(secret: str, steps: int = 0) -> str:
    """The code that an authenticator app shows now, or `steps` later."""
    app = TOTP(key=secret, format="base32")
    return str(app.generate(app.now() + steps * TOTP_STEP).token)


def wrong_code_of(secret: str) -> str:
    """A code that the app shows neither now nor a step before or after."""
    shown = {code_of(secret, steps) for steps in (-1, 0, 1)}
    return next(code for code in ("000000", "111111", "222222", "333333") if code not in shown)


def add_recovery_codes(client: FlaskClient, credentials: Headers) -> list[str]:
    answer = client.post(RECOVERY_CODES, json={}, headers=credentials)
    assert answer.status_code == 200, answer.text
    return list(answer.get_json()["recovery_codes"])


def away(*arguments: object, **options: object) -> None:
    """In place of a function that uses the database: the database is away."""
    raise OperationalError("COMMIT", {}, OSError("no route to host"))


def create_user(app: Flask, name: str, address: str | None = None) -> None:
    with app.app_context():
        users.create(name, PASSWORD, address)
