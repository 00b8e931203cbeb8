"""Until the first release a project and its tests only shrink, and `make sizes` shows it."""

from __future__ import annotations

import ast

import pytest

import sizes
from docs.reference import words
from docs.reference.__main__ import GENERATED
from sizes import Size


@pytest.mark.parametrize(
    ("now", "is_least", "mark"),
    [
        (100, False, []),
        (101, False, ["refused"]),
        (100, True, []),
        (99, True, ["refused"]),
    ],
)
def test_the_table_marks_what_its_limit_refuses(now: int, is_least: bool, mark: list[str]) -> None:
    [_, row] = sizes.table([Size("lines", 100, lambda: now, is_least=is_least)])
    assert row.split() == ["lines", str(now), "100", *mark]


def test_what_only_type_checkers_import_is_no_floor() -> None:
    code = "if TYPE_CHECKING:\n    import a\nimport b\ndef act():\n    from c import d\n"
    assert [*sizes.imported_names(ast.parse(code))] == ["b", "c.d"]


TABLE = "| id | level | finds |\n|---|---|---|\n| `a.b` | error | two words |\n"


@pytest.mark.parametrize(
    ("page", "text", "counted"),
    [
        ("checks.md", f"One.\n\n{TABLE}\nThree.", "One. finds --- two words Three."),
        ("tables.md", "| a | b |\n|---|---|\n| c | d |\n", "| a | b | |---|---| | c | d |"),
        ("headers.md", f"One.\n\n{GENERATED}Two.", "One."),
        ("scaling.md", "<!-- figures -->\n1\n<!-- end --> 2", "<!-- figures --> <!-- end --> 2"),
        ("public-names.md", "One.\n\n### `db`\n\nTwo.\n", "One."),
        ("asvs.md", "[test_a](../b.py), [test_c](../d.py). One.", ". One."),
        ("update.md", "One.\n\n![A drawing.](drawings/mails.svg)\n", "One. (drawings/mails.svg)"),
    ],
)
def test_words_that_a_command_writes_do_not_count(page: str, text: str, counted: str) -> None:
    assert words.by_hand(page, text).split() == counted.split()
