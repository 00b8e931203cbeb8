"""The rendered project's image where there is no container engine.

The Dockerfile's own commands in their order, with a folder for the root of its disk.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

import support

# The folders that a Dockerfile of ours fills.
OWN = ("opt", "srv")


@dataclass
class Image:
    """What a Dockerfile made: a disk, and how its command runs there."""

    root: Path
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    user: int | None = None
    command: list[str] = field(default_factory=list)

    def inside(self, text: str) -> str:
        """Read the absolute paths in a text as paths on the image's disk."""
        return re.sub(r"(?<![\w.}/-])/(?=opt|srv)", f"{self.root}/", text)

    def start(self, *command: str, log: Path, **settings: str) -> subprocess.Popen[bytes]:
        """Start a command as the image's user, with these settings and no others."""
        program = shutil.which(command[0], path=self.environment["PATH"])
        assert program, command
        # Only root can become somebody else; any other account has few rights already.
        root = os.geteuid() == 0
        with log.open("ab") as output:
            return subprocess.Popen(
                [program, *command[1:]],
                cwd=self.folder,
                env=self.environment | settings,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                user=self.user if root else None,
                group=self.user if root else None,
                extra_groups=[] if root else None,
            )

    def run(self, *command: str, log: Path, **settings: str) -> int:
        """Run a command to its end; gives its exit code."""
        return self.start(*command, log=log, **settings).wait(timeout=300)

    def files(self) -> set[Path]:
        return set(self.root.rglob("*"))

    def writable_by_others(self) -> list[Path]:
        """Return what an account that owns nothing may change; a link has its target's rights."""
        # The rest of this disk stands for what an engine keeps elsewhere, or begins with.
        own = [path for path in self.files() if path.relative_to(self.root).parts[0] in OWN]
        assert own
        return [path for path in own if not path.is_symlink() and path.stat().st_mode & 0o022]


def build(project: Path, root: Path) -> Image:
    """Follow a project's Dockerfile; all its stages share one disk."""
    sent = context(project, root / "context")
    image = Image(root, root)
    for instruction, rest in instructions(project / "Dockerfile"):
        if instruction == "FROM":
            image.environment = {"PATH": f"{python(root / 'python')}:{os.defpath}"}
            # What these tests set for themselves would keep .pyc files off the disk.
            image.environment["PYTHONPYCACHEPREFIX"] = ""
        elif instruction == "ENV":
            for name, value in (pair.split("=", 1) for pair in shlex.split(rest)):
                values = Template(image.inside(value))
                image.environment[name] = values.substitute(image.environment)
        elif instruction == "WORKDIR":
            image.folder = Path(image.inside(rest))
            image.folder.mkdir(parents=True, exist_ok=True)
        elif instruction == "COPY":
            copy(rest.split(), sent, image.folder)
        elif instruction == "RUN":
            support.run("sh", "-c", image.inside(rest), cwd=image.folder, **image.environment)
        elif instruction == "USER":
            image.user = int(rest.partition(":")[0])
        elif instruction == "CMD":
            image.command = json.loads(rest)
        else:
            assert instruction == "EXPOSE", f"these tests do not know {instruction}"
    return image


def instructions(dockerfile: Path) -> list[tuple[str, str]]:
    """Return each instruction of a Dockerfile and what follows it."""
    text = re.sub(r"^#.*\n", "", dockerfile.read_text("utf-8"), flags=re.MULTILINE)
    lines = text.replace("\\\n", "").splitlines()
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines) if word]


def context(project: Path, target: Path) -> Path:
    """Copy what .dockerignore lets through, unreadable to others as after a strict umask."""
    lines = (project / ".dockerignore").read_text("utf-8").splitlines()
    first, *rules = [line for line in lines if line and not line.startswith("#")]
    assert first == "*", "it names what goes in, and refuses the rest"
    refused = shutil.ignore_patterns(*(rule[3:] for rule in rules if rule.startswith("**/")))
    target.mkdir()
    for source in [project / rule[1:] for rule in rules if rule.startswith("!")]:
        if source.is_dir():
            shutil.copytree(source, target / source.name, ignore=refused)
        elif source.exists():
            shutil.copy(source, target)
    for path in target.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    return target


def copy(words: list[str], sent: Path, folder: Path) -> None:
    """Copy from what was sent; another stage's files lie on the same disk already."""
    options = dict(word[2:].split("=") for word in words if word.startswith("--"))
    *sources, target = [word for word in words if not word.startswith("--")]
    if "from" in options:
        assert sources == [target]
        return
    assert target in (".", "./")
    for source in sources:
        for path in sent.rglob("*") if source == "." else sent.glob(source):
            copied = folder / path.relative_to(sent)
            copied.mkdir(exist_ok=True) if path.is_dir() else shutil.copy(path, copied)
            if "chmod" in options:
                copied.chmod(int(options["chmod"], 8))


def python(folder: Path) -> Path:
    """Make the Python that an image begins with; gives the folder of its programs."""
    if not folder.exists():
        candidates = map(Path, (os.path.realpath(sys.executable), "/usr/bin/python3"))
        everybodys = next(path for path in candidates if os.geteuid() or open_to_all(path))
        options = ("--seed", "--python", everybodys)
        support.python("-m", "uv", "venv", *options, folder, cwd=folder.parent)
    return folder / "bin"


def open_to_all(path: Path) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in [path, *path.parents])
