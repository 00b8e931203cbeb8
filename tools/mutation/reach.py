"""Which tests reach which lines: a plugin of pytest that gives each test a context of coverage.

It runs in each process of pytest-xdist, and writes one file of data for each.
"""

from __future__ import annotations

import json
import os
from collections.abc import Generator
from itertools import accumulate
from pathlib import Path

import pytest
from coverage import Coverage, CoverageData

from tools.mutation.mutants import CORE

# Their class of users is another one.
OWN_PROCESS = "tests/core/accounts/"
# One mutant runs at most so many tests in one process.
SECONDS, MOST_TESTS = 15, 600
# The context of coverage outside each test.
AT_IMPORT = ""


class Reach:
    """Notes the lines of the core that each test runs, and how long the test takes."""

    def __init__(self, folder: Path) -> None:
        self.seconds: dict[str, float] = {}
        self.folder = folder
        self.coverage = Coverage(
            data_file=str(folder / "coverage"),
            data_suffix=True,
            source=[str(CORE)],
            config_file=False,
        )
        self.coverage.start()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        self.coverage.switch_context(item.nodeid)
        return (yield)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0) + report.duration

    def pytest_unconfigure(self) -> None:
        self.coverage.stop()
        self.coverage.save()
        (self.folder / f"seconds-{os.getpid()}.json").write_text(json.dumps(self.seconds))


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Reach(Path(os.environ["MUTATION_REACH"])))


class Reached:
    """What the plugin wrote, all files together."""

    def __init__(self, folder: Path) -> None:
        self.seconds: dict[str, float] = {}
        for part in folder.glob("seconds-*.json"):
            self.seconds |= json.loads(part.read_text())
        self.data = CoverageData(str(folder / "all"))
        for file in folder.glob("coverage.*"):
            part_of_data = CoverageData(str(file))
            part_of_data.read()
            self.data.update(part_of_data)

    def tests_of(self, module: Path, lines: range) -> list[str]:
        """Return the tests that run one of these lines.

        A line that runs at import belongs to no test: all that reach the module stand for it.
        """
        contexts = self.data.contexts_by_lineno(str(module))
        found = {test for line in lines for test in contexts.get(line, [AT_IMPORT])}
        if AT_IMPORT in found:
            found.update(test for test in self.seconds if test.startswith(own_tests_of(module)))
            found.update(*contexts.values())
        return sorted(found - {AT_IMPORT})

    def chosen_tests(self, module: Path, lines: range) -> list[list[str]]:
        """Return what to run in one process and in the next: the module's own tests come first.

        They notice most mutants, and one file is collected soon. Those of the folder are next.
        Quick tests come before slow ones, and each process runs about 15 seconds of them.
        """
        own = own_tests_of(module)
        folder = folder_of_tests(module)

        def order(test: str) -> tuple[bool, bool, float]:
            seconds = self.seconds.get(test, 0)
            return not test.startswith(own), not test.startswith(folder), seconds

        tests = sorted(self.tests_of(module, lines), key=order)
        processes: dict[tuple[bool, bool], list[str]] = {}
        for test in tests:
            process = (test.startswith(own), test.startswith(OWN_PROCESS))
            processes.setdefault(process, []).append(test)
        return [self.within_seconds(part) for part in processes.values()]

    def within_seconds(self, tests: list[str]) -> list[str]:
        totals = accumulate(self.seconds.get(test, 0) for test in tests)
        within = [test for test, total in zip(tests, totals, strict=True) if total <= SECONDS]
        return (within or tests[:1])[:MOST_TESTS]


def own_tests_of(module: Path) -> str:
    return f"{folder_of_tests(module)}test_{module.stem}.py::"


def folder_of_tests(module: Path) -> str:
    return f"{Path('tests/core') / module.relative_to(CORE).parent}/"
