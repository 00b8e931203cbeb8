"""Runs the steps of a job as GitHub does, with a `gh` that keeps the issues in a file."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import support
from updates.releases import write

# What GitHub takes of these two commands, and the longest text of an issue.
GH = """#!{python} -B
import json, os, sys
from pathlib import Path

file = Path({issues!r})
issues = json.loads(file.read_text())
_, command, *rest = sys.argv[1:]
given = dict(zip(rest[::2], rest[1::2]))
assert os.environ["GH_TOKEN"] == "a token"
if command == "list":
    assert (given["--json"], int(given["--limit"])) == ("author,title", 1000)
    assert given["--jq"] == ".[] | select(.author.is_bot) | .title"
    listed = [issue for issue in issues if given["--state"] in ("all", issue["state"])]
    print(*(issue["title"] for issue in listed if issue["author"]["is_bot"]), sep="\\n")
else:
    body = given["--body"] if "--body" in given else Path(given["--body-file"]).read_text()
    assert (command, len(body) <= 65536) == ("create", True)
    opened = {{"title": given["--title"], "body": body, "state": "open"}}
    issues.append({{**opened, "author": {{"is_bot": True}}}})
    file.write_text(json.dumps(issues))
"""


@dataclass
class Runner:
    folder: Path

    @property
    def issues(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads((self.folder / "issues").read_text("utf-8"))
        return found

    def write_issues(self, *issues: dict[str, Any]) -> None:
        write(self.folder, {"issues": json.dumps([{"state": "open", **each} for each in issues])})

    def bash(self, step: dict[str, Any], cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run the script of a step by `bash -e`."""
        (self.folder / "script").write_text(step["run"], "utf-8")
        token = {"GH_TOKEN": "a token"} if "env" in step else {}
        given = {"RUNNER_TEMP": str(self.folder), "GITHUB_OUTPUT": f"{self.folder}/outputs"}
        given |= {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "acme/template"}
        given["GITHUB_RUN_ID"] = "42"
        # A step of a fork may write ~/.gitconfig.
        given["HOME"] = str(self.folder)
        path = {"PATH": f"{self.folder}/programs{os.pathsep}{os.environ['PATH']}"}
        return subprocess.run(
            ["bash", "-e", self.folder / "script"],
            cwd=cwd,
            env=os.environ | given | path | token,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


def create_runner(folder: Path, **programs: str) -> Runner:
    """A runner without issues; `programs` are scripts beside `gh`."""
    for program in ("bash", "openssl"):
        support.need(shutil.which(program), program)
    gh = GH.format(python=sys.executable, issues=f"{folder}/issues")
    for name, script in {"gh": gh, **programs}.items():
        write(folder, {f"programs/{name}": script})
        (folder / "programs" / name).chmod(0o755)
    runner = Runner(folder)
    runner.write_issues()
    return runner
