"""Drawings of boxes and arrows as SVG, for the page and for a file alike; each tells its steps."""

import re
import textwrap
from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

# All in pixels. A phone shows a drawing at about this width.
WIDTH = 340
ASIDE = 52  # next to the boxes, for a status
SPACE = 12  # between boxes of a row
PADDING = 6
LINE = 16
ARROW = 18
# How wide a letter is at most, so that no font cuts a text.
NAME, TEXT = 7.3, 6.5

# The site sets these names to its own colours; a file has those of the reader's system.
COLOURS = """
svg { --ink: #1f2328; --soft: #57606a; --frame: #8c959f; --paper: #fff; --fill: #f6f8fa;
  --strong: #23608f; --stop: #a40e26; }
@media (prefers-color-scheme: dark) { svg { --ink: #e6edf3; --soft: #9da7b1; --frame: #6e7681;
  --paper: #0d1117; --fill: #161b22; --strong: #8cc4ee; --stop: #ff9492; } }
"""
STYLE = """
.drawing text { fill: var(--ink); font: 12px/1 system-ui, sans-serif; }
.drawing .name { font: 600 12px/1 ui-monospace, monospace; }
.drawing .title { font-weight: 600; }
.drawing .label { fill: var(--soft); }
.drawing .stop { fill: var(--stop); font-weight: 600; }
.drawing rect { fill: var(--fill); stroke: var(--frame); rx: 5px; }
.drawing .paper { fill: var(--paper); stroke: none; }
.drawing .strong { stroke: var(--strong); stroke-width: 2px; }
.drawing .arrow { fill: none; stroke: var(--soft); stroke-width: 1.5px; }
.drawing .head { fill: var(--soft); }
"""


class Box(NamedTuple):
    """A step. `refused` is the status with which a request ends there."""

    name: str
    text: str = ""
    strong: bool = False
    refused: str = ""


class Row(NamedTuple):
    """Boxes side by side, and the arrow from them to the next row."""

    boxes: Sequence[Box]
    label: str = ""
    # Pairs of places: a box of this row and one of the next. None is one arrow between the rows.
    arrows: Sequence[tuple[int, int]] | None = None
    up: bool = False


class Drawing(NamedTuple):
    title: str
    rows: Sequence[Row]

    def description(self) -> str:
        """All steps in words, for those who do not see the drawing."""
        return " ".join([f"{self.title}.", *(_told(row) for row in self.rows)])

    def svg(self, name: str) -> str:
        """The file. What a page shows of it is `in_page`."""
        heading = textwrap.wrap(self.title, int(WIDTH / NAME))
        body, height = _drawn(self.rows, top=len(heading) * LINE + 8)
        body = "\n".join([*_text(heading, 2, 0, "title"), body])
        words = f'<title id="{name}-title">{escape(self.title)}</title>'
        words += f'<desc id="{name}-steps">{escape(self.description())}</desc>'
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="drawing" role="img" '
            f'aria-labelledby="{name}-title {name}-steps" viewBox="0 0 {WIDTH} {height}" '
            f'width="{WIDTH}" height="{height}">\n{words}\n'
            f"<style>{COLOURS}{STYLE}</style>\n"
            f'<rect class="paper" width="{WIDTH}" height="{height}"/>\n'
            f"{body}\n</svg>\n"
        )


def in_page(file: str) -> str:
    """The drawing of a file without its colours and background, which are those of the page."""
    return re.sub(r'<rect class="paper"[^>]*/>\n', "", file.replace(COLOURS, ""))


def _told(row: Row) -> str:
    steps = []
    for box in row.boxes:
        refused = f" Refused here with {box.refused}." if box.refused else ""
        steps.append(f"{box.name}: {box.text}.{refused}" if box.text else f"{box.name}.{refused}")
    told = " ".join(
        step.replace("..", ".").replace("\n", ", ").replace("· ", "")
        for step in steps
        if step != "."
    )
    return f"{told} Then: {row.label}." if row.label else told


