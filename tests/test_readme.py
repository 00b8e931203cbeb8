"""The rendered README, followed to the letter in a fresh environment, works."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

import services
import support
from conftest import NewProject, Rendered
from support import Answers

# Blocks with another tag (console, python, nginx) show something, or need what is not here.
COMMANDS = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SERVER = re.compile(r"^(make run|(?:\S*/)?gunicorn)\b.*$", re.MULTILINE)

# A failing request fails the line; a server stays in the background while it serves.
PRELUDE = """
set -euxo pipefail
curl() { command curl --silent --show-error --fail-with-body "$@"; }
serve() {
    "$@" &
    until (: < "/dev/tcp/127.0.0.1/$PORT") 2> /dev/null; do
        kill -0 $!
        sleep 0.1
    done
}
"""


def script(readme: str, port: int) -> str:
    """Return the README's commands as one script that serves on a free port."""
    commands = "\n".join(COMMANDS.findall(readme)).replace("8000", str(port))
    served = SERVER.sub(lambda line: f"serve {line.group()}", commands)
    return f"PORT={port}\n{PRELUDE}\n{served}".replace(
        "serve make run", "serve make run PORT=$PORT"
    )


def need_a_shell() -> None:
    for program in ("bash", "curl"):
        support.need(shutil.which(program), program)


@pytest.mark.slow
def test_its_commands_work_line_by_line(new_project: NewProject, tmp_path: Path) -> None:
    need_a_shell()
    project = new_project()
    commands = script((project / "README.md").read_text("utf-8"), support.free_port())
    log = tmp_path / "log"
    with support.started("bash", "-c", commands, cwd=project, log=log) as process:
        assert process.wait(timeout=300) == 0, log.read_text("utf-8")


# Those of the first kind, the default, are among the commands above.
@pytest.mark.parametrize("kind", support.KINDS[1:], ids=support.name)
def test_its_curl_lines_work_with_each_kind(
    kind: Answers, new_project: NewProject, tmp_path: Path
) -> None:
    need_a_shell()
    project = new_project(**kind)
    (project / ".venv").symlink_to(sys.prefix)
    blocks = COMMANDS.findall((project / "README.md").read_text("utf-8"))
    curl_lines = "".join(block for block in blocks if "curl " in block)
    with services.gunicorn(project, tmp_path / "log") as port:
        commands = f"PORT={port}\n{PRELUDE}\n{curl_lines.replace('8000', str(port))}"
        shown = support.run("bash", "-c", commands, cwd=project)
    assert '"username":"ada"' in shown


# A page of one's own, and what the code that the README shows takes for granted.
OWN = {
    "app/pages.py": """

@blueprint.get("/hello")
def hello() -> str:
    return render_template("base.html")
""",
    "app/projects.py": """
import uuid

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model


class Project(Model):
    __tablename__ = "projects"

    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
""",
    "app/policy.py": '\nCSP_CANDIDATE = {**CSP, "img-src": [sources.SELF]}\n',
}
ASSUMED = """
from pathlib import Path
from uuid import UUID
from flask import Response, request
from app.projects import Project

PHOTOS = Path("photos")
"""
PYTHON = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
IMPORT = re.compile(r"^from .*\n", re.MULTILINE)
# What has an eye on all routes, models and the policy.
WATCHING = [
    *("tests/test_app.py", "tests/test_policy.py", "tests/checks", "tests/crypto/test_rotation.py"),
    *(f"tests/security/test_{name}.py" for name in ("csp", "openapi", "report_commands")),
]


@pytest.mark.slow
def test_what_it_shows_passes_the_projects_own_checks(new_project: NewProject) -> None:
    project = new_project()
    blocks = PYTHON.findall((project / "README.md").read_text("utf-8"))
    views = [block for block in blocks if "@validated" in block or "@takes" in block]
    [column] = [block for block in blocks if "encrypted_column(" in block]
    assert len(views) == 2
    (project / "photos").mkdir()
    for name, text in OWN.items():
        with (project / name).open("a", encoding="utf-8") as file:
            file.write(text)
    insert(project / "app" / "__init__.py", "from app.auth import", "from app import projects\n")
    insert(project / "app" / "auth" / "users.py", "    email = encrypted_column(", column)
    code = ASSUMED + "".join(views).replace("    ...\n", '    return {"id": project.id}\n')
    insert(project / "app" / "api.py", "from typing", "".join(IMPORT.findall(code)))
    insert(project / "app" / "api.py", "def init_app", IMPORT.sub("", code))
    support.write_settings(project)
    support.python("-m", "ruff", "check", "--quiet", "--fix", "--select=I", "app", cwd=project)
    support.python("-m", "ruff", "format", "--quiet", "app", cwd=project)
    for command in (["upgrade"], ["migrate", "-m", "projects"], ["upgrade"], ["check"]):
        support.python("-m", "flask", "db", *command, cwd=project)
    support.python("-m", "ruff", "check", "--no-cache", cwd=project)
    support.python("-m", "ruff", "format", "--no-cache", "--check", cwd=project)
    support.python("-m", "mypy", cwd=project)
    support.own_tests(project, *WATCHING)


def insert(file: Path, before: str, text: str) -> None:
    """Put a text before the line that begins so."""
    source = file.read_text("utf-8")
    assert source.count(f"\n{before}") == 1
    file.write_text(source.replace(f"\n{before}", f"\n{text}{before}"), "utf-8")


def test_it_has_commands(rendered: Rendered) -> None:
    readme = (rendered({}) / "README.md").read_text("utf-8")
    assert SERVER.search("\n".join(COMMANDS.findall(readme)))
    assert "curl" in "\n".join(COMMANDS.findall(readme))
