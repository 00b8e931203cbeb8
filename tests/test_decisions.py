"""Each decision says when it was made, and whether it still holds."""

from __future__ import annotations

import re

import pytest

import support

RECORDS = {int(path.name[:4]): path for path in support.PAGES.glob("decisions/[0-9]*.md")}
STATUS = re.compile(
    r"# \d+\. .+\n\n\*\*Status\.\*\* Accepted on \d{4}-\d\d-\d\d\."
    r"(?: Replaced on \d{4}-\d\d-\d\d by \[record \d+\]\((?P<replaced>\S+)\)\.)?(?: It replaces .+)?\n"
)


def test_no_number_is_missing() -> None:
    assert sorted(RECORDS) == list(range(1, len(RECORDS) + 1))


@pytest.mark.parametrize("number", sorted(RECORDS))
def test_a_record_has_a_date_and_a_status(number: int) -> None:
    text = RECORDS[number].read_text("utf-8")
    assert text.startswith(f"# {number}. ")
    assert STATUS.match(text)


def test_the_page_of_decisions_leads_to_each_record() -> None:
    page = (support.PAGES / "decisions.md").read_text("utf-8")
    assert [path.name for path in RECORDS.values() if f"](decisions/{path.name})" not in page] == []


def test_what_replaced_a_record_names_it() -> None:
    statuses = {path: STATUS.match(path.read_text("utf-8")) for path in RECORDS.values()}
    replaced = {path: status["replaced"] for path, status in statuses.items() if status}
    named = {
        path.name: path.name in (path.parent / by).read_text("utf-8")
        for path, by in replaced.items()
        if by
    }
    assert named == dict.fromkeys(
        ("0015-flask-security.md", "0016-metrics.md", "0017-shutdown.md"), True
    )
