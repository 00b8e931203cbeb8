"""Password hashes of a former app, which the next login of each user replaces.

LEGACY_HASHES names one scheme: the prefix of its hashes, the function that checks one, and a sample
hash of the same cost. The check runs at each attempt for any name, on the sample if the user has no
legacy hash. So the time does not reveal which names exist, or which users have logged in since.
Source: OWASP Password Storage Cheat Sheet, "Upgrading Legacy Hashes"; OWASP ASVS 6.3.8.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from flask import current_app
from secure_flask.web import audit

CHECK_FAILED = audit.Event("legacy_hash_check_fail")


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


def _result_of_check(scheme: LegacyScheme, stored: str, password: str) -> bool | None:
    """The result of the owner's check; None if it raises an error."""
    try:
        # Only True counts: another value, such as a coroutine, would be true for every password.
        return scheme.check(stored, password) is True
    except Exception as error:
        # Log only the type of the error: its message may quote the password.
        audit.record(CHECK_FAILED, error=type(error).__name__)
        return None
