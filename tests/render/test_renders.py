"""Whatever was answered, the project is clean and complete, and passes its own tests."""

from __future__ import annotations

import ast
import functools
import importlib.metadata
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from cookiecutter.utils import create_env_with_context

import support
from conftest import NewProject, Rendered
from support import Answers


def one_of_each(question: str, accounts: object) -> dict[str, Answers]:
    """Return a render for each answer to a question, beside one answer to `accounts`."""
    few = [each for each in support.FEW if each["accounts"] == accounts]
    kinds = support.CHOICES[question]
    return {kind: next(each for each in few if each[question] == kind) for kind in kinds}


# The project's own suite runs in a browser too with each of these answers.
IN_BROWSER = one_of_each("csp", support.DEFAULTS["accounts"])
# It runs without a browser with these: all other answers are data, whose values tests/core has.
OF_ACCOUNTS = one_of_each("token_type", "self-service")
# What only some answers need.
OPTIONAL = {
    "jwt": {"pyjwt"},
    "self-service": {"email-validator", "pyotp", "segno", "webauthn"},
}

# What the first documents as its parser comes with it, and the other two with Flask.
PROVIDERS = {
    **importlib.metadata.packages_distributions(),
    "pydantic_core": ["pydantic"],
    "blinker": ["flask"],
    "markupsafe": ["flask"],
}
# Known to type checkers alone; nothing installs it.
TYPE_CHECKERS_OWN = {"_typeshed"}

MARK = re.compile(r"\{\{|\{%|\{#|# cookiecutter:|(?<![.\w])cookiecutter\.(?!json)[a-z_]")
# Examples for readers show Flask's own marks.
MARK_IN_MARKDOWN = re.compile(r"\{\{ *cookiecutter|# cookiecutter:|\{% *(?:raw|include)")
# Only the policy of a render differs, so one process starts each of them.
START = """
import runpy, sys, app
for policy in sys.argv[1:]:
    values = runpy.run_path(policy)
    app.create_app(**{name: value for name, value in values.items() if name.isupper()})
"""


@pytest.fixture(params=support.FEW, ids=support.name)
def answers(request: pytest.FixtureRequest) -> Answers:
    chosen: Answers = request.param
    return chosen


@pytest.fixture
def project(answers: Answers, rendered: Rendered) -> Path:
    return rendered(answers)


def test_any_two_answers_meet_in_some_render() -> None:
    asked = set().union(*map(support.pairs, support.EVERY))
    assert asked == set().union(*map(support.pairs, support.FEW))


def test_each_answer_meets_the_projects_own_tests() -> None:
    tested = [*IN_BROWSER.values(), *OF_ACCOUNTS.values()]
    answered = [set().union(*(each.items() for each in some)) for some in (tested, support.EVERY)]
    assert answered[0] == answered[1]


def test_no_mark_is_left(project: Path) -> None:
    assert_no_mark(project)


@pytest.mark.all
@pytest.mark.parametrize("csp", support.CHOICES["csp"])
def test_with_every_combination_no_mark_is_left_and_the_app_starts(
    csp: str, new_project: NewProject, tmp_path: Path
) -> None:
    """Of files with marks alone, by cookiecutter's environment: whole renders take minutes."""
    environment = create_env_with_context({"cookiecutter": support.SETTINGS})
    marked = {
        source: environment.from_string(source.read_text("utf-8"))
        for source in filter(Path.is_file, support.FOLDER.rglob("*"))
        if not support.is_copied(source) and MARK.search(support.text_of(source))
    }
    policies, left = [], []
    for number, answers in enumerate(support.EVERY):
        if answers["csp"] == csp:
            context = {**support.SETTINGS, **support.DEFAULTS, **answers}
            texts = {each: marked[each].render(cookiecutter=context) for each in marked}
            left += [(answers, each) for each in texts if mark_in(each, texts[each])]
            policies.append(tmp_path / f"{number}.py")
            policies[-1].write_text(texts[support.POLICY], "utf-8")
    assert left == []
    project = new_project()
    ruff = ("-m", "ruff", "check", "--no-cache", "--config", "pyproject.toml")
    support.python(*ruff, *policies, cwd=project)
    assert_each_starts(policies, project)


def mark_in(file: Path, text: str) -> object:
    return (MARK_IN_MARKDOWN if file.suffix == ".md" else MARK).search(text)


def assert_no_mark(project: Path) -> None:
    sources = filter(Path.is_file, support.FOLDER.rglob("*"))
    rendered = [each for each in sources if not support.is_copied(each)]
    files = [project / each.relative_to(support.FOLDER) for each in rendered]
    there = [file for file in files if file.exists()]
    assert there
    assert [file for file in there if mark_in(file, support.text_of(file))] == []


def test_holds_the_files_of_the_folder_and_no_other(project: Path, answers: Answers) -> None:
    there = support.file_names(support.FOLDER)
    chosen = {each for each in there if is_chosen(support.FOLDER / each, answers)}
    assert support.file_names(project) == chosen


