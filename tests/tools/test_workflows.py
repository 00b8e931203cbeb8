"""What GitHub runs and updates, here and in a project, is valid and gives nothing away."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import support
from conftest import Rendered

PROJECT = support.FOLDER / "pyproject.toml"
NEWEST = "3.15"
# The major version in each release of Debian.
POSTGRESQL = {"trixie": "17", "forky": "18"}


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


def test_no_update_of_postgresql_stops_at_the_files_of_the_old_version() -> None:
    updates = yaml.safe_load((support.FOLDER / ".github" / "dependabot.yml").read_text("utf-8"))
    [compose] = [
        each for each in updates["updates"] if each["package-ecosystem"] == "docker-compose"
    ]
    major = {"dependency-name": "postgres", "update-types": ["version-update:semver-major"]}
    assert major in compose["ignore"]


def image_python(folder: Path) -> str:
    """The version of Python in the image of a project."""
    [version] = set(
        re.findall(r"^FROM python:(3\.\d+)-", (folder / "Dockerfile").read_text(), re.M)
    )
    return str(version)


def matrix_job(folder: Path) -> dict[str, Any]:
    """Return the job that runs the tests on each Python."""
    ci = yaml.safe_load((folder / ".github" / "workflows" / "ci.yml").read_text("utf-8"))["jobs"]
    return dict(ci["linux" if folder == support.TEMPLATE else "test"])


def test_ci_tests_the_oldest_python_that_of_the_image_and_the_newest(folder: Path) -> None:
    matrix = matrix_job(folder)["strategy"]["matrix"]
    tested = matrix.get("python") or [row["python"] for row in matrix["include"]]
    oldest = re.search(r'^requires-python = ">=(3\.\d+)', PROJECT.read_text("utf-8"), re.M)
    assert oldest
    assert tested == list(dict.fromkeys([oldest[1], image_python(support.FOLDER), NEWEST]))


def test_ci_tests_the_postgresql_of_compose() -> None:
    rows = matrix_job(support.TEMPLATE)["strategy"]["matrix"]["include"]
    tested = {POSTGRESQL[re.split("[-:]", row["image"])[-1]] for row in rows}
    compose = re.search(r"image: postgres:(\d+)", (support.FOLDER / "compose.yaml").read_text())
    assert compose
    assert compose[1] in tested


def test_what_the_image_runs_is_what_ci_sets_up(folder: Path) -> None:
    image = image_python(support.FOLDER)
    jobs = [yaml.safe_load(file.read_text("utf-8"))["jobs"] for file in workflows(folder)]
    steps = [step for each in jobs for job in each.values() for step in job.get("steps", [])]
    matrix = "${{ matrix.python }}"
    set_up = {step.get("with", {}).get("python-version", matrix) for step in steps}
    assert set_up == {image, matrix}
    assert matrix in yaml.safe_dump(matrix_job(folder))


def test_a_project_runs_what_its_makefile_names(rendered: Rendered) -> None:
    project = rendered({})
    workflow = project / ".github" / "workflows" / "ci.yml"
    jobs = yaml.safe_load(workflow.read_text("utf-8"))["jobs"]
    helped = support.run("make", cwd=project)
    targets = [*jobs["make"]["strategy"]["matrix"]["target"], "test"]
    assert [target for target in targets if f"make {target} " not in helped] == []
    for target in targets:
        support.run("make", "--dry-run", target, cwd=project)
