"""uv.lock: without one everything is set up, by a fresh one too, and a stale one stops CI and image.

The project is the Makefile, the Dockerfile and a made-up pyproject.toml, so that uv needs no network.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import support

UV = Path(sys.executable).with_name("uv")
CI = yaml.safe_load((support.FOLDER / ".github" / "workflows" / "ci.yml").read_text("utf-8"))
# What GitHub makes true where there is such a file, and else false.
LOCKED = "${{ hashFiles('uv.lock') != '' }}"
PROJECT = """
[project]
name = "my-service"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = []

[project.optional-dependencies]
breached = []
postgresql = []
redis = []

[tool.uv]
package = false

[tool.uv.sources.another]
path = "another"
"""
ANOTHER = '[project]\nname = "another"\nversion = "1"\n\n[tool.uv]\npackage = false\n'
WHEEL = "chosen-1-py3-none-any.whl"
# What neither `make run` nor `make test` needs.
CHOSEN = (
    PROJECT.replace("breached = []", 'breached = ["chosen"]')
    + f"""
[tool.uv.sources.chosen]
path = "{WHEEL}"

[dependency-groups]
browser = ["chosen"]
"""
)
SAYS_WHAT_TO_RUN = "To update the lockfile, run `uv lock`"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project without dependencies, in whose environment uv is already."""
    folder = tmp_path / "my-service"
    for name in ("Makefile", "Dockerfile"):
        support.copy(support.FOLDER / name, folder / name)
    (folder / "another").mkdir()
    (folder / "another" / "pyproject.toml").write_text(ANOTHER)
    (folder / "pyproject.toml").write_text(PROJECT)
    support.python("-m", "venv", "--without-pip", ".venv", cwd=folder)
    (folder / ".venv" / "bin" / "uv").symlink_to(UV)
    (folder / ".venv" / "bin" / "pip").symlink_to(str(shutil.which("true")))
    return folder


def lock(project: Path) -> None:
    support.run(UV, "lock", "--offline", cwd=project)


def make_stale(project: Path) -> None:
    lock(project)
    (project / "pyproject.toml").write_text(PROJECT.replace("= []", '= ["another"]', 1))


def add_wheel(project: Path) -> None:
    """Write the package that CHOSEN names."""
    with zipfile.ZipFile(project / WHEEL, "w") as wheel:
        wheel.writestr("chosen.py", "")
        wheel.writestr(
            "chosen-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: chosen\nVersion: 1\n"
        )
        wheel.writestr(
            "chosen-1.dist-info/WHEEL",
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        wheel.writestr("chosen-1.dist-info/RECORD", "")


SetUp = Callable[[Path], tuple[int, str]]
STATES = {"no lock": lambda _: None, "a fresh lock": lock}


def steps() -> dict[str, dict[str, Any]]:
    """The steps of CI that run make, each by its target."""
    jobs = [CI["jobs"][name] for name in ("make", "test")]
    make, test = (step for job in jobs for step in job["steps"] if "run" in step)
    return dict.fromkeys(CI["jobs"]["make"]["strategy"]["matrix"]["target"], make) | {"test": test}


def in_ci(project: Path, target: str = ".venv/ready") -> tuple[int, str]:
    """Make a target as CI does; gives the status, and what it said."""
    locked = str((project / "uv.lock").exists()).lower()
    # The environment is there, but counts as older than pyproject.toml.
    make = ("make", "PYTHON=true", "--what-if=pyproject.toml")
    return said(*make, target, project=project, UV_LOCKED=locked)


def build(project: Path) -> tuple[int, str]:
    """Run the line of the Dockerfile that installs."""
    text = (project / "Dockerfile").read_text("utf-8")
    [line] = re.findall(r"^RUN ((?:.*\\\n)*.*\buv sync\b.*)$", text, re.MULTILINE)
    folder = f"{project.parent}/venv"
    path = f"{UV.parent}{os.pathsep}{os.environ['PATH']}"
    shell = ("sh", "-c", line.replace("/opt/venv", folder))
    return said(*shell, project=project, PATH=path, UV_PROJECT_ENVIRONMENT=folder)


def said(*command: str, project: Path, **environment: str) -> tuple[int, str]:
    done = subprocess.run(
        command,
        cwd=project,
        env=support.newcomers_environment() | {"UV_OFFLINE": "1"} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("set_up", [in_ci, build], ids=["CI", "the image"])
def test_it_is_set_up(project: Path, state: str, set_up: SetUp) -> None:
    STATES[state](project)
    status, text = set_up(project)
    assert status == 0, text


@pytest.mark.parametrize("target", steps())
def test_a_stale_lock_fails_ci_and_says_what_to_run(project: Path, target: str) -> None:
    assert steps()[target]["env"]["UV_LOCKED"] == LOCKED
    make_stale(project)
    status, text = in_ci(project, target)
    assert (status != 0, SAYS_WHAT_TO_RUN in text) == (True, True), text


def test_a_stale_lock_fails_the_image_and_says_what_to_run(project: Path) -> None:
    make_stale(project)
    status, text = build(project)
    assert (status != 0, SAYS_WHAT_TO_RUN in text) == (True, True), text


def test_a_set_up_that_failed_is_repeated(project: Path) -> None:
    make_stale(project)
    make = ("make", "PYTHON=true", ".venv/ready")
    tries = [said(*make, project=project, UV_LOCKED="true") for _ in range(2)]
    assert [text for status, text in tries if status == 0 or SAYS_WHAT_TO_RUN not in text] == []
    assert said(*make, project=project)[0] == 0


def test_a_stale_lock_is_renewed_at_the_desk(project: Path) -> None:
    make_stale(project)
    support.run("make", "PYTHON=true", "--what-if=pyproject.toml", ".venv/ready", cwd=project)
    assert 'name = "another"' in (project / "uv.lock").read_text("utf-8")


@pytest.mark.parametrize("option", ["--all-groups", "--extra=breached"])
def test_what_was_chosen_besides_stays_when_pyproject_changes(project: Path, option: str) -> None:
    """As `make browser-test` and `uv sync --extra breached` install it."""
    add_wheel(project)
    (project / "pyproject.toml").write_text(CHOSEN)
    status, text = said(".venv/bin/uv", "sync", option, project=project)
    assert status == 0, text
    status, text = in_ci(project)
    assert status == 0, text
    support.run(project / ".venv" / "bin" / "python", "-c", "import chosen", cwd=project)


def test_a_python_that_another_tool_names_does_not_replace_the_environment(project: Path) -> None:
    """As pyenv and Heroku do."""
    (project / ".python-version").write_text("3.99\n")
    status, text = in_ci(project)
    assert (status, (project / ".venv" / "bin" / "uv").exists()) == (0, True), text


def test_an_environment_that_uv_has_made_has_uv() -> None:
    [installed] = re.findall(
        r"^\t\.venv/bin/pip install .*'(uv.+)'$",
        (support.FOLDER / "Makefile").read_text("utf-8"),
        re.MULTILINE,
    )
    assert installed in map(str, support.declared(support.FOLDER))
