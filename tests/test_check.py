"""`flask check` in a fresh project, and in one that is ready to be deployed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import owner_edits
import support
from conftest import NewProject

DEPLOYED = {"APP_ENV": "production", "TRUSTED_HOSTS": "www.safe.test", "PROXY_HOPS": "1"}
# What the policy accepts for a site of one process.
ONE_PROCESS = ("database.sqlite", "redis.missing")
# What a level of policy leaves open, as its question says.
LEFT_OPEN = {
    "strict": set(),
    "paranoid": set(),
    "relaxed": {"csp.insecure"},
}

# The names that look like a slip of a setting.
MISSPELT = """
import sys
from app.settings import Settings
from secure_flask.checks.settings import slips
print(slips({*sys.argv[1:]}, {name.upper() for name in Settings.model_fields}))
"""


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
    for name in ONE_PROCESS:
        owner_edits.entry(project, "ACCEPTED_FINDINGS", f'"{name}": "One process."')
    answer = check(project, "--deploy", **DEPLOYED)
    found = set(re.findall(r"^[A-Z]+ (\S+):", answer.stdout, re.MULTILINE))
    assert found == LEFT_OPEN[level]
    assert answer.returncode == bool(LEFT_OPEN[level])


def test_a_fresh_project_passes_once_it_has_settings_and_tables(new_project: NewProject) -> None:
    project = new_project()
    refused = check(project, SECRET_KEY="too-short")
    assert refused.returncode == 1
    assert "This app does not start with these settings:\n" in refused.stderr
    assert "too-short" not in refused.stderr
    support.python("-m", "secure_flask.settings", cwd=project)
    support.python("-m", "flask", "db", "upgrade", cwd=project)
    assert check(project).returncode == 0


def test_misspelt_names_are_found(new_project: NewProject) -> None:
    project = new_project()
    support.write_settings(project)
    with (project / ".env").open("a", encoding="utf-8") as file:
        file.write("LOGIN_RATE_LIMT=3 per minute\n")
    with (project / "app" / "policy.py").open("a", encoding="utf-8") as file:
        file.write('FRAME_ANCESTOR = ["https://leaked.example"]\n')
    answer = check(project, PROXY_HOP="leaked", FLASK_APP="wsgi", PGHOST="leaked")
    found = [line for line in answer.stdout.splitlines() if ".misspelt: " in line]
    slips = ("LOGIN_RATE_LIMT", "PROXY_HOP:", "FRAME_ANCESTOR")
    assert [[line for line in found if slip in line] for slip in slips] == [
        [line] for line in found
    ]
    assert "leaked" not in answer.stdout


def test_what_every_project_sets_is_not_misspelt(new_project: NewProject) -> None:
    project = new_project()
    support.write_settings(project)
    example = (project / ".env.example").read_text("utf-8")
    compose = (project / "compose.yaml").read_text("utf-8")
    docker = (project / "Dockerfile").read_text("utf-8")
    names = set(re.findall(r"\b[A-Z][A-Z0-9_]{2,}\b", example + compose + docker))
    assert {"POSTGRES_PASSWORD", "WEB_CONCURRENCY", "PYTHONUNBUFFERED", "HOST"} <= names
    assert support.python("-c", MISSPELT, *names, cwd=project) == "[]\n"


def test_the_command_that_a_finding_names_can_be_typed(
    new_project: NewProject,
) -> None:
    project = new_project()
    support.write_settings(project)
    (project / ".venv").symlink_to(sys.prefix)
    found = subprocess.run(
        [".venv/bin/python", "-m", "flask", "check"],
        cwd=project,
        env=support.newcomers_environment() | support.COMPILED,
        capture_output=True,
        encoding="utf-8",
    )
    [command] = re.findall(r"run: (flask db .*)", found.stdout)
    support.run(*f".venv/bin/{command}".split(), cwd=project)
