"""The page of costs shows the stored run, and no claim of it is forgotten."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmarks import page
from benchmarks.measure import Claim, Report

AGAIN = "Run `.venv/bin/python -m benchmarks.page`, which draws the stored run again."


def test_the_chart_and_the_table_are_those_of_the_stored_run() -> None:
    assert page.CHART.read_text("utf-8") == page.stored_chart(), AGAIN
    assert page.stored_table() in page.PAGE.read_text("utf-8"), AGAIN


def test_each_claim_has_a_bar_or_is_left_out_by_name() -> None:
    claims = [claim["name"] for claim in page.stored_run()["claims"]]
    assert len(claims) == len(set(claims))
    assert set(claims) == page.SHOWN.keys() | page.LEFT_OUT, "See benchmarks/page.py."


def test_some_tables_measured_again_leave_the_figures_of_all_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("RUN", "CHART", "PAGE"):
        copied = shutil.copy(getattr(page, name), tmp_path)
        monkeypatch.setattr(page, name, Path(copied))
    before = page.stored_run()["claims"]
    again = Claim(before[0]["name"], 1.0, 2.0, 3.0)
    page.write([Report("", {}, [again], baseline="")], is_part=True)
    first, *others = page.stored_run()["claims"]
    assert (first["name"], first["seconds"]) == (again.name, 1.0)
    assert others == before[1:]
    assert page.stored_table().startswith(f"Measured on {before[1]['date']} and {first['date']} ")
