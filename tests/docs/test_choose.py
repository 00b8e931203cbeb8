"""The page of choices: the command gives the answers, and what the hook refuses is an error."""

from __future__ import annotations

import json
import random
import re
import runpy
import shlex
import sys
from collections.abc import Iterator
from gzip import compress
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from cookiecutter.prompt import render_variable
from cookiecutter.utils import create_env_with_context
from playwright.sync_api import Browser, Page, expect

import support
from docs.reference import choices

THEME = support.PAGES / "theme"
DATA = json.loads((THEME / "choices.js").read_text("utf-8").removeprefix("const CHOICES = ")[:-2])
MOST_BYTES = 20_000  # compressed
HOOK = runpy.run_path(str(support.TEMPLATE / "hooks" / "pre_gen_project.py"))
HOOK["RESERVED"].update(" ".join(support.SETTINGS["_taken_names"]).split())


# What somebody types.


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """The page of choices, where a message of the console fails the test."""
    with browser.new_context(base_url=address) as context:
        tab, said = context.new_page(), list[str]()
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.goto("/choose.html")
        yield tab
        assert not said


@pytest.fixture(scope="module")
def functions(browser: Browser) -> Iterator[Page]:
    """A tab that has the functions of the script, without its page."""
    with browser.new_page() as tab:
        for name in ("choices.js", "choose.js"):
            tab.add_script_tag(content=(THEME / name).read_text("utf-8"))
        yield tab


PIECES = [
    *("https://", "http://", "HTTPS://", "//", "app", "www.example.com", ".", "-", "_", ":", "/"),
    *("443", "3000", "99999", "*", "@", "?", "#", "[::1]", "localhost", "127.0.0.1", "Ü", "é", "x"),
    *("null", "'self'", "xn--bcher-kva", "example", "COM", "\\", "%41", '"', "0", "--"),
    *("a@b.example", "calendar", "flask", " ", "ß", "東京", "!", "&"),
]
NAMES = ["project_name", "project_slug", "csp_sources", "cors_origins", "security_contact"]


def generated(count: int) -> list[str]:
    """Return texts that look like origins, addresses and names, the same at each run."""
    chance = random.Random(1)  # noqa: S311 - the same texts at each run
    return ["".join(chance.choices(PIECES, k=chance.randint(1, 5))) for _ in range(count)]


@pytest.mark.parametrize("question", NAMES)
def test_the_page_refuses_what_the_hook_refuses(question: str, functions: Page) -> None:
    texts = [*generated(5000), "https://a.example:65536", "https://a.example:443"]
    refused = {text for text in texts if HOOK["review"](question, text)[0]}
    mine = evaluate(functions, f"text => problem('{question}', text)", texts)
    assert len(refused) > (0 if question == "project_name" else 1000)
    assert {text for text in mine if mine[text]} == refused


def evaluate(functions: Page, function: str, texts: list[str]) -> dict[str, str]:
    found = functions.evaluate(f"texts => texts.map({function})", texts)
    return dict(zip(texts, found, strict=True))


# No folder can be named after these.
NAMELESS = ["42 Boats", "!!!", "Calendar", "東京"]
COMMAND_OF_A_NAME = """name => {
  const answers = { ...defaults(), project_name: name };
  return Object.keys(allProblems(answers)).length ? "" : command(answers, false);
}"""


def test_a_name_gives_a_command_that_the_hook_accepts_or_an_error(functions: Page) -> None:
    lines = evaluate(functions, COMMAND_OF_A_NAME, [*generated(3000), "Café 3000", *NAMELESS])
    given = {name: pairs(shlex.split(line)[4:]) for name, line in lines.items() if line}
    assert len(given) > 1000
    assert [
        name for name in given if HOOK["review"]("project_slug", given[name]["project_slug"])[0]
    ] == []
    assert {name for name in NAMELESS if lines[name]} == set()
    assert given["Café 3000"]["project_slug"] == "cafe-3000"


SITES = {
    "https://tiles.example.org/": "Write https://tiles.example.org",
    "https://b.example, Tiles.example.org/a?b": "Write https://b.example, https://tiles.example.org",
    "tiles": "“tiles” cannot be used. Write a site as https://app.example.com",
}


def test_the_sentence_for_sites_has_what_was_meant(functions: Page) -> None:
    assert evaluate(functions, "text => problem('csp_sources', text)", [*SITES]) == SITES


ANSWERS = {
    "project_name": "It's $HOME & `id` {{ 7 * 7 }} # cookiecutter: x",
    "project_slug": "harbour",
    "description": 'A "quoted" \\ $(id) text, with {% marks %}.',
    "security_contact": "security@harbour.example",
    "csp": "paranoid",
    "csp_sources": "https://cdn.example.com, https://img.example.com",
    "framing": "allowlist",
    "frame_ancestors": "https://portal.example.com",
    "cors_origins": "http://localhost:3000",
    "token_type": "jwt",
    "accounts": "self-service",
}
TAKEN = ANSWERS | {"csp_sources": "https://cdn.example.com,https://img.example.com"}


