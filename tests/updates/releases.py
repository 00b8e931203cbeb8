"""Made-up releases: the template in another repository, with tags that are signed."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from secure_flask.update import manifest

import support

PROJECT = support.FOLDER.name
# A file of the project, as in "secure_flask/web/csp.py", and what it holds; None deletes it.
Changes = Mapping[str, str | None]


@dataclass(frozen=True)
class Repository:
    """A repository of the template, and the key that signs its tags."""

    path: Path
    key: Path

    def git(self, *arguments: str) -> str:
        signing = ("-c", "gpg.format=ssh", "-c", f"user.signingKey={self.key}")
        return support.run("git", *support.AUTHOR, *signing, *arguments, cwd=self.path)


def new_key(folder: Path, name: str = "key") -> Path:
    """Make a key that signs tags."""
    support.need(shutil.which("ssh-keygen"), "ssh-keygen")
    support.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name, cwd=folder)
    return folder / name


def signer(key: Path) -> str:
    """The line of SIGNERS by which a key counts."""
    public = " ".join(key.with_suffix(".pub").read_text("utf-8").split()[:2])
    return f'release@example.org namespaces="git" {public}\n'


def first_release(
    folder: Path, version: str = "0.1.0", changes: Changes | None = None
) -> Repository:
    """Release today's template, with these changes, by a key that its core names."""
    folder.mkdir(parents=True, exist_ok=True)
    repository = Repository(support.copy_template(folder / "template"), new_key(folder))
    repository.git("init", "--quiet")
    signers = {"secure_flask/SIGNERS": signer(repository.key)}
    release(repository, version, signers | dict(changes or {}))
    return repository


def release(repository: Repository, version: str, changes: Changes, note: str = "Made up.") -> None:
    """Change files of the project, write what names and lists a release, and tag it."""
    write(repository.path / PROJECT, {**changes, "secure_flask/VERSION": f"{version}\n"})
    core = repository.path / PROJECT / "secure_flask"
    (core / "MANIFEST").write_text(manifest(core), "utf-8")
    substitute(repository.path / "cookiecutter.json", r'("_version": )".*"', rf'\1"{version}"')
    entry = f"## [{version}] - 2027-01-31\n\n- {note}\n\n".replace("\\", r"\\")
    substitute(repository.path / "CHANGELOG.md", r"^(?=## \[\d|\Z)", entry)
    support.commit(repository.path)
    repository.git("tag", "--sign", "--message", version, f"v{version}")


def write(folder: Path, files: Changes) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink() if text is None else path.write_text(text, "utf-8")


def substitute(file: Path, pattern: str, replacement: str) -> None:
    """Replace the first match of a pattern, which must be there."""
    text = file.read_text("utf-8")
    changed, times = re.subn(pattern, replacement, text, count=1, flags=re.MULTILINE)
    assert times, f"{file.name} has no {pattern}"
    file.write_text(changed, "utf-8")


def render_tag(repository: Path, tag: str, folder: Path, **answers: str) -> Path:
    """Render what a repository of the template holds at a tag."""
    folder.mkdir(parents=True, exist_ok=True)
    archive, template = folder / "template.tar", folder / "template"
    support.run("git", "archive", f"--output={archive}", f"refs/tags/{tag}", cwd=repository)
    shutil.unpack_archive(archive, template, filter="data")
    return support.bake(answers, folder, template)


def update(project: Path, repository: Repository, *arguments: str) -> str:
    """Update the core of a project, as its owner does; what the command said."""
    command = ("secure_flask/update.py", *arguments, f"--from={repository.path}")
    return support.python(*command, cwd=project)
