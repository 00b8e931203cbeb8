"""Each decision says when it was made, and whether it still holds."""

from __future__ import annotations

import re

import support

RECORDS = {int(path.name[:4]): path for path in support.PAGES.glob("decisions/[0-9]*.md")}
STATUS = re.compile(
    r"# \d+\. .+\n\n\*\*Status\.\*\* Accepted on \d{4}-\d\d-\d\d\."
    r"(?: Replaced on \d{4}-\d\d-\d\d by \[record \d+\]\((?P<replaced>\S+)\)\.)?(?: It replaces .+)?\n"
)


def test_each_record_has_the_next_number_a_date_and_a_status() -> None:
    texts = {number: RECORDS[number].read_text("utf-8") for number in sorted(RECORDS)}
    assert [*texts] == [*range(1, len(texts) + 1)]
    begun = {number for number, text in texts.items() if text.startswith(f"# {number}. ")}
    assert {number for number, text in texts.items() if STATUS.match(text)} & begun == {*texts}


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
