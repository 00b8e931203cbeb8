"""What a page shows on the site: a line that is only a link to a section of a project's page is that section."""

import os
import re
from pathlib import Path

DOCS = Path(__file__).parent
OF_A_PROJECT = DOCS.parent / "{{cookiecutter.project_slug}}" / "docs"
SHOWN = re.compile(
    r"^\[.+\]\((\S*/\{\{cookiecutter\.project_slug\}\}/docs/[\w-]+\.md)#([\w-]+)\)$", re.MULTILINE
)
LINK = re.compile(r"(?<=\]\()(?!\w+:)([^)#\s]*)(?=[)#])")
# A page of the template, as the pages of a project name it: there it is no file.
NAMED = re.compile(r"`docs/([\w/-]+\.md)`")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
SECTION = re.compile(r"^## (.+)\n((?:(?!## ).*\n)*)", re.MULTILINE)

Place = tuple[Path, str]


def text_of(page: Path) -> str:
    """Return the text of a page, with the sections of a project's pages that it shows."""

    def shown(line: re.Match[str]) -> str:
        file = (page.parent / line[1]).resolve()
        return moved(sections(file.read_text("utf-8"))[line[2]], file, page.parent)

    return SHOWN.sub(shown, page.read_text("utf-8"))


def sections(page: str) -> dict[str, str]:
    """Return what is below each heading of a text, by the heading's anchor."""
    return {anchor_of(title): text.strip() for title, text in SECTION.findall(f"{page}\n")}


def anchor_of(title: str) -> str:
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


def moved(text: str, file: Path, folder: Path) -> str:
    """Let the links of a file's text lead to the same places from another folder."""

    def relative(link: re.Match[str]) -> str:
        target = file.parent / link[1] if link[1] else file
        return os.path.relpath(target, folder)

    linked = LINK.sub(relative, text)
    return NAMED.sub(lambda page: f"[]({os.path.relpath(DOCS / page[1], folder)})", linked)


def places() -> dict[Place, Place]:
    """Return the page and the anchor that show each section of a project's pages.

    Without an anchor, such a page leads to where its first section is shown.
    """
    found: dict[Place, Place] = {}
    for page in sorted(DOCS.rglob("*.md")):
        text = page.read_text("utf-8")
        for line in SHOWN.finditer(text):
            [*_, heading] = HEADING.findall(text, 0, line.start())
            found[(page.parent / line[1]).resolve(), line[2]] = (page, anchor_of(heading))
    for file in OF_A_PROJECT.glob("*.md"):
        anchors = sections(file.read_text("utf-8"))
        shown = [found[file, anchor] for anchor in anchors if (file, anchor) in found]
        if shown:
            found[file, ""] = (shown[0][0], "")
    return found
