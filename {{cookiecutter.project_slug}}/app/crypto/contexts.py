"""Contexts: each encrypted column has one of its own, so that no value serves in another.

Whoever can write to the database could otherwise copy a value from one table to another.
Source: OWASP ASVS 11.3.3.
"""

import json

from sqlalchemy import Table


def context_of_column(table: Table, name: str) -> str:
    """The context of an encrypted attribute: `table.name`, and the schema where there is one."""
    if table.schema is None:
        return f"{table.name}.{name}"
    # No dot could tell where a schema ends.
    return json.dumps([table.schema, table.name, name])


def claim(context: str, table: Table, name: str) -> None:
    """Keep a context for one column.

    :raises TypeError: another column of the same metadata has it.
    """
    column = f"{table.fullname}.{name}"
    owner = table.metadata.info.setdefault("encryption contexts", {}).setdefault(context, column)
    if owner != column:
        raise TypeError(
            f"{column} and {owner} have the same encryption context, {context!r}, so that values"
            " could be copied between them: give each another one."
        )
