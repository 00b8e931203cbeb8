"""A project and its tests grow by at most a fifth between two releases, and `make sizes` shows it."""

from __future__ import annotations

import ast

import pytest

import sizes
from sizes import Size


def test_no_size_is_above_its_limit() -> None:
    assert [line for line in sizes.table() if line.endswith("above the limit")] == []


@pytest.mark.parametrize(("now", "is_above"), [(50, False), (120, False), (121, True)])
def test_the_table_marks_what_is_more_than_a_fifth_above_the_stated_figure(
    now: int, is_above: bool
) -> None:
    [_, row] = sizes.table([Size("lines", 100, lambda: now)])
    assert row.split()[:4] == ["lines", str(now), "100", "120"]
    assert row.endswith("above the limit") == is_above


def test_a_rule_counts_and_not_the_growth() -> None:
    [_, row] = sizes.table([Size("names", 62, lambda: 80, at_most=80)])
    assert row.split() == ["names", "80", "62", "80"]


def test_what_only_type_checkers_import_is_no_floor() -> None:
    code = "if TYPE_CHECKING:\n    import a\nimport b\ndef act():\n    from c import d\n"
    assert [*sizes.imported_names(ast.parse(code))] == ["b", "c.d"]
