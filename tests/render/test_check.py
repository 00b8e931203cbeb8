"""`flask check` in a fresh project, and in one that is ready to be deployed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import support
from conftest import NewProject
from render import owner_edits

DEPLOYED = {"APP_ENV": "production", "TRUSTED_HOSTS": "www.safe.test", "PROXY_HOPS": "1"}
# What the policy accepts for a site of one process.
ONE_PROCESS = ("database.sqlite", "redis.missing")
# What a level of policy leaves open, as its question says.
LEFT_OPEN = {
    "strict": set(),
    "paranoid": set(),
    "relaxed": {"csp.insecure"},
}


def check(project: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, "-m", "flask", "check")
    return support.attempt(*command, *options, cwd=project, **environment)


@pytest.mark.all
@pytest.mark.parametrize("level", support.CHOICES["csp"])
def test_a_project_passes_but_for_what_its_answers_leave_open(
    level: str, ready_project: NewProject
) -> None:
    project = ready_project()
    owner_edits.policy(project, "CSP", f"csp_levels.{level.upper()}")
    owner_edits.policy(project, "SECURITY_CONTACT", '"security@safe.test"')
    owner_edits.policy(project, "DESCRIPTION", '"Bread of today."')
    (project / "app/templates/index.html").write_text("Bread of today.")
    for name in ONE_PROCESS:
        owner_edits.entry(project, "ACCEPTED_FINDINGS", f'"{name}": "One process."')
    answer = check(project, "--deploy", **DEPLOYED)
    found = set(re.findall(r"^[A-Z]+ (\S+):", answer.stdout, re.MULTILINE))
    assert found == LEFT_OPEN[level]
    assert answer.returncode == bool(LEFT_OPEN[level])


def test_what_visitors_still_see_of_the_template_is_named(ready_project: NewProject) -> None:
    answer = check(ready_project(), "--deploy", **DEPLOYED)
    found = re.findall(r"^WARNING pages.starter: (.*) is still", answer.stdout, re.MULTILINE)
    assert found == ["The start page", "DESCRIPTION"]


def test_a_fresh_project_passes_once_it_has_settings_and_tables(ready_project: NewProject) -> None:
    project = ready_project()
    found = check(project, DATABASE_URL="sqlite:///other.db", PATH="/nowhere")
    [command] = re.findall(r"run: (\S+flask db .*)", found.stdout)
    # It can be typed as it stands.
    support.run(*command.split(), cwd=project, DATABASE_URL="sqlite:///other.db")
    assert check(project, DATABASE_URL="sqlite:///other.db").returncode == 0


def test_misspelt_names_are_found_and_no_others(ready_project: NewProject) -> None:
    project = ready_project()
    with (project / ".env").open("a", encoding="utf-8") as file:
        file.write("LOGIN_RATE_LIMT=3 per minute\n")
    with (project / "app" / "policy.py").open("a", encoding="utf-8") as file:
        file.write('FRAME_ANCESTOR = ["https://leaked.example"]\n')
    answer = check(project, PROXY_HOP="leaked", **what_every_project_sets(project))
    found = [line for line in answer.stdout.splitlines() if ".misspelt: " in line]
    slips = ("LOGIN_RATE_LIMT", "PROXY_HOP:", "FRAME_ANCESTOR")
    assert [[line for line in found if slip in line] for slip in slips] == [
        [line] for line in found
    ]
    assert "leaked" not in answer.stdout


def what_every_project_sets(project: Path) -> dict[str, str]:
    """Return the names in a project's own files that are no settings of the app."""
    files = [(project / name).read_text("utf-8") for name in ("compose.yaml", "Dockerfile")]
    names = {*re.findall(r"\b[A-Z][A-Z0-9_]{2,}\b", "".join(files)), "FLASK_APP", "PGHOST"}
    assert {"POSTGRES_PASSWORD", "WEB_CONCURRENCY", "PYTHONUNBUFFERED", "BIND_HOST"} <= names
    ours = (project / ".env.example").read_text("utf-8")
    return {name: "wsgi" for name in names if f"{name}=" not in ours}
