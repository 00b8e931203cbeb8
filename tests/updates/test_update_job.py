"""The weekly job of a project, run by bash with a `gh` of ours: a newer release opens one issue."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

import support
from core import test_update
from core.test_update import Repository, release
from updates.github_runner import Runner, create_runner
from updates.releases import write

WORKFLOW = support.FOLDER / ".github" / "workflows" / "update.yml"
TITLE = "secure_flask v1.1.0 is out"
# The address of pyproject.toml would have to be one of https.
PYTHON = '#!/bin/sh\nexec {python} -B "$@" --from={template}\n'

released, template, project = test_update.released, test_update.template, test_update.project


@dataclass
class Job(Runner):
    project: Repository

    def run(self) -> tuple[bool, str]:
        """Whether all steps passed, and what they said."""
        log, outputs = "", self.folder / "outputs"
        outputs.write_text("")
        for step in scripts():
            named = (line.split("=") for line in outputs.read_text("utf-8").split())
            known = {f"steps.check.outputs.{name} == '{value}'" for name, value in named}
            if "if" in step and step["if"] not in known:
                continue
            done = self.bash(step, self.project.path)
            log += done.stdout
            if done.returncode:
                return False, log
        return True, log


def scripts() -> list[dict[str, Any]]:
    """The steps that run a script."""
    [job] = yaml.safe_load(WORKFLOW.read_text("utf-8"))["jobs"].values()
    return [step for step in job["steps"] if "run" in step]


@pytest.fixture
def job(tmp_path: Path, project: Repository, template: Repository) -> Job:
    python = PYTHON.format(python=sys.executable, template=template.path)
    runner = create_runner(tmp_path / "runner", python3=python)
    return Job(runner.folder, project)


def test_nothing_newer_opens_no_issue(job: Job, template: Repository) -> None:
    template.git("tag", "--delete", "v1.1.0")
    passed, log = job.run()
    assert (passed, "1.0.0 is the newest release" in log) == (True, True), log
    assert job.issues == []


def test_a_newer_release_opens_one_issue_that_says_what_to_do(job: Job) -> None:
    runs = [job.run() for _ in range(2)]
    assert [log for passed, log in runs if not passed] == []
    [issue] = job.issues
    assert issue["title"] == TITLE
    assert "Run: .venv/bin/python secure_flask/update.py\n" in issue["body"]
    assert "- Fixed." in issue["body"]


def test_an_issue_that_somebody_closed_is_not_opened_again(job: Job) -> None:
    job.write_issues({"title": TITLE, "author": {"is_bot": True}, "state": "closed"})
    assert job.run()[0]
    assert len(job.issues) == 1


def test_each_release_has_an_issue(job: Job, template: Repository) -> None:
    assert job.run()[0]
    release(template, "1.1.10", {})
    assert job.run()[0]
    assert [issue["title"] for issue in job.issues] == [TITLE, "secure_flask v1.1.10 is out"]


@pytest.mark.parametrize(
    "other",
    [
        {"title": TITLE, "author": {"is_bot": False}},
        {"title": f"What to do, as {TITLE}", "author": {"is_bot": True}},
    ],
    ids=["of a stranger", "of another title"],
)
def test_another_issue_hides_nothing(job: Job, other: dict[str, Any]) -> None:
    job.write_issues(other)
    assert job.run()[0]
    assert [issue["title"] for issue in job.issues] == [other["title"], TITLE]


def test_a_changelog_that_is_too_long_is_cut(job: Job, template: Repository) -> None:
    write(template.path, {"CHANGELOG.md": "## 1.2.0\n\n" + "- Fixed.\n" * 10_000})
    release(template, "1.2.0", {})
    passed, log = job.run()
    assert passed, log[-1000:]
    assert len(job.issues) == 1


def test_a_release_that_nobody_signed_fails_with_the_reason(job: Job, template: Repository) -> None:
    template.git("tag", "--delete", "v1.1.0")
    template.tag("v1.2.0", signed=False)
    passed, log = job.run()
    assert (passed, "v1.2.0 is not signed by a key" in log) == (False, True), log
    # From there on GitHub obeys no command in what is printed.
    assert log.startswith("::stop-commands::")
    assert job.issues == []


@pytest.mark.parametrize(
    "script", ["1 / 0", "print('v1.2.0$(touch ran) is newer than 1.0.0'); raise SystemExit(1)"]
)
def test_what_does_not_name_a_release_fails(job: Job, script: str) -> None:
    write(job.project.path, {"secure_flask/update.py": script})
    assert not job.run()[0]
    assert job.issues == []
    assert not (job.project.path / "ran").exists()


def test_only_the_step_that_opens_the_issue_has_a_token() -> None:
    *_, check, open_issue = scripts()
    assert "env" not in check
    assert open_issue["env"] == {"GH_TOKEN": "${{ github.token }}"}
