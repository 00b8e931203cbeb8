"""docs/asvs.md is what the marks on the tests and docs/asvs.toml say, and claims no more."""

from tests import asvs


def test_the_table_is_what_marks_and_rows_say() -> None:
    # Compared as texts, the whole would be shown: the line that differs is enough.
    written = asvs.TABLE.read_text("utf-8").splitlines()
    made = asvs.table().splitlines()
    assert set(made) - set(written) == set(), "run `make asvs`"
    assert written == made, "run `make asvs`"


def test_every_mark_names_a_requirement_that_is_listed() -> None:
    known = asvs.requirements().keys()
    assert [mark for mark in asvs.marks() if mark.requirement not in known] == []


def test_every_mark_is_on_a_test_and_stands_once() -> None:
    marks = asvs.marks()
    assert [mark for mark in marks if not mark.test.startswith("test_")] == []
    assert len(set(marks)) == len(marks)


def test_what_is_claimed_by_test_has_one_and_nothing_else_has() -> None:
    shown = {mark.requirement for mark in asvs.marks()}
    for number, row in asvs.requirements().items():
        claimed = asvs.kind(row) in ("test", "part")
        assert (number in shown) == claimed, f"{number}: see its row in docs/asvs.toml"


def test_every_row_says_in_a_few_words_what_is_asked_and_gives_one_answer() -> None:
    for number, row in asvs.requirements().items():
        assert 8 <= len(row["asks"].split()) <= 20, number
        assert row["level"] in (1, 2, 3), number
        assert row.keys() - {"level", "asks"} <= {"note", *asvs.ANSWERS}, number
        assert len(row.keys() - {"level", "asks"}) <= 1, number
