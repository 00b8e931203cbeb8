"""The page of costs shows the stored run, and no claim of it is forgotten."""

from __future__ import annotations

from tools.benchmarks import page

AGAIN = "Run `.venv/bin/python -m tools.benchmarks.page`, which draws the stored run again."


def test_the_chart_and_the_table_are_those_of_the_stored_run() -> None:
    assert page.CHART.read_text("utf-8") == page.stored_chart(), AGAIN
    assert page.stored_table() in page.PAGE.read_text("utf-8"), AGAIN


def test_each_claim_has_a_bar_or_is_left_out_by_name() -> None:
    claims = [claim["name"] for claim in page.stored_run()["claims"]]
    assert len(claims) == len(set(claims))
    assert set(claims) == page.SHOWN.keys() | page.LEFT_OUT, "See tools/benchmarks/page.py."
