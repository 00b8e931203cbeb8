"""Counts the pages of the site and their words, without what `make reference` and `make bench` write."""

import re
from pathlib import Path

from docs.reference import __main__ as reference
from docs.reference import evidence, names
from tools.benchmarks import page as costs

TABLES = {
    *(reference.ROUTES, reference.COMMANDS, reference.SETTINGS, reference.POLICY),
    *(reference.EVENTS_OF_OWASP, reference.OWN_EVENTS, reference.FINDINGS),
}
# The site has only one of the decisions, which projects name, and no survivors of mutation tests.
RECORD = "0013-cross-site-writes.md"
SURVIVORS = "mutation.md"


def pages() -> list[Path]:
    found = [page for page in sorted(reference.PAGES.rglob("*.md")) if page.name != SURVIVORS]
    return [page for page in found if page.parent.name != "decisions" or page.name == RECORD]


def words(page: Path) -> int:
    """How many words of a page are written by hand, as `wc -w` counts them."""
    return len(by_hand(page.name, page.read_text("utf-8")).split())


def by_hand(name: str, text: str) -> str:
    """The text of a page without what a command writes into it: drawings in words, too."""
    text = costs.TABLE.sub("", reference.DRAWING.sub("", text))
    if name == "public-names.md":
        return names.ENTRY.sub("", text)
    if name == "asvs.md":
        return evidence.LINKS.sub("", text)
    return "\n".join(last_cells(text.partition(reference.GENERATED)[0]))


def last_cells(text: str) -> list[str]:
    """The lines of a page, and only the last cell of a row in a table that the code describes."""
    lines, is_written = list[str](), False
    for line in text.splitlines():
        is_written = line in TABLES or (is_written and line.startswith("|"))
        lines.append(re.split(r"(?<!\\)\|", line)[-2] if is_written else line)
    return lines


if __name__ == "__main__":
    print(len(pages()), sum(map(words, pages())))
