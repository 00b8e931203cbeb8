"""What a run has shown: the share of each package, and each survivor by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from cosmic_ray.work_item import MutationSpec, TestOutcome, WorkItem, WorkResult

from tools.mutation.mutants import CORE, mutate

Completed = Sequence[tuple[WorkItem, WorkResult]]
# The sentence that says why a survivor may live, by the name of the survivor.
Reasons = Mapping[str, str]

# A reason that begins so is of a mutant that no test could notice, which the share leaves out.
NO_CHANGE = "Changes nothing"
TABLE = "| package |"


def lines_of_report(results: Mapping[str, Completed], reasons: Reasons) -> Iterator[str]:
    """A table of the packages in Markdown, then a list of what survived in each."""
    survivors = {package: names_of_survivors(results[package]) for package in results}
    yield f"{TABLE} mutants | change something | noticed | share |"
    yield "|---|--:|--:|--:|--:|"
    for package, completed in results.items():
        noticed = len(completed) - len(survivors[package])
        without_effect = [name for name in survivors[package] if is_no_change(name, reasons)]
        changed = len(completed) - len(without_effect)
        share = f"{noticed / changed:.0%}" if changed else "–"
        yield f"| `{package}` | {len(completed)} | {changed} | {noticed} | {share} |"
    for package, names in survivors.items():
        yield f"\n## {package}\n"
        for name in names or ["Nothing survived."]:
            yield f"- {name}"
            if name in reasons:
                yield f"  {reasons[name]}"


def names_of_survivors(completed: Completed) -> list[str]:
    return sorted(
        name_of(item.mutations[0])
        for item, result in completed
        if result.test_outcome == TestOutcome.SURVIVED
    )


def is_no_change(name: str, reasons: Reasons) -> bool:
    return reasons.get(name, "").startswith(NO_CHANGE)


def reasons_of(page: Path) -> Reasons:
    """Read why each survivor may live: the indented line below its name."""
    lines = page.read_text("utf-8").splitlines() if page.exists() else []
    return {
        name.removeprefix("- "): reason.strip()
        for name, reason in pairwise(lines)
        if name.startswith("- ") and reason.startswith("  ")
    }


def write(page: Path, report: str) -> None:
    """Put the report below the words of the page, which stay, with the tables in them."""
    present = page.read_text("utf-8") if page.exists() else ""
    words = present.rpartition(TABLE)[0] or present
    page.write_text(f"{words}{report}\n", "utf-8")


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
