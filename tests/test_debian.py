"""`.ci/bare-system` and `.ci/engine` make the Debian that they are asked for."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

import support

# These stand in for programs that need root or take minutes. debootstrap fails, as for an unknown
# package, and says what it was asked for.
PROGRAMS = {
    "id": "echo 0",
    "debootstrap": 'echo "E: Asked for $*"; exit 1',
    "unshare": 'shift; exec "$@"',
    "dockerd": "exec sleep 60",
    "docker": '[ "$1" = version ]',
}


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    for name, script in PROGRAMS.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    folders = {name: str(tmp_path / "cache") for name in ("BARE_SYSTEM", "ENGINE")}
    return os.environ | folders | {"PATH": path}


def said(command: str, environment: dict[str, str]) -> str:
    """Return what a script that fails writes to stderr."""
    finished = subprocess.run(
        ["bash", *command.split()],
        cwd=support.TEMPLATE,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert finished.returncode
    return finished.stderr


@pytest.mark.parametrize(
    ("command", "packages", "suite"),
    [
        (".ci/bare-system true", "git,make,python3,python3-venv", "trixie"),
        (".ci/bare-system --suite forky true", "git,make,python3,python3-venv", "forky"),
        (
            ".ci/bare-system --suite forky --python 3.15 --as-root true",
            "git,make,python3.15,python3.15-venv",
            "forky",
        ),
        (".ci/engine true", "ca-certificates", "trixie"),
        (".ci/engine --suite forky true", "ca-certificates", "forky"),
    ],
)
def test_debian_has_the_release_and_the_python_that_were_asked_for(
    command: str, packages: str, suite: str, environment: dict[str, str]
) -> None:
    assert f"{packages} {suite} " in said(command, environment)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (".ci/bare-system --release forky", "Write .ci/bare-system [--suite forky] "),
        (".ci/bare-system --suite", "--suite needs a release of Debian"),
        (".ci/bare-system --python", "--python needs a version"),
        (".ci/engine --release forky", "Write .ci/engine [--suite forky] command"),
        (".ci/engine --suite", "--suite needs a release of Debian"),
        (".ci/engine --suite forky", "Write .ci/engine [--suite forky] command"),
    ],
)
def test_a_wrong_option_is_an_error_that_says_what_to_write(
    command: str, words: str, environment: dict[str, str]
) -> None:
    assert words in said(command, environment)
