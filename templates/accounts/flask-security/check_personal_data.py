"""Finds tables with ids of users that PERSONAL_DATA leaves out, or that keep users from leaving.

Source: GDPR, articles 15 and 17; OWASP ASVS 14.2.7.
"""

from collections.abc import Iterator
from logging import ERROR, WARNING

from flask import Flask

from app.accounts.leaving import owned_rows
from app.checks.registry import check
from app.programs import FLASK


@check(
    "personal-data.unlisted",
    WARNING,
    "{} holds ids of users, and PERSONAL_DATA does not name it: people cannot download its rows.",
    "Add it to PERSONAL_DATA in app/policy.py. Accept this if all such rows are about others.",
)
def unlisted_tables(app: Flask) -> list[str]:
    listed = app.config["PERSONAL_DATA"]
    tables = [column.table.fullname for column in owned_rows.references()]
    return sorted({table for table in tables if table not in listed})


@check(
    "personal-data.undeletable",
    ERROR,
    "{} has no ON DELETE action: deleting an account fails if one of its rows names the user.",
    'Write ForeignKey("users.id", ondelete="CASCADE"), or "SET NULL". '
    f"Then run: {FLASK} db migrate",
)
def undeletable_users(app: Flask) -> Iterator[str]:
    # Rows of the named columns are deleted before their user.
    deleted = owned_rows.named()
    for column in owned_rows.references():
        actions = {key.ondelete for key in column.foreign_keys}
        if column not in deleted and not actions <= {"CASCADE", "SET NULL", "SET DEFAULT"}:
            yield str(column)
