"""`make new` checks each answer when it is given, and asks again with the reason."""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import support

ENTER = ""
GOOGLE = "https://fonts.googleapis.com"
FONTS = "https://fonts.gstatic.com"


@dataclass(frozen=True)
class Asker:
    """`make new` in a copy of the template, with what a person types."""

    template: Path

    def __call__(
        self, *typed: str, out: str = os.pardir, answers: str = "", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        settings = {"COOKIECUTTER_CONFIG": str(self.template / "own.yaml"), "COLUMNS": "300"}
        return subprocess.run(
            [sys.executable, "-m", "tools.new", out, *answers.split()],
            cwd=self.template,
            env=os.environ | support.COMPILED | settings | environment,
            input="".join(f"{line}\n" for line in typed),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )


@pytest.fixture
def ask(short_template: Path, tmp_path: Path) -> Asker:
    template = shutil.copytree(short_template, tmp_path / "out" / "template")
    for name in ("__init__.py", "new.py", "demo.py"):
        support.copy(support.TEMPLATE / "tools" / name, template / "tools" / name)
    own = f"replay_dir: {tmp_path}\ncookiecutters_dir: {tmp_path}\n"
    (template / "own.yaml").write_text(own, "utf-8")
    return Asker(template)


def test_a_folder_that_exists_is_refused_before_any_other_question(ask: Asker) -> None:
    (ask.template.parent / "harbour-log").mkdir()
    said = ask("Harbour Log", ENTER).stdout
    assert "../harbour-log exists already: choose another name." in said
    assert said.count("[2/11]") == 2
    assert "[3/11]" not in said


def test_a_refused_answer_is_asked_again_with_the_reason(ask: Asker) -> None:
    name, sites = "Bob's {{ 7 * 7 }} # shop", "https://app.example.com"
    answers = (name, "My Shop", "my-shop", ENTER, ENTER, ENTER, ENTER, ENTER, "*", sites)
    asked = ask(*answers, ENTER, ENTER, ENTER)
    assert "'my-shop' would be accepted.\n  [2/11]" in asked.stdout
    assert "'*' would let the pages of every site call your API" in asked.stdout
    assert asked.returncode == 0
    assert "\n    cd ../my-shop\n" in asked.stdout
    policy = support.literals(ask.template.parent / "my-shop" / "app" / "policy.py")
    assert (policy["PROJECT_NAME"], policy["CORS_ORIGINS"]) == (name, [sites])


def test_it_begins_with_the_answers_that_are_given(ask: Asker) -> None:
    ask("Shop", *[ENTER] * 10, answers="csp=paranoid description=Boats")
    policy = (ask.template.parent / "shop" / "app" / "policy.py").read_text("utf-8")
    assert ("csp_levels.PARANOID" in policy, 'DESCRIPTION = "Boats"' in policy) == (True, True)


@pytest.mark.parametrize(
    ("again", "sources"), [(ENTER, [GOOGLE, FONTS]), (GOOGLE, [GOOGLE])], ids=["Enter", "the same"]
)
def test_style_sheets_of_google_are_taken_after_a_hint_at_their_fonts(
    ask: Asker, again: str, sources: list[str]
) -> None:
    said = ask("Shop", *[ENTER] * 4, GOOGLE, again, *[ENTER] * 5).stdout
    assert said.count("[6/11]") == 2
    assert f"load fonts of {FONTS}" in said
    policy = support.literals(ask.template.parent / "shop" / "app" / "policy.py")
    assert policy["CSP_SOURCES"] == sources


def test_sites_that_are_offered_are_kept_by_enter_and_removed_by_a_comma(ask: Asker) -> None:
    said = ask("Shop", *[ENTER] * 4, ",", *[ENTER] * 5, answers=f"csp_sources={FONTS}").stdout
    question = said.partition("[6/11]")[2].partition("[7/11]")[0]
    assert f"Enter keeps these, a comma removes them ({FONTS}): " in question
    assert "Enter for none" not in question
    policy = support.literals(ask.template.parent / "shop" / "app" / "policy.py")
    assert policy["CSP_SOURCES"] == []


def test_the_sites_of_an_allowlist_are_asked_for_there_alone(ask: Asker) -> None:
    assert "[8/11]" not in ask("Shop", *[ENTER] * 6).stdout
    assert "[8/11]" in ask("Shop", *[ENTER] * 5, "3").stdout


def test_an_allowlist_without_a_site_becomes_deny_and_says_so(ask: Asker) -> None:
    said = ask("Shop", *[ENTER] * 5, "3", *[ENTER] * 5).stdout
    assert "so `framing` is deny" in said
    policy = support.literals(ask.template.parent / "shop" / "app" / "policy.py")
    assert policy["FRAME_ANCESTORS"] == ["'none'"]


def numbers(said: str) -> list[int]:
    """The numbers of the questions, in the order in which they were asked."""
    return [int(number) for number in re.findall(r"\[(\d+)/11\]", said)]


def offered(said: str, number: int) -> list[str]:
    """What Enter would answer to a question, each time that it was asked."""
    return re.findall(rf"\[{number}/11\][^\[]*?(?:\[[\d/]+\] )?\(([^()]*)\): ", said)


def test_the_first_line_says_that_enter_is_safe_and_what_else_can_be_typed(ask: Asker) -> None:
    said = ask().stdout
    first = "Enter is safe everywhere; you can change each answer later. ? says more, < goes back."
    assert said.startswith(f"{first}\n")


# What people ask, by the number of the question.
SAID_MORE = {
    5: ("nonce=", "htmx", "Tailwind", "Google Analytics", "connect-src"),
    10: ("only pages", "opaque"),
    11: ("cruft update", "docs/update.md"),
}


def test_a_question_mark_says_more_and_asks_again(ask: Asker) -> None:
    said = ask("?", "Shop", *["?", ENTER] * 5, "?", "3", *["?", ENTER] * 4, "?").stdout
    assert numbers(said) == [each for number in range(1, 12) for each in (number, number)]
    parts = re.split(r"\[\d+/11\]", said)
    # The last one is the summary.
    missing = {
        (number, word)
        for number, words in SAID_MORE.items()
        for word in words
        if word not in parts[2 * number - 1]
    }
    assert missing == set()
    assert "summary" not in said
    pages = re.findall(r"docs/[\w/-]+\.md", said)
    assert len(pages) >= 6
    assert [page for page in pages if not (support.TEMPLATE / page).is_file()] == []
    assert said.count("Enter writes it") == 2


def test_more_is_said_of_every_question() -> None:
    new = runpy.run_path(str(support.TEMPLATE / "tools" / "new.py"))
    assert list(new["SAYS_MORE"]) == list(new["HOOK"]["QUESTIONS"])


def test_back_asks_the_question_before_and_offers_its_answer(ask: Asker) -> None:
    said = ask("Shop", ENTER, "Sells bread.", "<", "<", "<", "Bakery").stdout
    assert numbers(said) == [1, 2, 3, 4, 3, 2, 1, 2]
    assert offered(said, 3) == ["A small web service that starts out secure.", "Sells bread."]
    assert offered(said, 1) == ["My Service", "Shop"]
    # The folder follows the name.
    assert offered(said, 2) == ["shop", "shop", "bakery"]


def test_a_folder_that_was_typed_does_not_follow_the_name(ask: Asker) -> None:
    assert offered(ask("Shop", "old-shop", "<", "<", "Bakery").stdout, 2)[-1] == "old-shop"


def test_back_from_the_first_question_asks_it_again(ask: Asker) -> None:
    assert numbers(ask("<", "Shop").stdout) == [1, 1, 2]


@pytest.mark.parametrize(("framing", "before"), [("1", 7), ("3", 8)], ids=["deny", "allowlist"])
def test_back_leaves_out_a_question_that_was_not_asked(
    ask: Asker, framing: str, before: int
) -> None:
    sites = ["https://a.example"] if framing == "3" else []
    said = ask("Shop", *[ENTER] * 5, framing, *sites, "<").stdout
    assert numbers(said)[-2:] == [9, before]


def test_sites_of_an_allowlist_that_was_taken_back_are_forgotten(ask: Asker) -> None:
    typed = ("Shop", *[ENTER] * 5, "allowlist", "https://a.example", "<", "<", "deny")
    assert ask(*typed, *[ENTER] * 4).returncode == 0
    policy = support.literals(ask.template.parent / "shop" / "app" / "policy.py")
    assert policy["FRAME_ANCESTORS"] == ["'none'"]


@pytest.mark.parametrize("typed", ["2", "paranoid"])
def test_a_choice_is_its_number_or_its_name(ask: Asker, typed: str) -> None:
    said = ask("Shop", *[ENTER] * 3, "4", typed, "<").stdout
    assert "'4' is none of strict, paranoid, relaxed" in said
    assert offered(said, 5) == ["1", "1", "2"]


def test_a_summary_stands_before_anything_is_written(ask: Asker) -> None:
    stopped = ask("Shop", *[ENTER] * 4, GOOGLE, GOOGLE, "3", "https://a.example", *[ENTER] * 3)
    lines = [line.split() for line in stopped.stdout.splitlines()]
    shown = {line[0]: line[1:] for line in lines if len(line) > 1}
    assert "../shop" in stopped.stdout
    assert (shown["project_name"], shown["csp_sources"]) == (["Shop"], [GOOGLE])
    assert (shown["framing"], shown["frame_ancestors"]) == (["allowlist"], ["https://a.example"])
    assert stopped.returncode == 1
    assert not (ask.template.parent / "shop").exists()


def test_the_summary_leads_back_and_refuses_other_words(ask: Asker) -> None:
    said = ask("Shop", *[ENTER] * 9, "no", "<", "2", "<").stdout
    assert numbers(said)[-3:] == [11, 11, 11]
    assert "'no' is no answer: press Enter to write the project, or < to go back." in said
    assert offered(said, 11) == ["1", "1", "2"]


def test_a_tilde_is_the_home_folder(ask: Asker, tmp_path: Path) -> None:
    ask("Shop", *[ENTER] * 10, out="~/projects", HOME=str(tmp_path))
    assert (tmp_path / "projects" / "shop" / "app").is_dir()
    assert not (ask.template / "~").exists()


def test_who_stops_reads_no_traceback(ask: Asker) -> None:
    stopped = ask("Shop", "-")
    assert stopped.returncode == 1
    assert stopped.stdout.endswith("\nStopped: nothing was written.\n")
    assert "Traceback" not in stopped.stdout


def test_make_new_asks_so() -> None:
    support.need(shutil.which("make"), "make")
    ready = ("-o", ".venv/bin/cookiecutter")
    planned = support.run("make", "--dry-run", *ready, "new", "OUT=there", cwd=support.TEMPLATE)
    assert ".venv/bin/python -m tools.new 'there'" in planned
