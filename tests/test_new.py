"""`make new` checks each answer when it is given, and asks again with the reason."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import support
from conftest import literals

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
            [sys.executable, "new.py", out, *answers.split()],
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
    for name in ("new.py", "demo.py"):
        shutil.copy(support.TEMPLATE / name, template)
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
    asked = ask(*answers, ENTER, ENTER)
    assert "'my-shop' would be accepted.\n  [2/11]" in asked.stdout
    assert "'*' would let the pages of every site call your API" in asked.stdout
    assert asked.returncode == 0
    assert "\n    cd ../my-shop\n" in asked.stdout
    policy = literals(ask.template.parent / "my-shop" / "app" / "policy.py")
    assert (policy["PROJECT_NAME"], policy["CORS_ORIGINS"]) == (name, [sites])


def test_it_begins_with_the_answers_that_are_given(ask: Asker) -> None:
    ask("Shop", *[ENTER] * 9, answers="csp=paranoid description=Boats")
    policy = (ask.template.parent / "shop" / "app" / "policy.py").read_text("utf-8")
    assert ("csp_levels.PARANOID" in policy, 'DESCRIPTION = "Boats"' in policy) == (True, True)


@pytest.mark.parametrize(
    ("again", "sources"), [(ENTER, [GOOGLE, FONTS]), (GOOGLE, [GOOGLE])], ids=["Enter", "the same"]
)
def test_style_sheets_of_google_are_taken_after_a_hint_at_their_fonts(
    ask: Asker, again: str, sources: list[str]
) -> None:
    said = ask("Shop", *[ENTER] * 4, GOOGLE, again, *[ENTER] * 4).stdout
    assert said.count("[6/11]") == 2
    assert f"load fonts of {FONTS}" in said
    policy = literals(ask.template.parent / "shop" / "app" / "policy.py")
    assert policy["CSP_SOURCES"] == sources


def test_the_sites_of_an_allowlist_are_asked_for_there_alone(ask: Asker) -> None:
    assert "[8/11]" not in ask("Shop", *[ENTER] * 6).stdout
    assert "[8/11]" in ask("Shop", *[ENTER] * 5, "3").stdout


def test_an_allowlist_without_a_site_becomes_deny_and_says_so(ask: Asker) -> None:
    said = ask("Shop", *[ENTER] * 5, "3", *[ENTER] * 4).stdout
    assert "so `framing` is deny" in said
    policy = literals(ask.template.parent / "shop" / "app" / "policy.py")
    assert policy["FRAME_ANCESTORS"] == ["'none'"]


def test_a_tilde_is_the_home_folder(ask: Asker, tmp_path: Path) -> None:
    ask("Shop", *[ENTER] * 9, out="~/projects", HOME=str(tmp_path))
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
    assert ".venv/bin/python new.py 'there'" in planned
