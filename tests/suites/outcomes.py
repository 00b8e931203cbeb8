"""`-p suites.outcomes --outcomes FILE`: writes how each test ended, as JSON.

The file holds `{"tests/test_basic.py::test_session": "passed", …}`. pytest itself then ends
without an error, also where tests failed.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from _pytest import monkeypatch

# Flask's own conftest.py imports this name, which pytest 9.1 has removed.
if not hasattr(monkeypatch, "notset"):
    monkeypatch.notset = monkeypatch.NOTSET  # type: ignore[attr-defined]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--outcomes", type=Path, required=True)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Outcomes(config.getoption("--outcomes")))


class Outcomes:
    def __init__(self, file: Path) -> None:
        self.file = file
        self.ended: dict[str, str] = {}

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.ended[report.nodeid] = "failed"

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        # Each test has three reports; it fails too where what it leaves is wrong.
        if self.ended.get(report.nodeid, "passed") == "passed":
            self.ended[report.nodeid] = report.outcome

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self.file.write_text(json.dumps(self.ended), "utf-8")
        if session.exitstatus == pytest.ExitCode.TESTS_FAILED:
            session.exitstatus = pytest.ExitCode.OK
