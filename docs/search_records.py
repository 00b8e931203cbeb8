"""The records that the site's search reads: one for each section of each page."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from docutils import nodes  # type: ignore[import-untyped]
from sphinx import addnodes
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
        records = [record(part, page) for page in pages for part in parts(pages[page])]
        data = json.dumps(records, ensure_ascii=False, separators=(",", ":"))
        Path(app.outdir, FILE).write_text(f"const SEARCH_RECORDS = {data};\n", "utf-8")


def parts(document: nodes.document) -> list[nodes.Element]:
    """Return the sections, and each description of a name that has no heading of its own."""
    return [part for part in document.findall(nodes.Element) if is_part(part)]


def is_part(node: nodes.Node) -> bool:
    if isinstance(node, addnodes.desc):
        return bool(node[0]["ids"]) and heading(node) != heading(node.parent)
    return isinstance(node, nodes.section)


def heading(part: nodes.Element) -> str:
    if isinstance(part, addnodes.desc):
        return str(part[0]["ids"][0].rpartition(".")[2])
    return str(part[0].astext())


def record(part: nodes.Element, page: str) -> Record:
    own = [child for child in part.children[1:] if not is_part(child)]
    searched = [words for child in own for words in searched_words(child)]
    text = " ".join(" ".join(map(visible_text, own)).split())
    above = path(part.parent)
    target = part if isinstance(part, nodes.section) else part[0]
    anchor = f"#{target['ids'][0]}" if above else ""
    return Record(f"{page}.html{anchor}", heading(part), above, ", ".join(searched), text)


def path(part: nodes.Node) -> list[str]:
    """Return the headings from the page's title down to that of this part."""
    return [*path(part.parent), heading(part)] if is_part(part) else []


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
