"""Writes the tables of the pages from the code, and leaves the words alone: `make reference`."""

import re
import sys
from pathlib import Path

from docs.reference import (
    Fact,
    Facts,
    choices,
    commands,
    diagrams,
    events,
    evidence,
    findings,
    headers,
    messages,
    names,
    routes,
    settings,
)
from tools.benchmarks.rendered import TEMPLATE, render, temporary_folder

PAGES = Path(__file__).parent.parent
# A drawing in a page. What it shows is said in words too, for those who do not see it.
DRAWING = re.compile(r"^!\[[^\]]*\](?=\((?:\.\./)*drawings/([\w-]+)\.svg\)$)", re.MULTILINE)
# A table is known by its heading. In all but COMMANDS each row needs words in its last cell.
ROUTES = "| route | who may call | body | what it does |"
COMMANDS = "| command | what it does | more |"
SETTINGS = "| setting | default | valid | what it does |"
POLICY = "| value | default | what it does |"
EVENTS_OF_OWASP = "| event of OWASP | level | when |"
OWN_EVENTS = "| event of our own | level | when |"
FINDINGS = "| id | level | finds |"
GENERATED = "<!-- `make reference` writes all below this line. -->\n\n"


def main(folder: Path = PAGES) -> None:
    with temporary_folder() as temporary:
        project = Path(temporary, "my-service")
        render(TEMPLATE, project.parent, project.name, accounts="self-service")
        sys.path.insert(0, str(project))
        for name, text in files(project).items():
            page = folder / name
            page.parent.mkdir(parents=True, exist_ok=True)
            page.write_text(text, "utf-8")


def files(project: Path) -> dict[str, str]:
    drawn = diagrams.diagrams(project)
    by_hand = {page.relative_to(PAGES).as_posix(): page for page in PAGES.rglob("*.md")}
    shown = {
        name: text
        for name, page in by_hand.items()
        if DRAWING.search(text := page.read_text("utf-8"))
    }
    described = {
        name: DRAWING.sub(lambda drawing: f"![{drawn[drawing[1]].description()}]", text)
        for name, text in (shown | pages(project)).items()
    }
    made = {"theme/choices.js": choices.script()}
    return (
        described | made | {f"drawings/{name}.svg": each.svg(name) for name, each in drawn.items()}
    )


def pages(project: Path) -> dict[str, str]:
    tables: dict[str, dict[str, Facts]] = {
        "reference/routes.md": {ROUTES: routes.facts()},
        "reference/commands.md": {COMMANDS: commands.facts(project)},
        "reference/settings.md": {SETTINGS: settings.facts(), POLICY: settings.policy()},
        "how-to/checks.md": {FINDINGS: findings.facts()},
        "how-to/logs.md": {EVENTS_OF_OWASP: events.of_owasp(), OWN_EVENTS: events.of_our_own()},
    }
    made = {name: page_of_tables(name, of_page) for name, of_page in tables.items()}
    for name, page in {
        "how-to/another-language.md": messages.page,
        "asvs.md": evidence.page,
        "reference/public-names.md": names.page,
    }.items():
        made[name] = page((PAGES / name).read_text("utf-8"))
    return made | {"reference/headers.md": page_of_headers()}


def page_of_headers() -> str:
    by_hand = (PAGES / "reference" / "headers.md").read_text("utf-8").partition(GENERATED)[0]
    return by_hand + GENERATED + headers.text()


def page_of_tables(name: str, tables: dict[str, Facts]) -> str:
    """The page with today's facts in the tables of these headings. Rows keep their order."""
    lines, section, heading, seen = list[str](), "", "", set[tuple[str, str]]()
    for line in (PAGES / name).read_text("utf-8").splitlines():
        section = line if line.startswith("#") else section
        heading = heading if line.startswith("|") else ""
        if heading and not line.startswith("|-"):
            seen.add((heading, key(line)))
            lines += row(tables[heading].get(key(line)), line, heading, section)
        else:
            lines.append(line)
        heading = line if line in tables else heading
    for heading, facts in tables.items():
        if missing := [each for each in facts if (heading, each) not in seen]:
            sys.exit(f"{name}: add a row for {', '.join(sorted(missing))} below {heading}")
    return "\n".join([*lines, ""])


def key(line: str) -> str:
    """What a row is about, without the arguments of a command."""
    return re.sub(r" [A-Z\[].*", "", line.split("|")[1].strip(" `"))


def row(fact: Fact | None, line: str, heading: str, section: str) -> list[str]:
    """The row with today's facts, or none if what it is about is gone."""
    if fact is None:
        return []
    words = re.split(r"(?<!\\)\|", line)[-2].strip()
    if heading != COMMANDS and not words:
        sys.exit(f"The last cell of {key(line)} needs words: {line}")
    if fact.of_accounts != ("accounts=self-service" in section):
        sys.exit(f"{key(line)} stands in the wrong section: {section}")
    return [f"| {' | '.join([*fact.cells, words])} |"]


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
