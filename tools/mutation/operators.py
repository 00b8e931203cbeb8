"""How a mutant differs from the core: the operators of cosmic-ray, and one for whole statements."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from cosmic_ray.operators.operator import Example, Operator
from cosmic_ray.plugins import get_operator, operator_names
from parso import parse

Position = tuple[tuple[int, int], tuple[int, int]]


def is_removable(statement: Any) -> bool:
    """Whether it is a call, a raise, or an assignment to an attribute or an item."""
    if statement.type == "raise_stmt":
        return True
    if statement.type == "atom_expr":
        return bool(statement.get_last_leaf().value == ")")
    return bool(statement.type == "expr_stmt" and statement.children[0].type == "atom_expr")


class RemoveStatement(Operator):  # type: ignore[misc]  # cosmic-ray has no types.
    """Puts `pass` in place of a statement: guards are often a call or a raise."""

    def mutation_positions(self, node: Any) -> Iterator[Position]:
        if node.type == "simple_stmt" and is_removable(node.children[0]):
            yield node.children[0].start_pos, node.children[0].end_pos

    def mutate(self, node: Any, index: int) -> Any:
        nothing = parse("pass").get_first_leaf()
        nothing.prefix = node.get_first_leaf().prefix
        node.children[0] = nothing
        return node

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (Example("refuse(request)\n", "pass\n"), Example("raise NotFound\n", "pass\n"))


# Those that take arguments need a list of names for each module.
OPERATORS: dict[str, type[Any]] = {
    name: operator for name in operator_names() if not (operator := get_operator(name)).arguments()
} | {"mutation/RemoveStatement": RemoveStatement}


def family_of(operator_name: str) -> str:
    """Return the operator without what it writes: twelve replace one `==`."""
    return operator_name.partition("_")[0]
