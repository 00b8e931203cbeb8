"""`python tests/reference.py`: writes the pages of docs/reference/ that the code itself says."""

from __future__ import annotations

import ast
import re
import tempfile
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import jinja2

import support
from support import Answers

DOCS = support.FOLDER / "docs"
HEADERS = DOCS / "reference" / "headers.md"
CONCERNS = DOCS / "reference" / "{{ 'concerns.md' }}"
EVIDENCE = DOCS / "{{ 'asvs.md' }}"
# Each includes a file under templates/generated/ that the code itself makes.
PAGES = (CONCERNS, EVIDENCE)
END_OF_SENTENCE = re.compile(r"\.(?=\s|$)")


def kept(kind: Answers) -> Path:
    """Return the table of concerns that a render of this kind includes."""
    [table] = support.included(CONCERNS, kind)
    return table


def concerns(project: Path) -> str:
    """Return the table of concerns: what each module of a render says of itself, and its test."""
    modules = [*sorted(project.glob("*.py")), *sorted((project / "app").rglob("*.py"))]
    named = [module for module in modules if module.name != "__init__.py"]
    parts = groupby(sorted(named, key=lambda module: module.parent), lambda module: module.parent)
    return "\n".join(part for folder, files in parts for part in section(project, folder, files))


def section(project: Path, folder: Path, files: Iterator[Path]) -> list[str]:
    title = folder.relative_to(project).as_posix()
    package = folder / "__init__.py"
    return [
        *([f"## {title}", "", f"{concern(package)}.", ""] if package.exists() else []),
        *("| concern | file | test |", "|---|---|---|"),
        *(row(project, file) for file in files),
        "",
    ]


def row(project: Path, module: Path) -> str:
    path = module.relative_to(project)
    below = Path(*path.parts[1:-1]) if path.parts[0] == "app" else Path()
    name = f"test_{path.name}"
    places = (Path("tests", below, name), Path("tests", "starter", below, name))
    tests = [f"`{place.as_posix()}`" for place in places if (project / place).exists()]
    return f"| {concern(module)} | `{path.as_posix()}` | {', '.join(tests)} |"


def concern(module: Path) -> str:
    """Return the first sentence of a module's docstring."""
    text = ast.get_docstring(ast.parse(module.read_text("utf-8"))) or ""
    return " ".join(END_OF_SENTENCE.split(text)[0].split()).replace("|", r"\|")


def headers() -> str:
    """Return the page of headers, from what the start page says of each."""
    loader = jinja2.FileSystemLoader(support.FOLDER / "app" / "templates")
    environment = jinja2.Environment(loader=loader)  # noqa: S701 (Markdown, no HTML)
    groups = vars(environment.get_template("protections.html").module)["protections"]
    parts = [
        "# Headers",
        "Each security header: the attack, what the header does about it, and what it does not. "
        "The start page shows the values that are sent.",
    ]
    for title, described in groups.items():
        parts += [f"## {title}", *map(entry, described)]
    return "\n\n".join(parts) + "\n"


def entry(header: dict[str, str]) -> str:
    place = "" if "/" in header["set_by"] else " in `app/policy.py`"
    lines = [
        f"- **Attack**: {header['attack']}",
        f"- **Protection**: {header['protection']}",
        f"- **Limits**: {header['limits']}",
        f"- **Set by**: `{header['set_by']}`{place}",
        *([f"- **If it is missing**: {header['absent']}"] if header["absent"] else []),
    ]
    return "\n".join([f"### {header['header']}", "", *lines])


def add_missing() -> None:
    """Create the generated files of a new kind empty, since no project renders without them."""
    for kind in support.KINDS:
        for page in PAGES:
            for file in support.included(page, kind):
                file.parent.mkdir(parents=True, exist_ok=True)
                file.touch()


def render(kind: Answers, folder: Path) -> Path:
    answers = [f"{question}={answer}" for question, answer in kind.items()]
    command = ("cookiecutter", support.TEMPLATE, "--no-input", "--output-dir", folder)
    support.python("-m", *command, "project_slug=project", *answers, cwd=folder)
    return folder / "project"


if __name__ == "__main__":
    add_missing()
    HEADERS.write_text(headers(), "utf-8", newline="\n")
    for kind in support.KINDS:
        with tempfile.TemporaryDirectory() as folder:
            text = concerns(render(kind, Path(folder)))
            kept(kind).write_text(text, "utf-8", newline="\n")
