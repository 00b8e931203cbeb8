"""Sign-up: people register with an address, and get a link by mail that makes the account.

Until then the registration reserves neither the name nor the address, so nobody can register
the address of somebody else in advance; confirmation.py is the link. No response tells whether a
name or an address is known. Source: OWASP ASVS 6.2.1, 6.3.8; "Pre-hijacked accounts" (Sudhodanan
and Paverd, 2022).
"""

import time
from typing import Annotated, Any

from flask import Blueprint, Flask
from flask.typing import ResponseReturnValue
from pydantic import AfterValidator, Field

from app.accounts import pending, public_urls
from app.accounts.links import addresses, recovery, usernames
from app.accounts.links.addresses import Address, AddressOnly, Sent
from app.accounts.links.lifetimes import in_words
from app.accounts.links.new_passwords import Password, Repeatable
from app.accounts.mail import mail, mail_limits
from app.auth import access, password_rules, users
from app.auth.access import public
from app.security.origins import PolicyError
from app.security.rate_limits import limited
from app.security.responses import responds
from app.security.validation import PlainText, validated

blueprint = Blueprint("registration", __name__)

PURPOSE = "registration"
LIFETIME = 24 * 60 * 60  # seconds


Username = Annotated[PlainText, Field(max_length=users.MAX_NAME), AfterValidator(usernames.new)]


class Registration(Repeatable):
    username: Username
    email: Address
    password: Password


@blueprint.post("/register")
@responds(Sent, 400, 429, 503)
@limited("20 per minute")
@public
@access.credentials
@validated(Registration)
def register(body: Registration) -> ResponseReturnValue:
    body.require_equal(body.password)
    return begin(body.username, body.email, body.password)


@blueprint.post("/confirm")
@responds(Sent, 429, 503)
@limited("20 per minute")
@public
@access.credentials
@validated(AddressOnly)
def send_again(body: AddressOnly) -> ResponseReturnValue:
    """Mail the link of a registration again."""
    return send_link_again(body.email)


def begin(username: str, email: str, password: str) -> dict[str, Any]:
    """Store a registration and mail its link, or tell the owner of a known address.

    :raises ErrorResponse: 400, a bad password; 503, too busy.
    """
    password_hash = password_rules.hash_new(password, username, email)
    data = {"username": username, "password_hash": password_hash}
    known = addresses.find(email)
    if known:
        recovery.mail_link(known, "already_registered", asked=email)
    else:
        allowed = mail_limits.may_send("confirm", email)
        secret = pending.create(PURPOSE, LIFETIME, email=email, data=data)
        _mail_link(email if allowed else None, username, secret)
    return addresses.SENT


def send_link_again(email: str) -> dict[str, Any]:
    known, step = addresses.find(email), pending.newest(PURPOSE, email)
    data = step.data if step else {"username": "", "password_hash": ""}
    due = step is not None and not known
    allowed = mail_limits.may_send("confirm again" if due else mail_limits.NOTHING, email)
    to = step.email if step and due and allowed else None
    purpose = PURPOSE if to else "nobody"
    # The registration itself still ends a day after it began.
    lifetime = step.expires - int(time.time()) if step else LIFETIME
    secret = pending.create(purpose, lifetime, email=to or email, data=data)
    _mail_link(to, data["username"], secret, lifetime)
    return addresses.SENT


def is_open(app: Flask) -> bool:
    """Whether people sign up themselves, by REGISTRATION in policy.py.

    :raises PolicyError: it is neither True nor False, so nobody knows what was meant.
    """
    switch = app.config["REGISTRATION"]
    if not isinstance(switch, bool):
        raise PolicyError(f"policy.py: REGISTRATION is {switch!r}. Write True or False.")
    return switch


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)


def _mail_link(email: str | None, username: str, secret: str, seconds: int = LIFETIME) -> None:
    link = public_urls.link("confirmation.confirm_page", token=secret)
    mail.send(email, "confirm", username=username, link=link, lifetime=in_words(seconds))