def is_chosen(source: Path, answers: Answers) -> bool:
    return answers["accounts"] == "self-service" or not support.is_of_accounts(source)


def test_what_is_copied_and_nearly_all_python_are_the_same(project: Path, answers: Answers) -> None:
    same = [
        source
        for source in filter(Path.is_file, support.FOLDER.rglob("*"))
        if (support.is_copied(source) or source.suffix == ".py") and is_chosen(source, answers)
        if source not in support.MARKED
    ]
    rendered = {source: project / source.relative_to(support.FOLDER) for source in same}
    assert rendered
    assert [each for each in same if rendered[each].read_bytes() != each.read_bytes()] == []


def test_every_file_parses(project: Path) -> None:
    for file in filter(Path.is_file, project.rglob("*")):
        if parse := support.PARSERS.get(file.suffix):
            parsed(parse, file.read_text("utf-8"))


def test_ruff_finds_nothing_and_would_format_nothing(project: Path) -> None:
    for command in (["check"], ["format", "--check"]):
        support.python("-m", "ruff", *command, "--no-cache", ".", cwd=project)


def test_app_imports_only_what_it_declares(project: Path, answers: Answers) -> None:
    others = set().union(*(OPTIONAL[each] for each in OPTIONAL if each not in answers.values()))
    undeclared = imported(project, tests=False) - declared(project, groups=False)
    assert undeclared <= others
    assert not declared(project, groups=True) & others


def test_tests_import_only_what_they_declare(rendered: Rendered) -> None:
    project = rendered({})
    assert not imported(project, tests=True) - declared(project, groups=True)


def test_the_app_starts(rendered: Rendered, new_project: NewProject) -> None:
    policies = [rendered(each) / "app" / "policy.py" for each in support.FEW]
    assert_each_starts(policies, new_project())


def assert_each_starts(policies: list[Path], project: Path) -> None:
    support.write_settings(project)
    support.python("-c", START, *policies, cwd=project)


@pytest.mark.all
@pytest.mark.slow
@pytest.mark.parametrize("level", support.CHOICES["csp"])
def test_passes_its_own_tests_those_in_a_browser_too(level: str, rendered: Rendered) -> None:
    support.own_tests(rendered(IN_BROWSER[level]), "tests", "tests/browser")


@pytest.mark.all
@pytest.mark.parametrize("token_type", OF_ACCOUNTS)
def test_passes_its_own_tests_with_accounts(token_type: str, rendered: Rendered) -> None:
    support.own_tests(rendered(OF_ACCOUNTS[token_type]))


# test_agents.py checks the types of the default, by `make check`. No level has code of its own.
@pytest.mark.all
def test_types_are_right_with_accounts(rendered: Rendered) -> None:
    support.python("-m", "mypy", "--strict", cwd=rendered({"accounts": "self-service"}))


@pytest.mark.all
@pytest.mark.slow
def test_passes_its_own_tests_on_another_python(rendered: Rendered, tmp_path: Path) -> None:
    another = another_python()
    if another is None:
        pytest.skip("needs another Python from 3.11 on")
    project = shutil.copytree(rendered({}), tmp_path / "project")
    support.python("-m", "uv", "sync", "--python", another, cwd=project)
    assert (project / ".venv" / "bin" / "uv").exists()
    support.own_tests(project, program=project / ".venv" / "bin" / "python")


@functools.cache
def another_python() -> str | None:
    """Return the newest Python on the PATH, or where that is the one that runs this, the oldest."""
    minors = [*range(20, sys.version_info.minor, -1), *range(11, sys.version_info.minor)]
    found = filter(None, (shutil.which(f"python3.{minor}") for minor in minors))
    return next(filter(runs, found), None)


def runs(python: str) -> bool:
    """Say whether it starts: pyenv names on the PATH what it has not activated."""
    return subprocess.run([python, "-c", ""], stderr=subprocess.DEVNULL).returncode == 0


@functools.cache
def parsed(parse: Callable[[str], Any], text: str) -> Any:
    """Parse a text once, in however many renders it stands."""
    return parse(text)


def relative(file: Path, project: Path) -> str:
    return file.relative_to(project).as_posix()


def declared(project: Path, *, groups: bool) -> set[str]:
    return {support.normal(each.name) for each in support.declared(project, groups=groups)}


def imported(project: Path, *, tests: bool) -> set[str]:
    """Return the packages that a project's own code, or its tests, import."""
    files = project.rglob("*.py")
    asked = (file for file in files if relative(file, project).startswith("tests/") == tests)
    return packages(asked, project)


def packages(files: Iterable[Path], project: Path) -> set[str]:
    """Return the packages that files import, but for the project's own."""
    trees = (parsed(ast.parse, file.read_text("utf-8")) for file in files)
    modules = {module for tree in trees for module in support.imports(tree)}
    own = {path.stem for path in [*project.iterdir(), *project.glob("tests/*")]}
    return {
        support.normal(PROVIDERS.get(module, [module])[0])
        for module in modules - sys.stdlib_module_names - own - TYPE_CHECKERS_OWN
    }
