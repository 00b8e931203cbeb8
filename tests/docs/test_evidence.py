"""`make reference` writes the links and the counts of the ASVS page from the marks of tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs.reference import evidence

PAGE = """\
Our words.

| | level 1 | level 2 | both |
|---|---|---|---|
| shown by tests | 7 | 7 | 7 |

## V2 Validation

| id | level | what it asks | what meets it |
|---|---|---|---|
| 2.1.1 | 1 | Shown. | [test_old](../tests/test_old.py). Our words. |
| 2.1.2 | 2 | In part. | In part. Yours too. |
| 2.1.3 | 2 | By a setting. | `SETTING` |
| 2.1.4 | 2 | Yours. | **Yours to do.** Think. |
| 2.1.5 | 1 | Not here. | Does not apply. With `jwt`: [test_old](../tests/test_old.py). |
| 2.1.6 | 3 | Shown, but not counted. | |

## With `accounts=self-service`

| id | level | what it asks | what meets it |
|---|---|---|---|
| 2.1.1 | 1 | Shown. | |
"""
MARKED = """\
import pytest

@pytest.mark.asvs("2.1.1", "2.1.2", "2.1.6")
def test_new() -> None: ...

@pytest.mark.parametrize("number", [1])
@pytest.mark.asvs("2.1.1", "2.1.5")
def test_other(number: int) -> None: ...
"""
OF_ACCOUNTS = """\
import pytest

@pytest.mark.asvs("2.1.1")
def test_link() -> None: ...
"""
NEW, OTHER = (f"[test_{name}](../tests/test_here.py)" for name in ("new", "other"))
LINK = "[test_link](../tests/core/accounts/test_links.py)"


@pytest.fixture
def template(tmp_path: Path) -> Path:
    accounts = tmp_path / "tests" / "core" / "accounts"
    accounts.mkdir(parents=True)
    (accounts / "test_links.py").write_text(OF_ACCOUNTS, "utf-8")
    (tmp_path / "tests" / "test_here.py").write_text(MARKED, "utf-8")
    return tmp_path


def rows(page: str) -> list[str]:
    """The last cell of each row of a requirement."""
    return [line.split(" | ")[-1].rstrip(" |") for line in page.splitlines() if "| 2." in line]


def test_each_row_links_to_the_tests_that_are_marked_with_it(template: Path) -> None:
    assert rows(evidence.page(PAGE, template)) == [
        f"{NEW}, {OTHER}. Our words.",
        f"{NEW}. In part. Yours too.",
        "`SETTING`",
        "**Yours to do.** Think.",
        f"Does not apply. With `jwt`: {OTHER}.",
        NEW,
        LINK,
    ]


def test_the_rows_of_levels_1_and_2_are_counted(template: Path) -> None:
    table = evidence.page(PAGE, template).split("|---|---|---|---|\n")[1]
    assert table.partition("\n\n")[0].splitlines() == [
        "| shown by tests | 1 | 0 | 1 |",
        "| shown in part | 0 | 1 | 1 |",
        "| by a setting | 0 | 1 | 1 |",
        "| yours to do | 0 | 1 | 1 |",
        "| does not apply | 1 | 0 | 1 |",
    ]


@pytest.mark.parametrize(
    "words",
    ["", "In part. Yours too.", "[test_old](../tests/test_old.py)"],
    ids=["no words", "in part", "a link"],
)
def test_a_row_without_a_marked_test_says_what_meets_it(template: Path, words: str) -> None:
    with pytest.raises(SystemExit, match=r"mark the tests that show 2\.1\.3 above"):
        evidence.page(PAGE.replace("`SETTING`", words), template)


@pytest.mark.parametrize(
    ("file", "place"), [("test_here", "above"), ("core/accounts/test_links", "below")]
)
def test_a_mark_without_a_row_is_refused(template: Path, file: str, place: str) -> None:
    marked = template / "tests" / f"{file}.py"
    text = marked.read_text("utf-8")
    marked.write_text(text.replace('asvs("2.1.1"', 'asvs("2.9.9", "2.1.1"', 1), "utf-8")
    with pytest.raises(SystemExit, match=rf"2\.9\.9 .*{place}"):
        evidence.page(PAGE, template)
