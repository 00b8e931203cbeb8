"""`make mutation`: chooses a sample, runs what is left of it, and shows what survived.

A run that was stopped goes on where it was, as long as the core and its tests are the same.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import TestOutcome, WorkerOutcome, WorkItem, WorkResult

from tools.mutation.mutants import CORE, TEMPLATE, mutate, packages_of_core, sample_of
from tools.mutation.reach import OWN_PROCESS, Reached
from tools.mutation.report import lines_of_report, reasons_of, write
from tools.mutation.runs import killers_of

KEPT = TEMPLATE / ".venv" / "mutation-sessions"
TESTS = TEMPLATE / "tests" / "core"
PAGE = TEMPLATE / "docs" / "mutation.md"
# The tests that noticed a mutant. It is known by its module, by the operator of cosmic-ray, and by
# which of the places of that operator it changes.
Killers = dict[tuple[str, str, int], list[str]]


def digest_of(*folders: Path) -> str:
    digest = hashlib.sha256()
    for folder in folders:
        for file in sorted(folder.rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def reached_lines(tests: list[str]) -> Reached:
    """Run the tests once with coverage, unless that was done for the same files."""
    names = hashlib.sha256(" ".join(tests).encode()).hexdigest()[:12]
    folder = KEPT / f"reach-{digest_of(CORE, TESTS)}-{names}"
    if not (folder / "done").exists():
        print("Run the tests once, to see which lines each one reaches.", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for path in tests:
            measure(folder, path)
        (folder / "done").touch()
    return Reached(folder)


def measure(folder: Path, tests: str) -> None:
    # The faster core of coverage has no contexts.
    environment = os.environ | {"MUTATION_REACH": str(folder), "COVERAGE_CORE": "ctrace"}
    options = ["-q", "-n", "auto", "--dist", "worksteal", "-p", "tools.mutation.reach", tests]
    command = [sys.executable, "-m", "pytest", *options]
    subprocess.run(command, cwd=TEMPLATE, env=environment, check=True)


def place_of(item: WorkItem) -> tuple[str, str, int]:
    mutation = item.mutations[0]
    return str(mutation.module_path), mutation.operator_name, mutation.occurrence


def earlier_killers(path: Path) -> Killers:
    """Return what noticed each mutant in sessions of the same sample, before the tests changed."""
    found: Killers = {}
    sample = path.stem.rpartition("-")[0]
    for earlier in sorted(KEPT.glob(f"{sample}-*.sqlite")):
        with use_db(earlier) as session:
            for item, result in session.completed_work_items:
                found[place_of(item)] = json.loads(result.output)
    return found


def result_of(item: WorkItem, reached: Reached, earlier: Killers) -> WorkResult:
    """Run what noticed the mutant earlier, and if that does not, the other tests that reach it."""
    mutation = item.mutations[0]
    source = mutate(mutation)
    lines = range(mutation.start_pos[0], mutation.end_pos[0] + 1)
    known = [test for test in earlier.get(place_of(item), []) if test in reached.seconds]
    chosen = reached.chosen_tests(mutation.module_path, lines)
    killers: list[str] = []
    for tests in [known, *chosen] if known else chosen:
        killers = killers or killers_of(mutation.module_path, source, tests)
    outcome = TestOutcome.KILLED if killers else TestOutcome.SURVIVED
    return WorkResult(WorkerOutcome.NORMAL, output=json.dumps(killers), test_outcome=outcome)


def run(session: WorkDB, reached: Reached, earlier: Killers, processes: int) -> None:
    """Run each mutant that has no result yet, and store which tests kill it."""
    pending = session.pending_work_items
    with ThreadPoolExecutor(processes) as pool:
        running = {pool.submit(result_of, item, reached, earlier): item for item in pending}
        try:
            for count, done in enumerate(as_completed(running), 1):
                session.set_result(running[done].job_id, done.result())
                print(f"{count} of {len(pending)}", flush=True)
        finally:
            pool.shutdown(cancel_futures=True)


def sessions(options: argparse.Namespace) -> Iterator[tuple[str, Path]]:
    packages = packages_of_core()
    for package in options.packages or packages:
        if package not in packages:
            sys.exit(f"{package} is no package of the core. Write of these: {', '.join(packages)}.")
        name = f"{package}-{options.sample}-{options.seed}-{digest_of(CORE, TESTS)}.sqlite"
        path = KEPT / name
        if not path.exists():
            KEPT.mkdir(exist_ok=True)
            with use_db(path) as session:
                session.add_work_items(sample_of(packages[package], options.sample, options.seed))
        yield package, path


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.mutation", description=__doc__)
    parser.add_argument("packages", nargs="*", help="folders of the core; all of them by default")
    parser.add_argument("--sample", type=int, default=100, help="mutants of each package")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--tests", nargs="+", default=["tests/core", OWN_PROCESS])
    parser.add_argument("--page", type=Path, help="write the report there, and keep its reasons")
    options = parser.parse_args()
    chosen = list(sessions(options))
    reached = reached_lines(options.tests)
    results = {}
    for package, path in chosen:
        print(f"== {package}", flush=True)
        with use_db(path) as session:
            run(session, reached, earlier_killers(path), options.processes)
            results[package] = session.completed_work_items
    report = "\n".join(lines_of_report(results, reasons_of(options.page or PAGE)))
    print(report)
    if options.page:
        write(options.page, report)


if __name__ == "__main__":
    main()
