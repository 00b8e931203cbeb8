"""What CONTRIBUTING says of adding a choice and a question is enough: followed with made-up ones.

The copy is tested by the same tests as the template, without a line added.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

import support
from support import Answers

CONTRIBUTING = (support.TEMPLATE / "CONTRIBUTING.md").read_text("utf-8")
# Those of test_answers.py that read the questions.
ABOUT_QUESTIONS = "hook_and_the_questions or is_explained or readme_lists or dependency_is_taken"
# Those of test_renders.py that look for what belongs to another answer.
LEFTOVER = "no_mark or no_dependency or word_for_word"
READ_KINDS = (
    "import json, test_renders as t; print(json.dumps(list(map(t.support.kind, t.FIRSTS))))"
)

PLAIN = '''"""Greets visitors."""


def hello(name: str) -> str:
    return f"Hello, {name}."
'''
WARM = '''"""Greets visitors warmly."""

from markupsafe import escape


def hello(name: str) -> str:
    return f"Welcome back, {escape(name)}!"
'''
TEST = '''"""Visitors are greeted."""

from app.hello import hello


def test_the_name_is_in_the_greeting() -> None:
    assert hello("Ada") == "GREETING"
'''
HELLO = {
    "plain": (PLAIN, TEST.replace("GREETING", "Hello, Ada.")),
    "warm": (WARM, TEST.replace("GREETING", "Welcome back, Ada!")),
}
ONE_LINE = '# cookiecutter: include "greeting/" ~ cookiecutter.greeting ~ "/{}"\n'
PACKAGE = """\
    # cookiecutter: if cookiecutter.greeting == "warm"
    "markupsafe>=3",
    # cookiecutter: endif
"""


def change(file: Path, *pairs: tuple[str, str]) -> None:
    """Replace what stands once in a file."""
    text = file.read_text("utf-8")
    for old, new in pairs:
        assert text.count(old) == 1, f"{old} in {file}"
        text = text.replace(old, new)
    file.write_text(text, "utf-8")


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")


def name_choice(copy: Path) -> None:
    change(
        copy / "cookiecutter.json",
        ('"opaque", "jwt"', '"opaque", "paper", "jwt"'),
        ('"jwt": "jwt: ', '"paper": "paper: by a token to print",\n      "jwt": "jwt: '),
    )
    change(copy / "hooks" / "pre_gen_project.py", ('"opaque", "jwt"', '"opaque", "paper", "jwt"'))


def write_files_of_choice(copy: Path) -> None:
    templates = copy / "templates"
    nearest = templates / "tokens" / "opaque"
    for file in nearest.iterdir():
        text = re.sub("opaque", "paper", file.read_text("utf-8"), flags=re.IGNORECASE)
        write(nearest.with_name("paper") / file.name, text)


def write_tables(copy: Path) -> None:
    for program in ("tests/asvs_tables.py", "tests/reference.py"):
        support.python(program, cwd=copy)


def say_choice(copy: Path) -> None:
    change(
        copy / "README.md", ("| | | `jwt` |", "| | | `paper` | a token to print |\n| | | `jwt` |")
    )


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
    hook = copy / "hooks" / "pre_gen_project.py"
    question = '    "greeting": partial(choice_fault, choices=["plain", "warm"]),\n'
    change(hook, ("}\nLISTS", f"{question}}}\nLISTS"))


def write_files_of_question(copy: Path) -> None:
    for answer, (code, test) in HELLO.items():
        folder = copy / "templates" / "greeting" / answer
        write(folder / "hello.py", code)
        write(folder / "test_hello.py", test)


def include_question(copy: Path) -> None:
    for name in ("app/hello.py", "tests/test_hello.py"):
        file = copy / support.FOLDER.name / name
        renamed = file.rename(file.with_name(f"{{{{ '{file.name}' }}}}"))
        write(renamed, ONE_LINE.format(file.name))


def declare_package(copy: Path) -> None:
    next_one = '    "pydantic>='
    change(copy / support.FOLDER.name / "pyproject.toml", (next_one, PACKAGE + next_one))


def say_question(copy: Path) -> None:
    rows = "| `greeting` | `plain` | `plain` | as ever |\n| | | `warm` | gladly |\n"
    change(copy / "README.md", ("\nAn origin is", f"{rows}\nAn origin is"))


def nothing(copy: Path) -> None:
    """Do what a step asks only of other choices and questions."""


# Each step by the words that it begins with.
STEPS: dict[str, dict[str, Callable[[Path], None]]] = {
    "Adding a choice": {
        "Name it": name_choice,
        "Write its files.": write_files_of_choice,
        "Declare its packages": nothing,
        "Write its tables": write_tables,
        "Say it": say_choice,
    },
    "Adding a question": {
        "Ask it": ask_question,
        "Sort its answers.": nothing,
        "Write a file for each answer": write_files_of_question,
        "Include it.": include_question,
        "Declare its packages": declare_package,
        "Say it": say_question,
    },
}
# The answer that each makes possible, and which of a project's own tests it reaches most.
MADE_UP = {
    "Adding a choice": ("token_type", "paper", "tests/auth"),
    "Adding a question": ("greeting", "warm", "tests/test_hello.py"),
}


@pytest.mark.parametrize("section", STEPS)
def test_the_steps_are_those_that_are_followed(section: str) -> None:
    text = CONTRIBUTING.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    assert re.findall(r"^\d\. \*\*(.+?)\*\*", text, re.MULTILINE) == list(STEPS[section])


@pytest.mark.slow
@pytest.mark.parametrize("section", STEPS)
def test_they_are_enough(section: str, tmp_path: Path) -> None:
    copy = copy_with_hello(tmp_path / "template")
    for step in STEPS[section].values():
        step(copy)
    question, answer, reached = MADE_UP[section]
    assert answer in [kind.get(question) for kind in kinds(copy)]
    run_tests(copy, "tests/test_template_folder.py")
    run_tests(copy, "tests/test_answers.py", "-k", ABOUT_QUESTIONS)
    run_tests(copy, "tests/test_renders.py", "-k", f"{LEFTOVER} or ({answer} and not own_tests)")
    given = ("--no-input", f"{question}={answer}", "project_slug=project")
    support.python("-m", "cookiecutter", copy, *given, "--output-dir", tmp_path, cwd=tmp_path)
    support.python("-m", "mypy", "--strict", cwd=tmp_path / "project")
    support.own_tests(tmp_path / "project", *([] if support.EVERY_COMBINATION else [reached]))


def copy_with_hello(target: Path) -> Path:
    """Copy the template with one more module, which greets the same whatever is answered."""
    copy = support.copy_template(target)
    support.run("git", "init", "--quiet", cwd=copy)
    code, test = HELLO["plain"]
    write(copy / support.FOLDER.name / "app" / "hello.py", code)
    write(copy / support.FOLDER.name / "tests" / "test_hello.py", test)
    return copy


def kinds(copy: Path) -> list[Answers]:
    """Return the kinds of project whose types and own tests the copy's tests try."""
    found: list[Answers] = json.loads(support.python("-c", READ_KINDS, cwd=copy / "tests"))
    return found


def run_tests(copy: Path, *arguments: str) -> None:
    support.python("-m", "pytest", "--quiet", *arguments, cwd=copy)
