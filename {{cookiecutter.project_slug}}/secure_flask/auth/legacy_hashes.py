"""Password hashes of a former app, which the next login of each user replaces.

LEGACY_HASHES names one scheme: the prefix of its hashes, the function that checks one, and a sample
hash of the same cost. The check runs at each attempt for any name, on the sample if the user has no
legacy hash. So the time does not reveal which names exist, or which users have logged in since.
Source: OWASP Password Storage Cheat Sheet, "Upgrading Legacy Hashes"; OWASP ASVS 6.3.8.
"""

from collections.abc import Callable
from typing import NamedTuple

from flask import current_app
from secure_flask.web import audit

CHECK_FAILED = audit.Event("legacy_hash_check_fail")


class LegacyScheme(NamedTuple):
    prefix: str
    check: Callable[[str, str], bool]  # takes a stored hash and a password
    sample: str

    def is_of(self, password_hash: str | None) -> bool:
        return bool(password_hash and password_hash.startswith(self.prefix))


def legacy_scheme() -> LegacyScheme | None:
    """The scheme in force, if there is one."""
    named = current_app.config["LEGACY_HASHES"].items()
    return next((LegacyScheme(prefix, *rest) for prefix, rest in named), None)


def is_legacy_hash(password_hash: str | None) -> bool:
    scheme = legacy_scheme()
    return scheme is not None and scheme.is_of(password_hash)


def passes_legacy_check(password_hash: str | None, password: str) -> bool:
    """Whether a password matches a legacy hash. For None, check the sample: False."""
    scheme = legacy_scheme()
    if scheme is None:
        return False
    try:
        # Only True counts: another value, such as a coroutine, would be true for every password.
        is_right = scheme.check(password_hash or scheme.sample, password) is True
    except Exception as error:
        # Log only the type of the error: its message may quote the password.
        audit.record(CHECK_FAILED, error=type(error).__name__)
        return False
    return is_right and password_hash is not None
