"""Says once that a red test here may be no defect."""

import pytest

HINT = (
    "tests/starter/ tests the example and the look of the start page, nothing else. If you "
    "replaced these, delete the tests that are red; remove.py deletes the example and the folder."
)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = terminalreporter.getreports("failed") + terminalreporter.getreports("error")
    if any("tests/starter/" in report.nodeid for report in reports):
        terminalreporter.write_line(HINT, yellow=True)
