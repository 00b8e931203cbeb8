"""Checks of accounts: mail, passkeys of another host, weak roles, columns that block users.

Source: OWASP ASVS 6.3.3, 6.4.3; GDPR, article 17.
"""

from collections.abc import Callable, Iterator

from flask import Flask
from secure_flask.accounts import leaving, mail_limits, smtp
from secure_flask.accounts.outbox import OutgoingMail
from secure_flask.accounts.passkeys import Passkey
from secure_flask.accounts.settings import public_host
from secure_flask.accounts.users import AccountMixin
from secure_flask.auth import route_table
from secure_flask.auth.users import user_class
from secure_flask.checks import Finding, register_check
from secure_flask.clock import seconds_now
from secure_flask.database import db
from sqlalchemy import Select, func, inspect, select
from sqlalchemy.exc import SQLAlchemyError

LATE = 15 * 60  # seconds


@register_check("mail.unreachable", "warning", deploy=True)
def unreachable_mail_server(app: Flask) -> Iterator[Finding]:
    # Only development runs without MAIL_URL, and `settings.development` reports that.
    if not app.config["MAIL_URL"]:
        return
    try:
        with smtp.connect_to_mail_server():
            return
    except (OSError, ValueError) as error:
        yield Finding(
            f"The mail server takes no mail ({smtp.failure_reason(error)}): nobody can register or "
            "get a new password.",
            hint="Check MAIL_URL, whether the network lets the app reach it, and the server's "
            "certificate.",
        )


@register_check("mail.waiting", "warning")
def late_mails(app: Flask) -> Iterator[Finding]:
    late = (OutgoingMail.due.is_not(None), OutgoingMail.created < seconds_now() - LATE)
    if number := _count_rows(select(func.count()).select_from(OutgoingMail).where(*late)):
        yield Finding(
            f"{number} mails wait for more than a quarter of an hour.",
            hint="Look for mail_failed in the log. `.venv/bin/flask mail status` says which wait.",
        )


@register_check("mail.limit-reached", "warning")
def used_up_mails(app: Flask) -> Iterator[Finding]:
    if number := _zero_without_tables(mail_limits.count_kept_mails):
        yield Finding(
            f"{number} mails with a link wait, since the site has sent its share of "
            "MAILS_PER_HOUR.",
            hint="Somebody may ask for many: look for excess_rate_limit_exceeded in the log. If "
            "your mail server allows more mails, raise MAILS_PER_HOUR.",
        )


@register_check("passkeys.other-host", "error")
def passkeys_of_another_host(app: Flask) -> Iterator[Finding]:
    of_another_host = Passkey.host != public_host()
    if number := _count_rows(select(func.count()).where(of_another_host)):
        yield Finding(
            f"{number} passkeys were made for another host than that of PUBLIC_URL, and do not "
            "work.",
            hint="Set PUBLIC_URL back, or tell their users to log in by password and to add new "
            "ones.",
        )


@register_check("accounts.role-without-second-factor", "warning", deploy=True)
def roles_without_second_factor(app: Flask) -> Iterator[Finding]:
    for role in sorted(route_table.demanded_roles(app) - {*app.config["SECOND_FACTOR_ROLES"]}):
        yield Finding(
            f"The password alone of a user with the role {role} gives all its rights.",
            hint="Add the role to SECOND_FACTOR_ROLES in app/policy.py.",
        )


@register_check("accounts.undeletable", "error")
def undeletable_users(app: Flask) -> Iterator[Finding]:
    for key in leaving.references_to_users(None, "NO ACTION", "RESTRICT"):
        yield Finding(
            f"{key.parent} has no ON DELETE action: an account with a row there cannot be deleted.",
            hint='Write ForeignKey("users.id", ondelete="CASCADE"), or "SET NULL". Then run: '
            ".venv/bin/flask db migrate",
        )


@register_check("accounts.required-column", "error")
def required_columns(app: Flask) -> Iterator[Finding]:
    if not app.config["REGISTRATION"]:
        return
    for name, column in inspect(user_class()).columns.items():
        has_default = column.default is not None or column.server_default is not None
        if not column.nullable and not has_default and not hasattr(AccountMixin, name):
            yield Finding(
                f"{column} must not be empty, and a registration has no value for it: nobody can "
                "confirm one.",
                hint="Write Mapped[str | None] in app/models.py, or give it a default. Then run: "
                ".venv/bin/flask db migrate",
            )


def _count_rows(statement: Select[int]) -> int:
    return _zero_without_tables(lambda: db.session.scalar(statement) or 0)


def _zero_without_tables(count: Callable[[], int]) -> int:
    """The number, or 0 if tables are missing, which the check `database.migrations` reports."""
    try:
        return count()
    except SQLAlchemyError:
        db.session.rollback()
        return 0
