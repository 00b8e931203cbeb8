"""What GitHub runs and updates, here and in a project, is valid and gives nothing away."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import yaml

import support
from conftest import Rendered

USES = re.compile(r"^ *(?:- )?uses: (?!\./)(.*)$", re.MULTILINE)
PINNED = re.compile(r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+(\.\d+)*")


@pytest.fixture(params=["template", "project"])
def folder(request: pytest.FixtureRequest, rendered: Rendered) -> Path:
    """The folder in which GitHub looks for `.github`."""
    if request.param == "template":
        return support.TEMPLATE
    return rendered({})


def workflows(folder: Path) -> list[Path]:
    return sorted((folder / ".github" / "workflows").glob("*.yml"))


def test_zizmor_finds_nothing(folder: Path) -> None:
    zizmor = Path(sys.executable).with_name("zizmor")
    support.run(zizmor, "--offline", "--no-progress", ".github", cwd=folder)


def test_every_action_is_pinned_to_a_commit_and_says_which_version(folder: Path) -> None:
    used = [use for file in workflows(folder) for use in USES.findall(file.read_text("utf-8"))]
    assert used
    assert not [use for use in used if not PINNED.fullmatch(use)]


def test_no_step_finds_the_credentials_of_the_check_out(folder: Path) -> None:
    texts = {file.name: file.read_text("utf-8") for file in workflows(folder)}
    # zizmor asks for it only where something is uploaded, too.
    lines = ("uses: actions/checkout@", "persist-credentials: false")
    assert [name for name, text in texts.items() if len({*map(text.count, lines)}) > 1] == []


def test_each_job_has_the_rights_that_it_names_and_no_other(folder: Path) -> None:
    parsed = [yaml.safe_load(file.read_text("utf-8")) for file in workflows(folder)]
    assert [workflow for workflow in parsed if workflow["permissions"] != {}] == []
    jobs = [job for workflow in parsed for job in workflow["jobs"].items()]
    rights = {name: job["permissions"] for name, job in jobs}
    more = {name: given for name, given in rights.items() if given != {"contents": "read"}}
    # Two make the release and the site; the others open an issue.
    issues = {"check": {"contents": "read", "issues": "write"}}
    site = {"pages": "write", "id-token": "write"}
    release = {"release": {"contents": "write"}, "publish": site}
    nightly = {"next-issue": {"issues": "write"}}
    assert more == (release | nightly if folder == support.TEMPLATE else issues)


def test_no_script_has_an_expression_in_it(folder: Path) -> None:
    parsed = [yaml.safe_load(file.read_text("utf-8")) for file in workflows(folder)]
    jobs = [job for workflow in parsed for job in workflow["jobs"].values()]
    steps = [step for job in jobs for step in job.get("steps", [])]
    assert steps
    assert [step for step in steps if "${{" in step.get("run", "")] == []


def test_github_can_read_them(folder: Path) -> None:
    check = ("-m", "check_jsonschema", "--builtin-schema")
    support.python(*check, "vendor.github-workflows", *workflows(folder), cwd=folder)
    if (dependabot := folder / ".github" / "dependabot.yml").exists():
        support.python(*check, "vendor.dependabot", dependabot, cwd=folder)


def image_python(folder: Path) -> str:
    """The version of Python in the image of a project."""
    [version] = set(
        re.findall(r"^FROM python:(3\.\d+)-", (folder / "Dockerfile").read_text(), re.M)
    )
    return str(version)


def test_what_the_image_runs_is_what_ci_tests(folder: Path) -> None:
    image = image_python(support.FOLDER)
    jobs = [yaml.safe_load(file.read_text("utf-8"))["jobs"] for file in workflows(folder)]
    steps = [step for each in jobs for job in each.values() for step in job.get("steps", [])]
    matrix = "${{ matrix.python }}"
    set_up = {step.get("with", {}).get("python-version", matrix) for step in steps}
    assert set_up == {image, matrix}
    ci = yaml.safe_load((folder / ".github" / "workflows" / "ci.yml").read_text("utf-8"))["jobs"]
    tested = ci["linux" if folder == support.TEMPLATE else "test"]
    assert image in tested["strategy"]["matrix"]["python"]
    assert matrix in yaml.safe_dump(tested)


def test_a_project_runs_what_its_makefile_names(rendered: Rendered) -> None:
    project = rendered({})
    workflow = project / ".github" / "workflows" / "ci.yml"
    jobs = yaml.safe_load(workflow.read_text("utf-8"))["jobs"]
    helped = support.run("make", cwd=project)
    targets = [*jobs["make"]["strategy"]["matrix"]["target"], "test"]
    assert [target for target in targets if f"make {target} " not in helped] == []
    for target in targets:
        support.run("make", "--dry-run", target, cwd=project)
    oldest = re.search(r">=(3\.\d+)", (project / "pyproject.toml").read_text("utf-8"))
    assert oldest
    assert oldest[1] in jobs["test"]["strategy"]["matrix"]["python"]
