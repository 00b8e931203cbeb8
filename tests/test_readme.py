"""The rendered README, followed to the letter in a fresh environment, works."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

import services
import support

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


@pytest.mark.slow
def test_its_commands_work_line_by_line(cookies: Any, tmp_path: Path) -> None:
    support.need(shutil.which("curl"), "curl")
    project = cookies.bake().project_path
    commands = script((project / "README.md").read_text("utf-8"), support.free_port())
    log = tmp_path / "log"
    with support.started("bash", "-c", commands, cwd=project, log=log) as process:
        assert process.wait(timeout=300) == 0, log.read_text("utf-8")


@pytest.mark.parametrize("token_type", support.CHOICES["token_type"])
def test_its_curl_lines_work_with_each_kind_of_token(
    token_type: str, cookies: Any, tmp_path: Path
) -> None:
    support.need(shutil.which("curl"), "curl")
    project = cookies.bake(extra_context={"token_type": token_type}).project_path
    (project / ".venv").symlink_to(sys.prefix)
    blocks = COMMANDS.findall((project / "README.md").read_text("utf-8"))
    curl_lines = "".join(block for block in blocks if "curl " in block)
    with services.gunicorn(project, tmp_path / "log") as port:
        commands = f"PORT={port}\n{PRELUDE}\n{curl_lines.replace('8000', str(port))}"
        shown = support.run("bash", "-c", commands, cwd=project)
    assert '"username":"ada"' in shown


def test_it_has_commands(cookies: Any) -> None:
    readme = (cookies.bake().project_path / "README.md").read_text("utf-8")
    assert SERVER.search("\n".join(COMMANDS.findall(readme)))
    assert "curl" in "\n".join(COMMANDS.findall(readme))
