"""One mutant in a process of its own, forked from one that has imported the libraries already."""

from __future__ import annotations

import multiprocessing
import os
import resource
import sys
from collections.abc import Generator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from multiprocessing.connection import Connection
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import pytest

from tools.mutation.mutants import PROJECT, TEMPLATE

LIBRARIES = [
    *("pytest", "hypothesis", "flask", "flask_migrate", "flask_sqlalchemy", "flask_wtf"),
    *("limits.storage", "pydantic_settings", "pyotp", "redis", "segno", "structlog"),
    *("sqlalchemy.dialects.sqlite", "sqlalchemy.orm", "webauthn", "argon2"),
]
# One still notices a mutant where the other is deleted.
MOST_KILLERS = 2
# Many times what its tests take on a busy machine: a mutant that hangs counts as noticed.
SECONDS = 180
# A loop that no longer ends may fill a list.
MOST_MEMORY = 4 * 2**30  # bytes


class MutatedLoader(SourceFileLoader):
    """Loads a module from a source that is in no file, so that no check of files notices it."""

    source = ""

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.source.encode(), self.path)


class MutatedFinder(MetaPathFinder):
    """Finds the one module that is mutated."""

    def __init__(self, module: Path, source: str) -> None:
        parts = module.relative_to(PROJECT).with_suffix("").parts
        self.name = ".".join(part for part in parts if part != "__init__")
        # From Python 3.15 on, mypy demands a method of loaders that importlib no longer has.
        self.loader: Any = MutatedLoader(self.name, str(module))
        self.loader.source = source

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self.name:
            return None
        return spec_from_file_location(fullname, self.loader.path, loader=self.loader)


class Chosen:
    """Keeps the chosen tests of the files, and ends the run when enough of them have failed."""

    def __init__(self, tests: Sequence[str]) -> None:
        self.tests = set(tests)
        self.killers: list[str] = []

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if item.nodeid in self.tests]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and report.nodeid not in self.killers:
            self.killers.append(report.nodeid)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        ended = yield
        if len({killer.partition("[")[0] for killer in self.killers}) >= MOST_KILLERS:
            item.session.shouldstop = "Enough tests have failed."
        return ended


def run_in_process(module: Path, source: str, tests: Sequence[str], answer: Connection) -> None:
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    os.chdir(TEMPLATE)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    sys.meta_path.insert(0, MutatedFinder(module, source))
    chosen = Chosen(tests)
    files = dict.fromkeys(test.partition("::")[0] for test in tests)
    status = pytest.main(["-q", "-p", "no:xdist", *files], plugins=[chosen])
    ended_well = status in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}
    answer.send(chosen.killers if ended_well or chosen.killers else ["(import)"])


def killers_of(module: Path, source: str, tests: Sequence[str]) -> list[str]:
    """Return the tests that fail with this source of a module.

    `(import)` stands for a module that cannot be imported, `(time)` for tests that never end.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(LIBRARIES)
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=run_in_process, args=(module, source, tests, theirs))
    process.start()
    theirs.close()
    try:
        return list(ours.recv()) if ours.poll(SECONDS) else ["(time)"]
    except EOFError:
        return ["(import)"]
    finally:
        process.kill()
        process.join()
