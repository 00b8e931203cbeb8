"""Finds rows by an encrypted column: its blind index is compared, and nothing else is allowed.

Equal values have different ciphertexts, so a comparison of these would find no row.
"""

from operator import eq, ne
from typing import TYPE_CHECKING, Any, NoReturn, cast

from secure_flask.crypto.blind_indexes import blind_indexes
from sqlalchemy import ColumnElement, inspect
from sqlalchemy.ext.hybrid import ExprComparator, hybrid_property
from sqlalchemy.sql.operators import OperatorType, in_op, is_, is_not, not_in_op

if TYPE_CHECKING:
    from secure_flask.crypto.encrypted_columns import EncryptedColumn


class Search(ExprComparator[Any]):
    """Finds rows by the blind index; any other comparison raises TypeError."""

    def __init__(self, model: Any, column: "EncryptedColumn", hybrid: hybrid_property[Any]) -> None:
        super().__init__(model, model, hybrid)
        self.model, self.column = model, column

    def __clause_element__(self) -> Any:
        refuse(self.column.name)

    def operate(self, op: OperatorType, *other: Any, **kwargs: Any) -> ColumnElement[Any]:
        [value] = other
        if value is None and op in (eq, ne, is_, is_not):
            stored = getattr(self.model, self.column.encrypted)
            return cast(ColumnElement[Any], op(stored, None))
        if not self.column.indexed or op not in (eq, ne, in_op, not_in_op):
            refuse(self.column.name)
        values = value if op in (in_op, not_in_op) else [value]
        context = self.column.context_in(inspect(self.model).mapper)
        indexes = [index for text in values for index in blind_indexes(text, context=context)]
        stored = getattr(self.model, self.column.index)
        found = stored.in_(indexes) if op in (eq, in_op) else stored.not_in(indexes)
        return cast(ColumnElement[Any], found)


def refuse(name: str) -> NoReturn:
    """Say what a query may do with an encrypted column.

    :raises TypeError: always.
    """
    raise TypeError(
        f"{name} is encrypted: select and change whole objects. Comparing works only by ==, !="
        " and in_, and needs index=True"
    )
