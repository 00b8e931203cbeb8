"""Encryption contexts: each encrypted column has its own, which binds its values to it.

Without a context, anybody with write access to the database could copy a value from one
column to another. Source: OWASP ASVS 11.3.3.
"""

import json

from sqlalchemy import Table


def context_of_column(table: Table, name: str) -> str:
    """The context of an encrypted attribute: `table.name`, with the schema if there is one."""
    if table.schema is None:
        return f"{table.name}.{name}"
    # JSON, since names may contain dots.
    return json.dumps([table.schema, table.name, name])


def claim(context: str, table: Table, name: str) -> None:
    """Reserve a context for one column.

    :raises TypeError: another column of the same metadata has this context.
    """
    column = f"{table.fullname}.{name}"
    owner = table.metadata.info.setdefault("encryption contexts", {}).setdefault(context, column)
    if owner != column:
        raise TypeError(
            f"{column} and {owner} have the same encryption context, {context!r}, so values"
            " could be copied between them: give each its own."
        )
