"""The hooks of a project let its own files pass and stop what should not be committed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import support
from conftest import NewProject

# In two parts, or the hook would stop this file too.
PRIVATE_KEY = "-----BEGIN RSA " + "PRIVATE KEY-----\n"
# By the hook that stops it.
STOPPED = {
    "private-key": ("server.pem", PRIVATE_KEY),
    "big-file": ("video.bin", "0" * 600_000),
    "format": ("app/untidy.py", "x  =  1\n"),
    "ruff": ("app/unused.py", "import os\n"),
    "mypy": ("app/untyped.py", "def untyped(x):\n    return x\n"),
}


@pytest.fixture(scope="module")
def project(new_project: NewProject) -> Path:
    """A fresh project under git, with the hooks as its README sets them up."""
    project = new_project()
    (project / ".venv").symlink_to(sys.prefix)
    # The link, unlike the folder, is not ignored by git.
    support.run("git", "init", "--quiet", cwd=project)
    (project / ".git" / "info" / "exclude").write_text(".venv\n")
    support.run("git", "add", ".", cwd=project)
    return project


def run_hooks(project: Path) -> str:
    """Run the hooks on all files; what they say where one of them stops the commit."""
    home = str(project / ".git" / "hooked")
    finished = subprocess.run(
        [".venv/bin/pre-commit", "run", "--all-files"],
        cwd=project,
        env=support.newcomers_environment() | support.COMPILED | {"PRE_COMMIT_HOME": home},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )
    return finished.stdout if finished.returncode else ""


@pytest.mark.all
@pytest.mark.slow
def test_a_fresh_project_passes_and_what_an_update_brings_into_the_core(project: Path) -> None:
    file = project / "secure_flask" / "untidy.py"
    file.write_text("import os\nx  =  1\n")
    support.run("git", "add", "secure_flask", cwd=project)
    try:
        assert run_hooks(project) == ""
    finally:
        support.run("git", "rm", "--force", "--quiet", str(file), cwd=project)
    attributes = support.run("git", "check-attr", "--all", "secure_flask/x.py", cwd=project)
    assert {"text: set", "eol: lf", "linguist-vendored: set"} <= {
        line.partition(": ")[2] for line in attributes.splitlines()
    }


@pytest.mark.slow
def test_a_commit_is_stopped(project: Path) -> None:
    for name, content in STOPPED.values():
        (project / name).write_text(content)
        support.run("git", "add", name, cwd=project)
    try:
        said = run_hooks(project)
    finally:
        names = [name for name, _ in STOPPED.values()]
        support.run("git", "rm", "--force", "--quiet", *names, cwd=project)
    assert {*STOPPED} <= set(re.findall(r"^- hook id: (.+)$", said, re.MULTILINE))
