"""`python tests/asvs_tables.py`: writes docs/asvs.md as it is for each kind of project."""

from __future__ import annotations

import tempfile
from pathlib import Path

import reference
import support
from support import Answers


def kept(kind: Answers) -> Path:
    """Return the file that a render of this kind includes."""
    [table] = support.included(reference.EVIDENCE, kind)
    return table


def made(kind: Answers, folder: Path) -> str:
    """Render a project there, and return the table that it writes of itself."""
    project = reference.render(kind, folder)
    support.python("-m", "tests.asvs", cwd=project)
    return (project / "docs" / "asvs.md").read_text("utf-8")


if __name__ == "__main__":
    reference.add_missing()
    for kind in support.KINDS:
        with tempfile.TemporaryDirectory() as folder:
            kept(kind).write_text(made(kind, Path(folder)), "utf-8", newline="\n")
