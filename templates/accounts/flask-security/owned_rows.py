"""The rows of your tables that belong to a user, as PERSONAL_DATA in policy.py names them.

A wrong name would silently leave rows out of what people download, and behind when they leave.
So it stops the app. Source: GDPR, articles 15, 17 and 20; OWASP ASVS 14.2.7.
"""

from typing import Any

from flask import Flask, current_app
from sqlalchemy import Column, Table, delete, select
from sqlalchemy.orm import Mapper

from app.accounts.factors.second_factor_limits import TrustedNetwork
from app.accounts.leaving import row_values
from app.accounts.pending import PendingStep
from app.auth.factors import Passkey, RecoveryCode
from app.auth.grants import Grant
from app.auth.roles import user_roles
from app.auth.users import User
from app.db import Model, db
from app.security.origins import PolicyError

# personal_data.py shows what people may read of these, and they end with their user.
_OF_ACCOUNTS = {
    *(each.__table__ for each in (Grant, Passkey, PendingStep, RecoveryCode, TrustedNetwork)),
    user_roles,
}


def references() -> list[Column[Any]]:
    """The columns of your tables that refer to a user; a table that others refer to comes first."""
    return [
        column
        for table in Model.metadata.sorted_tables
        if table not in _OF_ACCOUNTS
        for column in table.columns
        if any(key.target_fullname == "users.id" for key in column.foreign_keys)
    ]


def named() -> list[Column[Any]]:
    """The columns that PERSONAL_DATA names, in the same order."""
    owners: dict[str, str] = current_app.config["PERSONAL_DATA"]
    return [each for each in references() if owners.get(each.table.fullname) == each.name]


def read(user: User) -> dict[str, list[dict[str, Any]]]:
    """The rows of a user by table, with their values as JSON."""
    return {column.table.fullname: _read(column, user) for column in named()}


def remove(user: User) -> None:
    """Delete the rows of a user, within the caller's transaction."""
    for column in reversed(named()):
        model = _model(column.table)
        if model is None:
            db.session.execute(delete(column.table).where(column == user.id))
            continue
        # One by one, so that the rules of your relationships for deleted rows apply.
        for row in _objects(model, column, user):
            db.session.delete(row)
        db.session.flush()


def init_app(app: Flask) -> None:
    """Compare PERSONAL_DATA with the tables.

    :raises PolicyError: it names a table or column that holds no ids of users.
    """
    owners = app.config["PERSONAL_DATA"]
    if not isinstance(owners, dict):
        raise PolicyError('policy.py: PERSONAL_DATA is no dict. Write {"tasks": "owner_id"}.')
    known = {(each.table.fullname, each.name) for each in references()}
    for table, column in owners.items():
        if (table, column) not in known:
            lines = ", ".join(f'"{table}": "{column}"' for table, column in sorted(known))
            raise PolicyError(
                f'policy.py: PERSONAL_DATA names "{table}": "{column}", and no column of that name '
                f"refers to users.id. Write one of these: {lines or 'none, no table does'}."
            )


def _read(column: Column[Any], user: User) -> list[dict[str, Any]]:
    model = _model(column.table)
    if model is not None:
        return [row_values.of(row) for row in _objects(model, column, user)]
    rows = db.session.execute(select(column.table).where(column == user.id)).mappings()
    return [{name: row_values.as_json(value) for name, value in row.items()} for row in rows]


def _objects(model: type[Any], column: Column[Any], user: User) -> list[Any]:
    return list(db.session.scalars(select(model).where(column == user.id)).unique())


def _model(table: Table) -> type[Any] | None:
    """The class of a table; None for one without a class, as between two others."""
    mappers: list[Mapper[Any]] = [
        mapper for mapper in Model.registry.mappers if mapper.local_table is table
    ]
    # With several classes in one table, the one that all others inherit from.
    bases = [mapper for mapper in mappers if mapper.inherits not in mappers]
    return bases[0].class_ if bases else None
