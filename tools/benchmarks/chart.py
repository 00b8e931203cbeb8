"""Draws claims as bars: plain SVG without a script, which fits a phone and follows the dark mode."""

from collections.abc import Iterable
from html import escape

from tools.benchmarks.measure import Claim

WIDTH, MARGIN = 440, 16
HEAD, ROW = 48, 62  # heights
ONCE = 194  # how wide the bar of what takes as long as the other is
LONGEST = WIDTH - 2 * MARGIN

# A background, since a site may be dark where the system is not.
STYLE = """
text { font: 15px system-ui, sans-serif; fill: #1f2328 }
.small { font-size: 13px; fill: #59636e }
.right { text-anchor: end }
.page { fill: #fff }
.beside { fill: #d1d9e0 }
.ours { fill: #0969da }
.missed { fill: #cf222e }
.limit { fill: #1f2328 }
@media (prefers-color-scheme: dark) {
  text, .limit { fill: #f0f6fc }
  .small { fill: #9198a1 }
  .page { fill: #151b23 }
  .beside { fill: #3d444d }
  .ours { fill: #4493f8 }
  .missed { fill: #f85149 }
}
"""


def draw_bars(rows: Iterable[tuple[str, str, Claim]]) -> str:
    """Draw a bar for each claim, with what was measured and what it is compared with."""
    drawn = [_row(HEAD + ROW * place, *row) for place, row in enumerate(rows)]
    height = HEAD + ROW * len(drawn) + 4
    size = f'width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size}>',
            f"<style>{STYLE}</style>",
            f'<rect class="page" width="{WIDTH}" height="{height}" rx="8"/>',
            *_legend(),
            *drawn,
            "</svg>\n",
        ]
    )


def duration(seconds: float) -> str:
    unit, scale = ("µs", 1e6) if seconds < 1e-3 else ("ms", 1e3)
    figure = seconds * scale
    return f"{figure:.{1 if figure < 10 else 0}f}\N{NO-BREAK SPACE}{unit}"


def limit(claim: Claim) -> str:
    return f"at most {claim.at_most:.2f}" + ("" if claim.met else ": missed")


def _legend() -> list[str]:
    return [
        _bar("ours", MARGIN, 19, 18, 8),
        _text(40, 28, "this project", "small"),
        _bar("beside", 130, 16, 18, 14),
        _text(154, 28, "what it is compared with", "small"),
        _bar("limit", 340, 14, 3, 18),
        _text(350, 28, "at most", "small"),
    ]


def _row(top: int, what: str, beside: str, claim: Claim) -> str:
    ours = min(claim.ratio * ONCE, LONGEST)
    return "\n".join(
        [
            _text(MARGIN, top + 14, f"{what}: {duration(claim.seconds)}"),
            _text(WIDTH - MARGIN, top + 14, f"{claim.ratio:.2f} times", "right"),
            _text(MARGIN, top + 31, f"{beside}: {duration(claim.beside)}", "small"),
            _text(WIDTH - MARGIN, top + 31, limit(claim), "small right"),
            _bar("beside", MARGIN, top + 38, ONCE, 14),
            _bar("ours" if claim.met else "missed", MARGIN, top + 41, ours, 8),
            _bar("limit", MARGIN + claim.at_most * ONCE - 1.5, top + 36, 3, 18),
        ]
    )


def _text(x: int, y: int, text: str, kind: str = "") -> str:
    return f'<text x="{x}" y="{y}" class="{kind}">{escape(text)}</text>'


def _bar(kind: str, x: float, y: int, width: float, height: int) -> str:
    return f'<rect class="{kind}" x="{x:.1f}" y="{y}" width="{width:.1f}" height="{height}"/>'
