"""Counts the users with a legacy hash, and the hashes whose check reveals names by its time.

Most hashes contain the cost of their check as numbers, such as the rounds. If the sample has other
numbers, its check takes another time, and a login tells whether the name exists.
Source: OWASP Password Storage Cheat Sheet, "Upgrading Legacy Hashes".
"""

import re
from collections.abc import Iterator

from flask import Flask
from secure_flask.auth.legacy_hashes import LegacyScheme, legacy_scheme
from secure_flask.auth.passwords import begin_of_new_hashes, is_legacy_hash
from secure_flask.auth.users import user_class
from secure_flask.checks.registry import Finding, register_check
from secure_flask.checks.services import problem_of_migrations
from secure_flask.database import db
from secure_flask.database.core_tables import has_core_tables
from secure_flask.database.paging import pages_of_rows
from sqlalchemy import ColumnElement, func, select

ARGON2 = "$argon2"
_NUMBER = re.compile(r"(?<![^:$,=])[0-9]{1,12}(?![^:$,=])")


@register_check("passwords.legacy-hashes", "warning")
def legacy_hashes(app: Flask) -> Iterator[Finding]:
    scheme = legacy_scheme()
    if scheme is None or problem_of_migrations():
        return
    if left := sum(1 for _ in _stored_hashes(scheme.prefix)):
        users = db.session.scalar(select(func.count(user_class().id)))
        yield Finding(
            f"{left} of {users} users have a legacy hash, which their next login replaces.",
            hint="Accept this while people log in. After a year give the rest hashes that no "
            "password matches, and delete LEGACY_HASHES: the page about users that exist says how.",
        )
    else:
        yield Finding(
            "No user has a legacy hash any more, and each login still runs the check of one.",
            hint="Delete LEGACY_HASHES in app/policy.py.",
        )


@register_check("passwords.legacy-hash-cost", "warning")
def costs_of_legacy_hashes(app: Flask) -> Iterator[Finding]:
    if not has_core_tables() or problem_of_migrations():
        return
    yield from _argon2_without_policy()
    if scheme := legacy_scheme():
        yield from _costs_of_scheme(scheme)


def _argon2_without_policy() -> Iterator[Finding]:
    if others := sum(not is_legacy_hash(stored) for stored in _stored_hashes(ARGON2)):
        yield Finding(
            f"{others} hashes of argon2 have other parameters than new ones: the time of a login "
            "tells that these names exist.",
            hint="Name them in LEGACY_HASHES of app/policy.py, as the page about users that exist "
            "shows. Beside another scheme, accept this until these users have logged in.",
        )


def _costs_of_scheme(scheme: LegacyScheme) -> Iterator[Finding]:
    usual = _cost(scheme.sample)
    if others := sum(_cost(stored) != usual for stored in _stored_hashes(scheme.prefix)):
        yield Finding(
            f"{others} legacy hashes have other numbers than the sample: the time of a login tells "
            "that these names exist.",
            hint="Take a sample with the numbers of most hashes, in LEGACY_HASHES of "
            "app/policy.py. Accept this for the others.",
        )


def _stored_hashes(prefix: str) -> Iterator[str]:
    """The stored hashes that begin so, without those that cost what new ones cost."""
    user = user_class()
    is_new = _begins(begin_of_new_hashes())
    found = select(user.id, user.password_hash).where(_begins(prefix), ~is_new)
    for rows in pages_of_rows(db.session.execute, found, [user.id]):
        yield from (stored for _, stored in rows)


def _begins(prefix: str) -> ColumnElement[bool]:
    return func.substr(user_class().password_hash, 1, len(prefix)) == prefix


def _cost(stored: str) -> tuple[int, ...]:
    """The numbers in a hash that stand alone, as those of `scrypt:32768:8:1$…` and `$2b$12$…`."""
    return tuple(map(int, _NUMBER.findall(stored)))
