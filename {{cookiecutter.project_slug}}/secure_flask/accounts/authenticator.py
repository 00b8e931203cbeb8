"""Codes of an authenticator app (TOTP). Each works once, so nobody can use an overheard one.

Source: RFC 6238, section 5.2; OWASP ASVS 6.5.1, 6.5.3, 6.5.5.
"""

from hmac import compare_digest
from typing import NamedTuple

import pyotp
import segno
from flask import current_app
from markupsafe import Markup
from secure_flask.accounts import steps
from secure_flask.accounts.steps import Step
from secure_flask.accounts.users import AccountMixin
from secure_flask.clock import seconds_now
from secure_flask.crypto.encryption import readable_value
from secure_flask.database import db
from secure_flask.web.errors import error_response
from sqlalchemy import update

SETUP = "authenticator"
LIFETIME = 10 * 60  # seconds to type the first code
ENDED = "This setup has ended: begin again"
STEP = 30  # seconds for which an app shows a code


class AuthenticatorSetup(NamedTuple):
    """What a user needs to add this site to an app."""

    user: AccountMixin
    state: str
    secret: str  # base32
    uri: str
    image: Markup  # SVG


def begin_authenticator_setup(user: AccountMixin) -> AuthenticatorSetup:
    """Make a new secret. It becomes a factor only with its first code."""
    step = steps.add_step(SETUP, LIFETIME, user=user, secret=pyotp.random_base32())
    state = steps.give_step_secret(step)
    db.session.commit()
    return _setup(user, state, step)


def find_authenticator_setup(user: AccountMixin, state: str) -> AuthenticatorSetup:
    """The setup that was begun, so that a page shows the same key again after a wrong code.

    :raises ErrorResponse: 400, the setup has expired, or is another user's.
    """
    return _setup(user, state, _setup_step(user, state))


def finish_authenticator_setup(user: AccountMixin, state: str, code: str) -> None:
    """Store the secret of a setup, within the caller's transaction.

    :raises ErrorResponse: 400, a wrong code, or a setup that has expired or is another user's.
    """
    step = _setup_step(user, state)
    secret = step.data["secret"]
    counter = _counter_of(secret, code)
    if counter is None:
        # Wrong codes are not counted: a user who can enter one here sees the key itself.
        raise error_response(400, "Wrong code")
    if not steps.use_step(step):
        raise error_response(400, ENDED)
    user.totp_secret = secret
    user.totp_last_step = counter


def use_authenticator_code(user: AccountMixin, code: str) -> bool:
    """Use a code up, within the caller's transaction; False if it is wrong or was used before."""
    secret = readable_value(user, "totp_secret")
    counter = _counter_of(secret, code) if secret else None
    if counter is None:
        return False
    model = type(user)
    unused = model.totp_last_step.is_(None) | (model.totp_last_step < counter)
    used = update(model).where(model.id == user.id, unused).values(totp_last_step=counter)
    return db.session.scalar(used.returning(model.id)) is not None


def _setup_step(user: AccountMixin, state: str) -> Step:
    step = steps.find_step(SETUP, state)
    if step is None or step.user_id != user.id:
        raise error_response(400, ENDED)
    return step


def _setup(user: AccountMixin, state: str, step: Step) -> AuthenticatorSetup:
    secret = step.data["secret"]
    issuer = current_app.config["PROJECT_NAME"]
    uri = pyotp.TOTP(secret).provisioning_uri(name=user.name, issuer_name=issuer)
    # The SVG is part of the page, since the strictest policy loads no data: image.
    image = segno.make(uri, micro=False).svg_inline(scale=4, omitsize=True)
    return AuthenticatorSetup(user, state, secret, uri, Markup(image))  # noqa: S704 - made here


def _counter_of(secret: str, code: str) -> int | None:
    """The time step of a right code: the present one, the one before or after; None if wrong."""
    # Apps show a code as two groups, so people type a space or a hyphen.
    typed = "".join(code.replace("-", " ").split())
    now = seconds_now() // STEP
    totp = pyotp.TOTP(secret, interval=STEP)
    shown = {each: totp.generate_otp(each) for each in (now - 1, now, now + 1)}
    right = [each for each in shown if compare_digest(shown[each].encode(), typed.encode())]
    return right[0] if right else None
