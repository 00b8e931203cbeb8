"""What a run has shown: the share of each package, and each survivor by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cosmic_ray.work_item import MutationSpec, TestOutcome, WorkItem, WorkResult

from bite.mutants import CORE, mutate

Completed = Sequence[tuple[WorkItem, WorkResult]]


def lines_of_report(results: Mapping[str, Completed]) -> Iterator[str]:
    """A table of the packages in Markdown, then a list of what survived in each."""
    yield "| package | mutants | noticed | share |"
    yield "|---|--:|--:|--:|"
    for package, completed in results.items():
        noticed = sum(result.test_outcome == TestOutcome.KILLED for _, result in completed)
        share = noticed / len(completed)
        yield f"| `{package}` | {len(completed)} | {noticed} | {share:.0%} |"
    for package, completed in results.items():
        survivors = [
            name_of(item.mutations[0])
            for item, result in completed
            if result.test_outcome == TestOutcome.SURVIVED
        ]
        yield f"\n## {package}\n"
        yield from (f"- {name}" for name in sorted(survivors) or ["Nothing survived."])


def name_of(mutation: MutationSpec) -> str:
    """Name a mutant by its function and what its line said and says.

    The number of the line is left out, since it changes with each line above.
    """
    before, after = changed_lines(mutation)
    module = mutation.module_path.relative_to(CORE)
    return f"`{module}` {mutation.definition_name or ''}: `{before}` → `{after}`"


def changed_lines(mutation: MutationSpec) -> tuple[str, str]:
    number = mutation.start_pos[0] - 1
    before = mutation.module_path.read_text("utf-8").splitlines()
    after = mutate(mutation).splitlines()
    changed = next((n for n in range(number, len(after)) if before[n] != after[n]), number)
    return before[changed].strip(), after[changed].strip()