def pairs(words: list[str]) -> dict[str, str]:
    return dict(word.split("=", 1) for word in words)


def test_the_command_gives_cookiecutter_the_answers(functions: Page) -> None:
    words = shlex.split(functions.evaluate("answers => command(answers, false)", ANSWERS))
    assert words[:2] == ["uvx", "cookiecutter"]
    given = pairs(words[4:])
    environment = create_env_with_context({"cookiecutter": support.SETTINGS})
    assert {name: render_variable(environment, text, {}) for name, text in given.items()} == TAKEN


def test_the_command_of_a_clone_gives_make_the_answers(functions: Page, tmp_path: Path) -> None:
    line = functions.evaluate("answers => command(answers, true)", ANSWERS)
    show = "import json, sys; print(json.dumps(sys.argv[1:]))"
    rule = f"new:\n\t@{shlex.quote(sys.executable)} -c '{show}' $(ANSWERS)\n"
    (tmp_path / "Makefile").write_text(rule, "utf-8")
    # `make test` runs this too, and a make within a make prints its folder.
    printed = support.run("sh", "-c", line, cwd=tmp_path, MAKELEVEL="0")
    assert pairs(json.loads(printed)) == TAKEN


def test_defaults_are_not_in_the_command(functions: Page) -> None:
    commands = functions.evaluate("[false, true].map((clone) => command(defaults(), clone))")
    assert commands == [f"uvx cookiecutter gh:{DATA['source']} --no-input", "make new"]


def test_the_answers_change_no_line_together_that_none_changes_alone(functions: Page) -> None:
    every = ("csp=paranoid", "csp_sources=named", "framing=allowlist", "cors_origins=named")
    state = [*every, "token_type=jwt", "accounts=self-service"]
    alone = [DATA["files"][answer] for answer in state]
    after = choices.project(choices.answers(tuple(pairs(state).items())))
    together = choices.changed(choices.project(choices.DEFAULTS), after)
    assert {name: {*lines} for name, lines in together.items()} == {
        name: {line for each in alone for line in each.get(name, [])} for name in together
    }


@pytest.mark.all
@pytest.mark.slow
def test_a_choice_shows_what_it_changes_and_a_bad_answer_its_reason_alone(page: Page) -> None:
    page.locator("input[value=paranoid]").check()
    expect(page.locator("#command")).to_have_text(re.compile("csp=paranoid$"))
    row = page.get_by_role("row", name="innerHTML and other sinks")
    expect(row).to_contain_text("blocked (was: works)")
    expect(page.get_by_role("row", name="eval")).to_be_hidden()
    expect(page.locator("#choose-results")).to_contain_text("+ CSP = csp_levels.PARANOID")
    callers = page.get_by_label("Which other sites may call your API")
    callers.fill("https://a.example")
    expect(page.locator("#choose-results")).to_contain_text("CORS_ORIGINS: list[str] = [\n+     ")
    callers.fill("https://a.example/")
    expect(callers).to_have_accessible_description("Write https://a.example")
    expect(page.get_by_role("status")).to_have_text("Correct the marked answers first.")
    page.get_by_label("What is the service called?").fill("42 Boats")
    folder = page.get_by_label("What should its folder be called?")
    expect(folder).to_have_accessible_description(re.compile("such as my-42-boats$"))
    page.get_by_label("What is the service called?").fill("Boats")
    expect(folder).to_have_attribute("placeholder", "boats")


@pytest.mark.all
@pytest.mark.slow
def test_without_javascript_the_table_is_there(browser: Browser, address: str) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        tab = context.new_page()
        tab.goto(f"{address}/choose.html")
        expect(tab.get_by_role("cell", name="self-service", exact=True)).to_be_visible()
        expect(tab.locator("#chooser")).to_be_empty()


@pytest.mark.all
@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_a_phone_scrolls_one_way_with_a_bad_answer(
    scheme: Literal["light", "dark"], page: Page
) -> None:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.set_viewport_size({"width": 360, "height": 720})
    page.locator("input[value=self-service]").check()
    page.locator("input[value=allowlist]").check()
    # The theme's own link appears where somebody scrolls up, outside each landmark.
    page.evaluate("scrollTo(0, 0)")
    expect(page.get_by_text("Back to top")).to_be_hidden()
    found = Axe().run(page, options={"resultTypes": ["violations"]})
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_what_the_page_loads_is_small() -> None:
    loaded = b"".join((THEME / name).read_bytes() for name in ("choices.js", "choose.js"))
    assert len(compress(loaded)) < MOST_BYTES
