"""cookiecutter as a command, for what `cookies.bake` cannot say: files of answers, printed lines.

`cookies.bake` takes text alone, always runs the hooks, and always renders into a new folder.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import support

END_OF_REFUSAL = "Nothing was written. What follows is cookiecutter's own report of this."


@dataclass(frozen=True)
class Refusal:
    """What a person reads where answers are refused."""

    output: str

    @property
    def text(self) -> str:
        assert END_OF_REFUSAL in self.output, self.output
        return self.output.partition(END_OF_REFUSAL)[0]

    @property
    def problems(self) -> list[str]:
        return self.text.split("\n\n")[1].strip().split("\n  ")

    @property
    def command(self) -> str:
        """The line that is offered instead."""
        return self.text.split("\n\n")[3].strip()


@dataclass(frozen=True)
class Replayed:
    """What a person has after a command: a project, or a refusal to read."""

    out: Path
    exit_code: int
    output: str

    @property
    def project(self) -> Path:
        assert self.exit_code == 0, self.output
        [project] = self.out.iterdir()
        return project

    @property
    def refusal(self) -> Refusal:
        assert self.exit_code != 0
        return Refusal(self.output)


def replay(out: Path, *arguments: str, line: str = "", **answers: object) -> Replayed:
    """Run `cookiecutter …`, with a file of answers if there are any; or a line, as it is printed.

    `out` is where the project comes. What is written beside it is cookiecutter's own.
    """
    here = out.parent
    here.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "cookiecutter", "--output-dir", str(out), *arguments]
    if answers:
        file = here / "answers.json"
        file.write_text(json.dumps({"cookiecutter": support.DEFAULTS | answers}), "utf-8")
        command += ["--replay-file", str(file)]
    # The user's own defaults and replays have no say here, and are not overwritten.
    own = support.own_configuration(here)
    environment = {"COOKIECUTTER_CONFIG": str(own), "PYTHONUTF8": "1"}
    finished = support.attempt(*(["sh", "-c", line] if line else command), cwd=here, **environment)
    return Replayed(out, finished.returncode, finished.stdout)