def _drawn(rows: Sequence[Row], top: int) -> tuple[str, int]:
    parts = list[str]()
    aside = ASIDE if any(box.refused for row in rows for box in row.boxes) else 0
    for row, following in zip(rows, [*rows[1:], None], strict=True):
        height = max(map(len, _lines(row, aside))) * LINE + 2 * PADDING
        parts += _boxes(row, top, height, aside)
        top += height
        if following is not None:
            label = textwrap.wrap(row.label, int((WIDTH - aside) / 2 / TEXT) - 3)
            gap = max(ARROW, len(label) * LINE + 6)
            parts += _arrows(row, following, top, gap, aside)
            parts += _text(
                label, (WIDTH - aside) / 2 + 10, top + (gap - len(label) * LINE) / 2, "label"
            )
            top += gap
    return "\n".join(parts), top + 2


def _places(row: Row, aside: int) -> list[tuple[float, float]]:
    """The left edge and the width of each box."""
    width = (WIDTH - 4 - aside - SPACE * (len(row.boxes) - 1)) / len(row.boxes)
    return [(2 + place * (width + SPACE), width) for place in range(len(row.boxes))]


def _lines(row: Row, aside: int) -> list[list[tuple[str, str]]]:
    """The lines of each box, each with its class."""
    found = []
    for box, (_, width) in zip(row.boxes, _places(row, aside), strict=True):
        inner = width - 2 * PADDING
        names = textwrap.wrap(box.name, int(inner / NAME))
        texts = [
            line for part in box.text.split("\n") for line in textwrap.wrap(part, int(inner / TEXT))
        ]
        found.append([*((line, "name") for line in names), *((line, "") for line in texts)])
    return found


def _boxes(row: Row, top: float, height: float, aside: int) -> list[str]:
    parts = list[str]()
    for box, (left, width), lines in zip(
        row.boxes, _places(row, aside), _lines(row, aside), strict=True
    ):
        if not lines:
            continue
        kind = ' class="strong"' if box.strong else ""
        parts.append(
            f'<rect{kind} x="{left:g}" y="{top:g}" width="{width:g}" height="{height:g}" rx="5"/>'
        )
        for place, (line, kind) in enumerate(lines):
            parts += _text([line], left + PADDING, top + PADDING + place * LINE, kind)
        if box.refused:
            middle = top + height / 2
            parts.append(_line((left + width, middle), (left + width + 16, middle)))
            parts += _text([box.refused], left + width + 23, middle - LINE / 2, "stop")
    return parts


def _arrows(row: Row, following: Row, top: float, gap: float, aside: int) -> list[str]:
    ends = (top + gap - 2, top + 2) if row.up else (top + 2, top + gap - 2)
    if row.arrows is None:
        middle = (WIDTH - aside) / 2
        return [_line((middle, ends[0]), (middle, ends[1]))]
    starts, targets = _centres(row, aside), _centres(following, aside)
    return [_line((starts[one], ends[0]), (targets[other], ends[1])) for one, other in row.arrows]


def _centres(row: Row, aside: int) -> list[float]:
    return [left + width / 2 for left, width in _places(row, aside)]


def _line(start: tuple[float, float], end: tuple[float, float]) -> str:
    (x, y), (to_x, to_y) = start, end
    length = ((to_x - x) ** 2 + (to_y - y) ** 2) ** 0.5
    along = (to_x - x) / length, (to_y - y) / length
    back = to_x - 7 * along[0], to_y - 7 * along[1]
    corners = [
        end,
        (back[0] - 4 * along[1], back[1] + 4 * along[0]),
        (back[0] + 4 * along[1], back[1] - 4 * along[0]),
    ]
    points = " ".join(f"{one:.1f},{other:.1f}" for one, other in corners)
    return (
        f'<path class="arrow" d="M{x:.1f} {y:.1f}L{back[0]:.1f} {back[1]:.1f}"/>'
        f'<polygon class="head" points="{points}"/>'
    )


def _text(lines: Iterable[str], left: float, top: float, kind: str) -> list[str]:
    shown = f' class="{kind}"' if kind else ""
    return [
        f'<text{shown} x="{left:g}" y="{top + place * LINE + 12:g}">{escape(line)}</text>'
        for place, line in enumerate(lines)
    ]
