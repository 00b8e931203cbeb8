"""The sample: so many mutants of each package of the core, the same for the same seed."""

from __future__ import annotations

import ast
import random
import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from cosmic_ray.ast import ast_nodes, get_ast_from_path
from cosmic_ray.ast.ast_query import ASTQuery
from cosmic_ray.mutating import mutate_code
from cosmic_ray.work_item import MutationSpec, WorkItem

from tools.mutation.operators import OPERATORS, family_of

TEMPLATE = Path(__file__).parents[2]
PROJECT = TEMPLATE / "{{cookiecutter.project_slug}}"
CORE = PROJECT / "secure_flask"

REPLACES_EXCEPTION = "core/ExceptionReplacer"


def packages_of_core() -> dict[str, list[Path]]:
    """Return the modules of each folder below secure_flask, and those beside them as `core`."""
    packages = defaultdict(list)
    for module in sorted(CORE.rglob("*.py")):
        if module.name == "update.py":
            continue
        parts = module.relative_to(CORE).parts
        packages[parts[0] if len(parts) > 1 else "core"].append(module)
    return packages


def lines_without_effect(source: str) -> set[int]:
    """Return the lines of annotations and of imports for types, which no test can notice."""
    lines: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        for part in without_effect(node):
            lines.update(range(part.lineno, (part.end_lineno or part.lineno) + 1))
    return lines


def without_effect(node: ast.AST) -> Iterator[ast.expr | ast.stmt]:
    match node:
        case ast.arg(annotation=ast.expr() as annotation):
            yield annotation
        case ast.AnnAssign(annotation=annotation):
            yield annotation
        case ast.FunctionDef(returns=ast.expr() as returns):
            yield returns
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            yield node


def mutations_of(module: Path) -> Iterator[MutationSpec]:
    source = module.read_text("utf-8")
    ignored = lines_without_effect(source)
    lines = source.splitlines()
    tree = get_ast_from_path(module)
    for name, operator in OPERATORS.items():
        for occurrence, (node, start, end) in enumerate(positions(tree, operator())):
            # cosmic-ray cannot replace an exception by a dotted name, as in `except module.Error`.
            changed = lines[start[0] - 1][start[1] : end[1]]
            if name == REPLACES_EXCEPTION and "." in changed:
                continue
            if start[0] not in ignored:
                yield MutationSpec(
                    module_path=module,
                    operator_name=name,
                    occurrence=occurrence,
                    start_pos=start,
                    end_pos=end,
                    definition_name=ASTQuery(node).get_definition_name(),
                )


def positions(tree: Any, operator: Any) -> Iterator[tuple[Any, tuple[int, int], tuple[int, int]]]:
    for node in ast_nodes(tree):
        for start, end in operator.mutation_positions(node):
            yield node, start, end


def sample_of(modules: Sequence[Path], size: int, seed: int) -> list[WorkItem]:
    """Choose places by chance, and of those that replace one operator at a place a single one."""
    chance = random.Random(seed)
    places: dict[tuple[Path, tuple[int, int], str], list[MutationSpec]] = defaultdict(list)
    for module in modules:
        for mutation in mutations_of(module):
            key = (module, mutation.start_pos, family_of(mutation.operator_name))
            places[key].append(mutation)
    chosen = chance.sample(list(places.values()), min(size, len(places)))
    return [WorkItem.single(uuid.uuid4().hex, chance.choice(mutations)) for mutations in chosen]


def mutate(mutation: MutationSpec) -> str:
    """Return the source of the module with this mutation."""
    operator = OPERATORS[mutation.operator_name]()
    source = mutation.module_path.read_text("utf-8")
    mutated: str | None = mutate_code(source, operator, mutation.occurrence)
    if mutated is None:
        raise LookupError(f"{mutation.module_path} has changed since the sample was chosen.")
    return mutated
