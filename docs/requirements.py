"""The filter of the ASVS page on the site: radio buttons and CSS, without a script."""

import re
from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path

from docutils import nodes  # type: ignore[import-untyped]
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

from docs.reference.evidence import COUNTED, kind

PAGE = "asvs"
STYLE = "requirements.css"
NUMBER = re.compile(r"\d+\.\d+\.\d+")
REPEATED = "as above"
LEVELS = ("level 1", "level 2", "level 3")
GROUPS = {"level": LEVELS, "state": COUNTED}


class Requirements(SphinxTransform):
    """Folds what meets a requirement below its state, and adds the filter before the first row."""

    default_priority = 800

    def apply(self) -> None:
        if self.env.docname != PAGE:
            return
        asked: dict[str, nodes.entry] = {}
        for row in self.document.findall(nodes.row):
            number = row[0].astext()
            if NUMBER.fullmatch(number):
                if row[2].astext() == REPEATED:
                    row.replace(row[2], asked[number].deepcopy())
                asked[number] = row[2]
                folded(row)
        counts = next(self.document.findall(nodes.table))
        counts.parent.insert(counts.parent.index(counts) + 1, html(controls()))


def folded(row: nodes.row) -> None:
    met = row[3]
    state = kind(met.astext())
    row["classes"] += ["requirement", name(f"level {row[1].astext()}"), name(state)]
    met.insert(0, html(f"<details><summary>{state}</summary>"))
    met.append(html("</details>"))


def html(text: str) -> nodes.raw:
    return nodes.raw("", text, format="html")


def name(choice: str) -> str:
    """The class of the rows of a choice, and the id of its button."""
    return choice.replace(" ", "-")


def controls() -> str:
    sets = (
        f"<fieldset><legend>{group}</legend>{''.join(buttons(group, choices))}</fieldset>"
        for group, choices in GROUPS.items()
    )
    return f'<div class="filter">{"".join(sets)}</div>'


def buttons(group: str, choices: Iterable[str]) -> Iterator[str]:
    yield f'<label><input type="radio" name="{group}" checked> all</label>'
    for choice in choices:
        button = f'<input type="radio" name="{group}" id="{name(choice)}">'
        yield f"<label>{button} {choice.removeprefix('level ')}</label>"


def style() -> str:
    """Hide the rows that a choice leaves out, and each chapter that has no row left."""
    chosen = [(each,) for choices in GROUPS.values() for each in choices]
    shown = ",".join(hidden([*chosen, *product(*GROUPS.values())]))
    return f"{shown} {{ display: none }}\n"


def hidden(combinations: Iterable[tuple[str, ...]]) -> Iterator[str]:
    for choices in combinations:
        checked = "".join(f":has(#{name(each)}:checked)" for each in choices)
        shown = "".join(f".{name(each)}" for each in choices)
        yield f"body{checked} tr.requirement:not({shown})"
        yield f"body{checked} section section:has(tr.requirement):not(:has(tr{shown}))"


def write_style(app: Sphinx) -> None:
    # The search parses the pages that it finds, so one with an inline style would report it there.
    folder = Path(app.outdir, "_static")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / STYLE).write_text(style(), "utf-8")


def link_style(app: Sphinx, page: str, *_: object) -> None:
    if page == PAGE:
        app.add_css_file(STYLE)


def setup(app: Sphinx) -> None:
    app.add_transform(Requirements)
    app.connect("builder-inited", write_style)
    app.connect("html-page-context", link_style)
