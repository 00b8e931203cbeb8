"""Finds roles that views demand, and that a password alone is enough for.

Source: OWASP ASVS 6.3.3.
"""

from collections.abc import Iterable
from logging import WARNING

from flask import Flask

from app.auth import route_table
from app.checks.registry import check


@check(
    "accounts.role-without-second-factor",
    WARNING,
    "Whoever finds out the password of a user with the role {} has all its rights.",
    "Add the role to SECOND_FACTOR_ROLES in policy.py.",
    deploy=True,
)
def roles_without_second_factor(app: Flask) -> Iterable[str]:
    return sorted(route_table.demanded_roles(app) - set(app.config["SECOND_FACTOR_ROLES"]))
