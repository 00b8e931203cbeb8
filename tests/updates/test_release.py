"""A tag is released only where all that names its version agrees, and a key signs it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import support
from updates import releases

NOTES = "tools/release-notes"
SIGNERS = support.FOLDER / "secure_flask" / "SIGNERS"
VERSION = support.SETTINGS["_version"]
ENTRY = (
    f"# Changelog\n\n## [{VERSION}] - 2026-12-01\n\n- First.\n\n## [0.0.9] - 2026-01-01\n\n- Old.\n"
)
KEY = 'release@example.org namespaces="git" ssh-ed25519 AAAA\n'


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """What the check of a tag reads, as it is at a release."""
    for file in (support.TEMPLATE / NOTES, SIGNERS):
        support.copy(file, tmp_path / file.relative_to(support.TEMPLATE))
    questions = (support.TEMPLATE / "cookiecutter.json").read_text("utf-8")
    (tmp_path / "cookiecutter.json").write_text(questions.replace("YOUR_ORG", "someone"), "utf-8")
    (tmp_path / "CHANGELOG.md").write_text(ENTRY, "utf-8")
    signers(tmp_path).write_text(KEY, "utf-8")
    return tmp_path


def signers(repository: Path) -> Path:
    return repository / SIGNERS.relative_to(support.TEMPLATE)


def check(repository: Path, tag: str = f"v{VERSION}") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", NOTES, tag], cwd=repository, capture_output=True, encoding="utf-8"
    )


def test_this_version_has_notes_of_one_screen(repository: Path) -> None:
    changelog = (support.TEMPLATE / "CHANGELOG.md").read_text("utf-8")
    dated = changelog.replace("] - not released", "] - 2027-01-01")
    (repository / "CHANGELOG.md").write_text(dated, "utf-8")
    assert 0 < len(check(repository).stdout.split("\n")) < 40


def test_the_notes_are_the_entry_of_the_changelog(repository: Path) -> None:
    assert check(repository).stdout.split() == ["-", "First."]


def test_another_version_is_refused(repository: Path) -> None:
    assert f"has _version {VERSION}" in check(repository, "v9.9.9").stderr


@pytest.mark.parametrize("heading", ["[Unreleased]", f"[{VERSION}] - not released"])
def test_a_version_without_a_dated_entry_is_refused(heading: str, repository: Path) -> None:
    (repository / "CHANGELOG.md").write_text(f"# Changelog\n\n## {heading}\n\n- New.\n", "utf-8")
    assert "no dated entry" in check(repository).stderr


def test_a_release_that_nobody_signs_is_refused(repository: Path) -> None:
    signers(repository).write_text("# The keys that sign releases\n", "utf-8")
    refused = check(repository)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "lists no key" in refused.stderr


def test_a_release_whose_projects_would_ask_no_address_is_refused(repository: Path) -> None:
    questions = repository / "cookiecutter.json"
    releases.substitute(questions, r"(\"_source\": \")", r"\1https://YOUR_ORG")
    refused = check(repository)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "has YOUR_ORG in _source" in refused.stderr
