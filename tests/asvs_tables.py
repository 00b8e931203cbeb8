"""`python tests/asvs_tables.py`: writes docs/asvs.md as it is for each kind of token."""

from __future__ import annotations

import tempfile
from pathlib import Path

import support


def kept(token_type: str) -> Path:
    """Return the file that a render with this kind of token includes."""
    return support.VARIANTS / "tokens" / token_type / "asvs.md"


def made(token_type: str, folder: Path) -> str:
    """Render a project there, and return the table that it writes of itself."""
    answers = ("--no-input", "project_slug=project", f"token_type={token_type}")
    support.python(
        *("-m", "cookiecutter", support.TEMPLATE, "--output-dir", folder, *answers), cwd=folder
    )
    support.python("-m", "tests.asvs", cwd=folder / "project")
    return (folder / "project" / "docs" / "asvs.md").read_text("utf-8")


if __name__ == "__main__":
    for kind in support.CHOICES["token_type"]:
        with tempfile.TemporaryDirectory() as folder:
            kept(kind).write_text(made(kind, Path(folder)), "utf-8", newline="\n")
