"""The tests that prove a row of `docs/asvs.md`: they are marked by `@pytest.mark.asvs("6.2.1")`."""

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator

from benchmarks.rendered import TEMPLATE
from docs.reference import FOLDER

MARK = "pytest.mark.asvs"
OF_ACCOUNTS = "## With `accounts=self-service`\n"
ROW = re.compile(r"^\| (\d+\.\d+\.\d+) \|.+$", re.MULTILINE)
LINK = r"\[test_\w+\]\([^)]+\)"
LINKS = re.compile(f"{LINK}(?:, {LINK})*")

# The links to the tests of a requirement, by its number.
Links = dict[str, list[str]]


def page(text: str) -> str:
    """The page with the links of today in each row that has marked tests; other rows stay."""
    before, heading, after = text.partition(OF_ACCOUNTS)
    above = with_links(before, found_links(of_accounts=False), "above")
    return above + heading + with_links(after, found_links(of_accounts=True), "below")


def with_links(part: str, links: Links, place: str) -> str:
    if missing := links.keys() - set(ROW.findall(part)):
        sys.exit(f"asvs.md: add a row for {', '.join(sorted(missing))} {place} {OF_ACCOUNTS}")
    return ROW.sub(lambda row: linked(row[0], links.get(row[1], [])), part)


def linked(row: str, links: list[str]) -> str:
    """The row with these links in place of its own, or before its words if it has none yet."""
    *cells, words, end = re.split(r"(?<!\\)\|", row)
    if not links:
        return row
    made, words = ", ".join(links), words.strip()
    if LINKS.search(words):
        words = LINKS.sub(lambda _: made, words, count=1)
    else:
        words = f"{made}. {words}" if words else made
    return "|".join([*cells, f" {words} ", end])


def found_links(*, of_accounts: bool) -> Links:
    found: Links = defaultdict(list)
    for number, name, path in marked_tests():
        if ("/accounts/" in path) == of_accounts:
            found[number].append(f"[{name}](../{path})")
    return found


def marked_tests() -> Iterator[tuple[str, str, str]]:
    """The number of a requirement, the name of a test that proves it, and the path of its file."""
    folders = (TEMPLATE / "tests", FOLDER / "tests")
    for file in sorted(file for folder in folders for file in folder.rglob("test_*.py")):
        text = file.read_text("utf-8")
        nodes = ast.walk(ast.parse(text)) if MARK in text else ()
        for test in (node for node in nodes if isinstance(node, ast.FunctionDef)):
            for number in numbers(test):
                yield number, test.name, file.relative_to(TEMPLATE).as_posix()


def numbers(test: ast.FunctionDef) -> list[str]:
    calls = (mark for mark in test.decorator_list if isinstance(mark, ast.Call))
    marks = (call for call in calls if ast.unparse(call.func) == MARK)
    return [ast.literal_eval(each) for mark in marks for each in mark.args]
