"""Each header: what the start page says of it, and what a project with the default answers sends."""

import re
from typing import Any

import jinja2

from docs.reference import FOLDER, choices, create_app
from tools.benchmarks.rendered import module

LONG = 60  # characters
UNSET = (
    "Where a level leaves one out, `default-src` applies to what loads, `script-src` to workers."
)

LISTED_SITE = (
    "A listed site is one of `CSP_SOURCES`. `FRAME_ANCESTORS` is `'self'` here. "
    "[Choose by looking](../choose.md#choose-by-looking) shows all other answers."
)


def text() -> str:
    loader = jinja2.FileSystemLoader(FOLDER / "app" / "templates")
    environment = jinja2.Environment(loader=loader)  # noqa: S701 (Markdown, no HTML)
    groups = vars(environment.get_template("protections.html").module)["protections"]
    parts, values = [permissions(), directives()], sent()
    for group, headers in groups.items():
        described = (part(each, values.get(each["header"].lower(), "")) for each in headers)
        parts += [f"## {group}", *described]
    return "\n\n".join(parts) + "\n"


def part(header: dict[str, str], value: str) -> str:
    in_policy = "" if "/" in header["set_by"] else " in `app/policy.py`"
    lines = [
        f"### {header['header']}\n",
        f"- **Attack**: {header['attack']}",
        f"- **Protection**: {header['protection']}",
        f"- **Limits**: {header['limits']}",
        f"- **Set by**: `{header['set_by']}`{in_policy}",
    ]
    lines += [f"- **If it is missing**: {header['absent']}"] if header["absent"] else []
    return "\n".join([*lines, f"- **Value**:{shown(value)}"])


def shown(value: str) -> str:
    if len(value) <= LONG:
        return f" `{value}`" if value else " not sent with the default answers"
    lines = re.sub(r"(?<=[;,]) ", "\n  ", value)
    return f"\n\n  ```text\n  {lines}\n  ```"


def sent() -> dict[str, str]:
    """The headers of the start page over https; `…` stands for what is random."""
    app, core = create_app(), module("secure_flask")
    with app.app_context():
        core.Model.metadata.create_all(core.db.engine)
    answer = app.test_client().get("/", base_url="https://localhost")
    random = re.compile(r"(?<=nonce-)[^']+|\b[0-9a-f]{32}\b")
    return {name.lower(): random.sub("…", value) for name, value in answer.headers}


def permissions() -> str:
    """What a page may do at each level, where it lists a site and may be framed by its own pages."""
    levels = {name: choices.in_a_page(name) for name in choices.ANSWERS["csp"]}
    titles = ["", *(f"`{name.upper()}`" for name in levels)]
    rows = [[what, *(each[what] for each in levels.values())] for what in levels["strict"]]
    return "\n\n".join(["### What a page may do", LISTED_SITE, as_table(titles, rows)])


def directives() -> str:
    held = module("secure_flask.csp_levels")
    levels = [each for each in vars(held).values() if isinstance(each, held.Level)]
    names = dict.fromkeys(name for level in levels for name in level.directives)
    rows = [[f"`{name}`", *(sources(level, name) for level in levels)] for name in names]
    titles = ["directive", *(f"`{level.name}`" for level in levels)]
    return "\n\n".join(["### The directives of each level", UNSET, as_table(titles, rows)])


def as_table(titles: list[str], rows: list[list[str]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in (titles, *rows)]
    lines.insert(1, "|---" * len(titles) + "|")
    return "\n".join(lines)


def sources(level: Any, directive: str) -> str:
    listed = " ".join(level.directives.get(directive, []))
    placed = listed.format(nonce="…", sources="CSP_SOURCES", ancestors="FRAME_ANCESTORS")
    return f"`{placed}`" if placed else ""
