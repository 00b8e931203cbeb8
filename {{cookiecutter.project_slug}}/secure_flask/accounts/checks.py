"""Checks of accounts: mail, passkeys of another host, weak roles, columns that stop a request.

Source: OWASP ASVS 6.3.3, 6.4.3; GDPR, article 17.
"""

import time
from collections.abc import Callable, Iterable

from flask import Flask
from secure_flask.accounts import leaving, mail_limits, public_urls, smtp
from secure_flask.accounts.outbox import Mail
from secure_flask.accounts.passkeys import Passkey
from secure_flask.accounts.users import AccountMixin
from secure_flask.auth import route_table
from secure_flask.auth.users import user_class
from secure_flask.checks.registry import check
from secure_flask.database import db
from sqlalchemy import Select, func, inspect, select
from sqlalchemy.exc import SQLAlchemyError

LATE = 15 * 60  # seconds


@check("mail.unreachable", "warning", deploy=True)
def unreachable_mail_server(app: Flask) -> Iterable[str]:
    """The mail server takes no mail ({}): nobody can register or get a new password.

    Check MAIL_URL, whether the network lets the app reach it, and the server's certificate.
    """
    # Development has no server without MAIL_URL; settings.development reports that.
    if not app.config["MAIL_URL"]:
        return []
    try:
        with smtp.connect_to_mail_server():
            return []
    except (OSError, ValueError) as error:
        return [smtp.failure_reason(error)]


@check("mail.waiting", "warning")
def late_mails(app: Flask) -> Iterable[str]:
    """{} mails wait for more than a quarter of an hour.

    Look for mail_failed in the log. `.venv/bin/flask mail status` says which wait.
    """
    late = (Mail.due.is_not(None), Mail.created < int(time.time()) - LATE)
    return _number(select(func.count()).select_from(Mail).where(*late))


@check("mail.limit-reached", "warning")
def used_up_mails(app: Flask) -> Iterable[str]:
    """{} mails with a link wait, since the site has sent its share of MAILS_PER_HOUR.

    Somebody may ask for many: look for excess_rate_limit_exceeded in the log. If your mail server
    allows more mails, raise MAILS_PER_HOUR.
    """
    return _silent_without_tables(mail_limits.count_kept_mails)


@check("passkeys.other-host", "error")
def passkeys_of_another_host(app: Flask) -> Iterable[str]:
    """{} passkeys were made for another host than that of PUBLIC_URL, and do not work.

    Set PUBLIC_URL back, or tell their users to log in by password and to add new ones.
    """
    return _number(select(func.count()).where(Passkey.host != public_urls.public_host()))


@check("accounts.role-without-second-factor", "warning", deploy=True)
def roles_without_second_factor(app: Flask) -> Iterable[str]:
    """The password alone of a user with the role {} gives all its rights.

    Add the role to SECOND_FACTOR_ROLES in app/policy.py.
    """
    return sorted(route_table.demanded_roles(app) - {*app.config["SECOND_FACTOR_ROLES"]})


@check("accounts.undeletable", "error")
def undeletable_users(app: Flask) -> Iterable[str]:
    """{} has no ON DELETE action: an account with a row there cannot be deleted.

    Write ForeignKey("users.id", ondelete="CASCADE"), or "SET NULL". Then run:
    .venv/bin/flask db migrate
    """
    return [str(key.parent) for key in leaving.references_to_users(None, "NO ACTION", "RESTRICT")]


@check("accounts.required-column", "error")
def required_columns(app: Flask) -> Iterable[str]:
    """{} must not be empty, and a registration has no value for it: nobody can confirm one.

    Write Mapped[str | None] in app/models.py, or give it a default. Then run:
    .venv/bin/flask db migrate
    """
    if not app.config["REGISTRATION"]:
        return []
    return [
        str(column)
        for name, column in inspect(user_class()).columns.items()
        if not column.nullable
        and column.default is None
        and column.server_default is None
        and not hasattr(AccountMixin, name)
    ]


def _number(counted: Select[int]) -> list[str]:
    return _silent_without_tables(lambda: db.session.scalar(counted) or 0)


def _silent_without_tables(count: Callable[[], int]) -> list[str]:
    """The number, unless it is 0; nothing without the tables, which database.migrations reports."""
    try:
        number = count()
    except SQLAlchemyError:
        db.session.rollback()
        return []
    return [str(number)] if number else []
