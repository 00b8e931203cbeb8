"""Writes the tables of these pages from the code, and leaves the words alone: `make reference`."""

import re
import sys
from pathlib import Path

from benchmarks.rendered import TEMPLATE, render, temporary_folder
from docs.reference import Fact, Facts, commands, headers, routes, settings

PAGES = Path(__file__).parent
# By them a table is known. In those that end in WORDS each row needs some.
WORDS = "what it does |"
ROUTES = f"| route | who may call | body | {WORDS}"
COMMANDS = "| command | what it does | more |"
SETTINGS, POLICY = f"| setting | default | valid | {WORDS}", f"| value | default | {WORDS}"
NAMES = "<!-- `make reference` writes the next line. -->\n"
GENERATED = "<!-- `make reference` writes all below this line. -->\n\n"


def main(folder: Path = PAGES) -> None:
    with temporary_folder() as temporary:
        project = Path(temporary, "my-service")
        render(TEMPLATE, project.parent, project.name, accounts="self-service")
        sys.path.insert(0, str(project))
        for name, text in pages(project).items():
            (folder / name).write_text(text, "utf-8")


def pages(project: Path) -> dict[str, str]:
    tables: dict[str, dict[str, Facts]] = {
        "routes.md": {ROUTES: routes.facts()},
        "commands.md": {COMMANDS: commands.facts(project)},
        "settings.md": {SETTINGS: settings.facts(), POLICY: settings.policy()},
    }
    by_hand = (PAGES / "headers.md").read_text("utf-8").partition(GENERATED)[0]
    made = {name: page(name, of_page) for name, of_page in tables.items()}
    before, _, after = made["settings.md"].partition(NAMES)
    made["settings.md"] = before + NAMES + settings.read_once() + after[after.index("\n") :]
    return made | {"headers.md": by_hand + GENERATED + headers.text()}


def page(name: str, tables: dict[str, Facts]) -> str:
    """The page with today's facts in the tables of these headings. Rows keep their order."""
    lines, section, heading, seen = list[str](), "", "", set[str]()
    for line in (PAGES / name).read_text("utf-8").splitlines():
        section = line if line.startswith("#") else section
        heading = heading if line.startswith("|") else ""
        if heading and not line.startswith("|-"):
            seen.add(key(line))
            lines += row(tables[heading].get(key(line)), line, heading, section)
        else:
            lines.append(line)
        heading = line if line in tables else heading
    for heading, facts in tables.items():
        if missing := facts.keys() - seen:
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
    if heading.endswith(WORDS) and not words:
        sys.exit(f"Say in the last cell what {key(line)} does: {line}")
    if fact.of_accounts != ("accounts=self-service" in section):
        sys.exit(f"{key(line)} stands in the wrong section: {section}")
    return [f"| {' | '.join([*fact.cells, words])} |"]


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
