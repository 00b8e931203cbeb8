"""`flask check` in a fresh project, and in one that is ready to be deployed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import support
from conftest import NewProject

DEPLOYED = {"APP_ENV": "production", "TRUSTED_HOSTS": "www.safe.test", "PROXY_HOPS": "1"}
ONE_PROCESS = ("--accept=database.sqlite", "--accept=redis.missing")
# What a level of policy leaves open, as its question says.
LEFT_OPEN = {
    "strict": set(),
    "paranoid": set(),
    "relaxed": {"csp.unsafe-inline-styles", "csp.wildcard"},
}


def check(project: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flask", "check", *options],
        cwd=project,
        env=os.environ | support.COMPILED | environment,
        capture_output=True,
        encoding="utf-8",
    )


@pytest.mark.parametrize("level", support.CHOICES["csp"])
def test_a_project_passes_but_for_what_its_answers_leave_open(
    level: str, new_project: NewProject
) -> None:
    project = new_project(csp=level, security_contact="security@safe.test")
    support.write_settings(project)
    support.python("-m", "flask", "db", "upgrade", cwd=project)
    answer = check(project, "--deploy", *ONE_PROCESS, "--format", "json", **DEPLOYED)
    found = {item["id"] for item in json.loads(answer.stdout)["findings"]}
    assert found == {"hsts.subdomains", *LEFT_OPEN[level]}
    assert answer.returncode == bool(LEFT_OPEN[level])


def test_a_fresh_project_passes_once_it_has_settings(new_project: NewProject) -> None:
    project = new_project()
    refused = check(project, SECRET_KEY="too-short")
    assert refused.returncode == 1
    assert refused.stderr.startswith("This app does not start with these settings:\n")
    assert "too-short" not in refused.stderr
    support.python("-m", "app.settings", cwd=project)
    assert check(project).returncode == 0
