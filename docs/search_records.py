"""The records that the site's search reads: one for each section of each page."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from docutils import nodes  # type: ignore[import-untyped]
from sphinx.application import Sphinx

# The words that people type to find a section. They are not seen on its page.
SEARCHED = re.compile(r"<!-- search: (.+) -->")
FILE = "_static/search-records.js"


class Record(NamedTuple):
    """One section: its address, its headings, and the words by which it is found."""

    address: str
    heading: str
    # The headings above it, from the page's title down.
    path: list[str]
    searched: str
    text: str


def write(app: Sphinx, failed: Exception | None) -> None:
    """Write all records as a script: a page that is opened as a file can fetch nothing."""
    if failed is None:
        pages = {page: app.env.get_doctree(page) for page in sorted(app.env.found_docs)}
        records = [
            record(section, page)
            for page in pages
            for section in pages[page].findall(nodes.section)
        ]
        data = json.dumps(records, ensure_ascii=False, separators=(",", ":"))
        Path(app.outdir, FILE).write_text(f"const SEARCH_RECORDS = {data};\n", "utf-8")


def heading(section: nodes.section) -> str:
    return str(section[0].astext())


def record(section: nodes.section, page: str) -> Record:
    own = [child for child in section.children[1:] if not isinstance(child, nodes.section)]
    searched = [words for child in own for words in searched_words(child)]
    text = " ".join(" ".join(map(visible_text, own)).split())
    above = path(section.parent)
    anchor = f"#{section['ids'][0]}" if above else ""
    return Record(f"{page}.html{anchor}", heading(section), above, ", ".join(searched), text)


def path(part: nodes.Node) -> list[str]:
    """Return the headings from the page's title down to that of this section."""
    if not isinstance(part, nodes.section):
        return []
    return [*path(part.parent), heading(part)]


def searched_words(part: nodes.Node) -> Iterator[str]:
    for raw in part.findall(nodes.raw):
        yield from SEARCHED.findall(raw.astext())


def visible_text(part: nodes.Node) -> str:
    for raw in list(part.findall(nodes.raw)):
        raw.rawsource, raw.children = "", [nodes.Text(" ")]
    return str(part.astext())


def switch_off_own_search(app: Sphinx) -> None:
    """Sphinx' search asks for every word, and leads to the top of a page."""
    app.builder.search = False  # type: ignore[attr-defined]


def setup(app: Sphinx) -> None:
    app.connect("builder-inited", switch_off_own_search)
    app.connect("build-finished", write)
