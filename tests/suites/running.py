"""Fetches the source of a package with its tests, and runs them plain or with the core."""

from __future__ import annotations

import importlib.metadata
import json
import re
import shutil
import tarfile
from importlib.util import find_spec
from pathlib import Path

import support

PINS = support.TEMPLATE / "tools" / "requirements" / "dev.txt"
HERE = Path(__file__).parent

# How each test ended, by its file, name and parameters.
Outcomes = dict[str, str]


def fetch_source(package: str, folder: Path) -> Path:
    """Unpack the source of the installed version, which tools/requirements/dev.txt names with its hashes."""
    support.need(find_spec("pip"), "pip")
    [pin] = re.findall(rf"^{package}==.*(?:\n +--hash=.*)+", PINS.read_text("utf-8"), re.MULTILINE)
    assert pin.startswith(f"{package}=={importlib.metadata.version(package)} ")
    (folder / "pin.txt").write_text(pin, "utf-8")
    _download(package, folder)
    [archive] = folder.glob("*.tar.gz")
    with tarfile.open(archive) as files:
        files.extractall(folder, filter="data")
    return folder / archive.name.removesuffix(".tar.gz")


def _download(package: str, folder: Path) -> None:
    which = ("--no-deps", "--no-binary", package, "--require-hashes", "--requirement", "pin.txt")
    try:
        support.python("-m", "pip", "download", "--quiet", *which, cwd=folder)
    except AssertionError as failed:
        # An archive with another hash fails the test; without a network the test is skipped.
        if "HASHES" in str(failed):
            raise
        support.need(False, "the package index")


def run_suite(source: Path, folder: Path, *plugins: str) -> Outcomes:
    """Run a suite in a copy of its source with plugins of `suites`; the outcome of each test."""
    copy, importable = folder / "source", folder / "importable"
    shutil.copytree(source, copy, symlinks=True)
    # Nothing else of the template's folder: its `app` and `wsgi` have names that suites use.
    support.copy(support.FOLDER / "secure_flask", importable / "secure_flask")
    support.copy(HERE, importable / "suites")
    outcomes = folder / "outcomes.json"
    loaded = [part for name in ("outcomes", *plugins) for part in ("-p", f"suites.{name}")]
    support.python(
        *("-m", "pytest", "-q", "-p", "no:cacheprovider", "--continue-on-collection-errors"),
        *loaded,
        *("--outcomes", str(outcomes), "tests"),
        cwd=copy,
        PYTHONPATH=str(importable),
        PYTEST_DISABLE_PLUGIN_AUTOLOAD="1",
    )
    ended: Outcomes = json.loads(outcomes.read_text("utf-8"))
    return ended


def passing(outcomes: Outcomes) -> set[str]:
    return {test for test, outcome in outcomes.items() if outcome == "passed"}


def names_of(tests: set[str]) -> set[str]:
    """Return the names without their file and parameters, as in `TestRoutes::test_sort`."""
    return {re.sub(r"\[.*", "", test).partition("::")[2] for test in tests}
