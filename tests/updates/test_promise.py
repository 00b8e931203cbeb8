"""The promise: the app/ of an earlier release runs with today's core of the same minor version.

From 1.0 on, of the same major version. Each project takes today's core as its owner would, by the
`update.py` that it was rendered with.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

import support
from updates import releases
from updates.releases import Repository

VERSION: str = support.SETTINGS["_version"]
# A clone may lack the tags; what was released is known without them.
CHANGELOG = (support.TEMPLATE / "CHANGELOG.md").read_text("utf-8")
RELEASED = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - \d", CHANGELOG, re.MULTILINE)
PUBLIC = "secure_flask/__init__.py"
# A name that app/seed.py uses.
IMPORT = "from secure_flask.database.command_group import Command\n"
NAME = '    "Command",\n'


def covered(released: Iterable[str], version: str) -> list[str]:
    """Return the releases whose app/ a core of this version has to serve."""
    today = numbers(version)
    same = 1 if today[0] else 2
    known = sorted(map(numbers, released))
    return [".".join(map(str, n)) for n in known if n[:same] == today[:same] and n <= today]


def numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def suite_after_update(project: Path, repository: Repository, version: str) -> str:
    """Give a project another core, with the migrations of that; what its own suite says."""
    signers = (repository.path / releases.PROJECT / "secure_flask" / "SIGNERS").read_text("utf-8")
    releases.write(project, {"secure_flask/SIGNERS": signers})
    support.init_git(project)
    # It was released by another key.
    releases.update(project, repository, f"v{version}", "--replace-edits")
    return support.own_tests(project)


@pytest.mark.all
@pytest.mark.parametrize("version", covered(RELEASED, VERSION))
def test_the_suite_of_an_earlier_release_is_green_on_todays_core(
    version: str, tmp_path: Path
) -> None:
    tags = support.run("git", "tag", cwd=support.TEMPLATE).split()
    if version == VERSION and f"v{version}" not in tags:
        pytest.skip("is being released")
    support.need(f"v{version}" in tags, f"the tag v{version}")
    today = releases.first_release(tmp_path / "today", VERSION)
    project = releases.render_tag(support.TEMPLATE, f"v{version}", tmp_path / "render")
    assert "passed" in suite_after_update(project, today, VERSION)


@pytest.fixture(scope="module")
def made_up(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """The template with v0.1.0, and v0.1.1 that deprecates a public name as CONTRIBUTING says."""
    repository = releases.first_release(tmp_path_factory.mktemp("made-up"))
    contributing = (support.TEMPLATE / "CONTRIBUTING.md").read_text("utf-8")
    section = contributing.partition("\n## The promise\n")[2].partition("\n## ")[0]
    [lines] = re.findall(r"^```python\n(.+?)^```", section, re.MULTILINE | re.DOTALL)
    imports = "import warnings\nfrom typing import TYPE_CHECKING, Any"
    changed = public(
        (IMPORT, ""), ("from typing import Any", imports), ("__all__ =", f"{lines}\n\n__all__ =")
    )
    releases.release(repository, "0.1.1", {PUBLIC: changed})
    return repository


def public(*replacements: tuple[str, str]) -> str:
    """Return another `__init__.py` of the core."""
    text = (support.FOLDER / PUBLIC).read_text("utf-8")
    for old, new in replacements:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


@pytest.mark.weekly
def test_a_deprecated_name_warns_and_the_suite_stays_green(
    made_up: Repository, tmp_path: Path
) -> None:
    project = releases.render_tag(made_up.path, "v0.1.0", tmp_path)
    said = suite_after_update(project, made_up, "0.1.1")
    assert re.search(r"app/seed.py:\d+: FutureWarning: secure_flask.Command goes with", said)


@pytest.mark.weekly
def test_a_name_that_goes_without_a_warning_makes_the_suite_red(
    made_up: Repository, tmp_path: Path
) -> None:
    """Otherwise the tests above would prove nothing."""
    releases.release(made_up, "0.1.2", {PUBLIC: public((IMPORT, ""), (NAME, ""))})
    project = releases.render_tag(made_up.path, "v0.1.0", tmp_path)
    with pytest.raises(AssertionError, match="cannot import name 'Command'"):
        suite_after_update(project, made_up, "0.1.2")


def test_the_promise_ends_with_the_minor_version_and_from_1_on_with_the_major() -> None:
    released = ["0.1.0", "0.2.0", "0.2.3", "0.10.1", "0.2.11", "1.0.0", "1.2.0", "2.0.0"]
    assert covered(released, "0.2.4") == ["0.2.0", "0.2.3"]
    assert covered(released, "1.3.0") == ["1.0.0", "1.2.0"]
    assert covered(released, "0.3.0") == []
