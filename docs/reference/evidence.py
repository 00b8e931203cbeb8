"""The links and counts of `docs/asvs.md`, from the tests marked by `@pytest.mark.asvs("6.2.1")`."""

import ast
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from tools.benchmarks.rendered import TEMPLATE

MARK = "pytest.mark.asvs"
OF_ACCOUNTS = "## With `accounts=self-service`"
COUNTS = "| | level 1 | level 2 | both |\n|---|---|---|---|\n"
ROW = re.compile(r"^\| (\d+\.\d+\.\d+) \| (\d) \|.+$", re.MULTILINE)
LINK = r"\[test_\w+\]\([^)]+\)"
LINKS = re.compile(f"{LINK}(?:, {LINK})*")
IN_PART = "In part."
# What a row says of a requirement that no test shows as a whole, and how it is counted.
SAID = {
    IN_PART: "shown in part",
    "Yours to do.": "yours to do",
    "Does not apply": "does not apply",
}
COUNTED = ("shown by tests", "shown in part", "by a setting", "yours to do", "does not apply")

# The links to the tests of a requirement, by its number.
Links = dict[str, list[str]]


def page(text: str, template: Path = TEMPLATE) -> str:
    """The page with the links and the counts of today. The words of its rows stay."""
    before, heading, after = text.partition(OF_ACCOUNTS)
    above = with_links(before, found_links(template, of_accounts=False), "above")
    below = with_links(after, found_links(template, of_accounts=True), "below")
    return with_counts(above) + heading + below


def with_links(part: str, links: Links, place: str) -> str:
    rows = {row[1]: row[0] for row in ROW.finditer(part)}
    if missing := links.keys() - rows.keys():
        sys.exit(f"asvs.md: add a row for {', '.join(sorted(missing))} {place} {OF_ACCOUNTS}")
    lacking = [each for each, row in rows.items() if lacks_marks(words_of(row), links.get(each))]
    if lacking:
        sys.exit(
            f"asvs.md: mark the tests that show {', '.join(lacking)} {place} {OF_ACCOUNTS} "
            f"by @{MARK}, or say there in words what meets it. Write no link to a test by hand."
        )
    return ROW.sub(lambda row: linked(row[0], links.get(row[1], [])), part)


def lacks_marks(words: str, links: list[str] | None) -> bool:
    """Whether a row has links that no mark makes, or says without one that tests show it."""
    if links:
        return len(LINKS.findall(words)) > 1
    return not words or IN_PART in words or bool(LINKS.search(words))


def linked(row: str, links: list[str]) -> str:
    """The row with these links instead of its own, or before its words if it has none yet."""
    words = words_of(row)
    made = ", ".join(links)
    if LINKS.search(words):
        words = LINKS.sub(lambda _: made, words)
    else:
        words = ". ".join(filter(None, [made, words]))
    return f"{'|'.join(cells(row)[:-2])}| {words} |"


def words_of(row: str) -> str:
    return cells(row)[-2].strip()


def cells(row: str) -> list[str]:
    return re.split(r"(?<!\\)\|", row)


def with_counts(part: str) -> str:
    """The page with how many rows of levels 1 and 2 there are of each kind."""
    before, heading, after = part.partition(COUNTS)
    counts = Counter((kind(words_of(row[0])), row[2]) for row in ROW.finditer(part))
    made = [(each, counts[each, "1"], counts[each, "2"]) for each in COUNTED]
    table = "".join(f"| {each} | {one} | {two} | {one + two} |\n" for each, one, two in made)
    return before + heading + table + after[after.index("\n\n") + 1 :]


def kind(words: str) -> str:
    """How a requirement is met, by what its row says in Markdown or as plain text."""
    by_default = "shown by tests" if "test_" in words else "by a setting"
    return next((kind for said, kind in SAID.items() if said in words), by_default)


def found_links(template: Path, *, of_accounts: bool) -> Links:
    found: Links = defaultdict(list)
    for number, name, path in marked_tests(template):
        if ("/accounts/" in path) == of_accounts:
            found[number].append(f"[{name}](../{path})")
    return found


def marked_tests(template: Path) -> Iterator[tuple[str, str, str]]:
    """The number of a requirement, the name of a test that proves it, and the path of its file."""
    for file in sorted((template / "tests").rglob("test_*.py")):
        text = file.read_text("utf-8")
        nodes = ast.walk(ast.parse(text)) if MARK in text else ()
        for test in (node for node in nodes if isinstance(node, ast.FunctionDef)):
            for number in numbers(test):
                yield number, test.name, file.relative_to(template).as_posix()


def numbers(test: ast.FunctionDef) -> list[str]:
    calls = (mark for mark in test.decorator_list if isinstance(mark, ast.Call))
    marks = (call for call in calls if ast.unparse(call.func) == MARK)
    return [ast.literal_eval(each) for mark in marks for each in mark.args]
