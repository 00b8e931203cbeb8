"""What CONTRIBUTING says of adding a level and a question is enough: followed with made-up ones.

The copy is tested by the same tests as the template, without a line added.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import pytest

import support

CONTRIBUTING = (support.TEMPLATE / "CONTRIBUTING.md").read_text("utf-8")
# Those of test_answers.py that read the questions.
ABOUT_QUESTIONS = "hook_and_the_questions or is_explained or page_lists"
QUESTIONS = Path("docs") / "choose.md"
# Those of test_renders.py that read the files, of renders with both new answers.
ABOUT_FILES = "(no_mark or parses or ruff or the_same) and open and warm"


def change(file: Path, *pairs: tuple[str, str]) -> None:
    """Replace what stands once in a file."""
    text = file.read_text("utf-8")
    for old, new in pairs:
        assert text.count(old) == 1, f"{old} in {file}"
        text = text.replace(old, new)
    file.write_text(text, "utf-8")


def name_level(copy: Path) -> None:
    change(
        copy / "cookiecutter.json",
        ('"paranoid", "relaxed"]', '"paranoid", "open", "relaxed"]'),
        (
            '"relaxed": "relaxed: ',
            '"open": "open: for a made-up test",\n      "relaxed": "relaxed: ',
        ),
    )
    change(
        copy / "hooks" / "pre_gen_project.py",
        ('"paranoid", "relaxed"]', '"paranoid", "open", "relaxed"]'),
    )


def write_level(copy: Path) -> None:
    policy = copy / support.POLICY.relative_to(support.TEMPLATE)
    last = "# cookiecutter: else\nCSP = csp_levels.RELAXED"
    named = '# cookiecutter: elif cookiecutter.csp == "open"\nCSP = csp_levels.OPEN\n\n'
    change(policy, (last, named + last))
    levels = policy.parents[1] / "secure_flask" / "csp_levels.py"
    written = levels.read_text("utf-8")
    levels.write_text(f'{written}\nOPEN = RELAXED._replace(name="OPEN")\n', "utf-8")


def say_level(copy: Path) -> None:
    row = "| | | `relaxed` |"
    change(copy / QUESTIONS, (row, f"| | | `open` | a made-up test |\n{row}"))


def ask_question(copy: Path) -> None:
    prompts = {
        "__prompt__": "How does it greet?",
        "plain": "plain: as ever",
        "warm": "warm: gladly",
    }
    change(
        copy / "cookiecutter.json",
        ('  "__prompts__": {', '  "greeting": ["plain", "warm"],\n  "__prompts__": {'),
        (
            '    }\n  },\n  "_version"',
            f'    }},\n    "greeting": {json.dumps(prompts)}\n  }},\n  "_version"',
        ),
    )
    more = '    "greeting": "Later: GREETING in app/policy.py.",\n'
    change(copy / "tools" / "new.py", ("}\nSUMMARY_SAYS_MORE", f"{more}}}\nSUMMARY_SAYS_MORE"))
    question = '    "greeting": partial(choice_fault, choices=["plain", "warm"]),\n'
    change(copy / "hooks" / "pre_gen_project.py", ("}\nLISTS", f"{question}}}\nLISTS"))


def write_into_policy(copy: Path) -> None:
    line = '# How visitors are greeted.\nGREETING = "{{ cookiecutter.greeting }}"\n\n'
    policy = copy / support.POLICY.relative_to(support.TEMPLATE)
    change(policy, ("# Which other origins may call", f"{line}# Which other origins may call"))


def say_question(copy: Path) -> None:
    rows = "| `greeting` | `plain` | `plain` | as ever |\n| | | `warm` | gladly |\n"
    page = copy / QUESTIONS
    last = re.findall(r"^\| .*\| `jwt` \|.*\n", page.read_text("utf-8"), re.M)[-1]
    change(page, (last, f"{last}{rows}"))


# Each step by the words that it begins with.
STEPS: dict[str, dict[str, Callable[[Path], None]]] = {
    "Adding a level of the Content-Security-Policy": {
        "Name it": name_level,
        "Write it": write_level,
        "Say it": say_level,
    },
    "Adding a question": {
        "Ask it": ask_question,
        "Write it": write_into_policy,
        "Say it": say_question,
    },
}


def test_the_first_change_names_files_that_exist() -> None:
    first = CONTRIBUTING.partition("\n## Your first change\n")[2].partition("\n## The parts")[0]
    named = re.findall(r"\b(?:secure_flask|tests|docs)/[\w/.]*\w", first)
    folders = (support.TEMPLATE, support.FOLDER)
    assert len(named) > 3
    assert [each for each in named if not any((at / each).exists() for at in folders)] == []


@pytest.mark.parametrize("section", STEPS)
def test_the_steps_are_those_that_are_followed(section: str) -> None:
    text = CONTRIBUTING.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    assert re.findall(r"^\d\. \*\*(.+?)\*\*", text, re.MULTILINE) == list(STEPS[section])


@pytest.mark.all
@pytest.mark.slow(seconds=120)
def test_they_are_enough(tmp_path: Path) -> None:
    copy = support.copy_template(tmp_path / "template")
    support.run("git", "init", "--quiet", cwd=copy)
    for step in chain.from_iterable(steps.values() for steps in STEPS.values()):
        step(copy)
    run_tests(copy, "tests/render/test_template_folder.py")
    run_tests(copy, "tests/answers/test_answers.py", "-k", ABOUT_QUESTIONS)
    run_tests(copy, "tests/render/test_renders.py", "-m", "not all", "-k", ABOUT_FILES)


def run_tests(copy: Path, *arguments: str) -> None:
    support.python("-m", "pytest", "--quiet", *arguments, cwd=copy)
