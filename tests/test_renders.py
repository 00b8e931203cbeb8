"""Whatever was answered, the project is clean, complete and passes its own tests."""

from __future__ import annotations

import ast
import functools
import importlib.metadata
import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import support
from conftest import Rendered
from support import Answers

EVERY = support.every_combination()
CHOSEN = EVERY if support.EVERY_COMBINATION else support.pairwise(EVERY)

# The first chosen combination of each kind: the other answers are data.
FIRSTS = list({support.name(support.kind(each)): each for each in reversed(CHOSEN)}.values())

LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")

PROVIDERS = importlib.metadata.packages_distributions()
# Known to type checkers alone; nothing installs it.
TYPE_CHECKERS_OWN = {"_typeshed"}

# The project's own tests of what its policy.py decides.
REACHED_BY_POLICY = [
    *("tests/starter", "tests/test_app.py", "tests/test_page_source.py", "tests/test_policy.py"),
    *(f"tests/checks/test_{name}.py" for name in ("csp", "hosts", "responses")),
    *(
        f"tests/security/test_{name}.py"
        for name in ("cookies", "cors", "csp", "csrf", "framing", "headers")
    ),
]

MARK = re.compile(r"\{\{|\{%|\{#|# cookiecutter:|(?<![.\w])cookiecutter\.(?!json)[a-z_]")
# Examples for readers show Flask's own marks.
MARK_IN_MARKDOWN = re.compile(r"\{\{ *cookiecutter|\{%|\{#|# cookiecutter:")
RAW = re.compile(r"\{% raw %\}(.*?)\{% endraw %\}", re.DOTALL)
PARSERS: dict[str, Callable[[str], Any]] = {
    ".py": ast.parse,
    ".toml": tomllib.loads,
    ".json": json.loads,
    ".yaml": yaml.safe_load,
    ".yml": yaml.safe_load,
}


@pytest.fixture(params=CHOSEN, ids=support.name)
def answers(request: pytest.FixtureRequest) -> Answers:
    chosen: Answers = request.param
    return chosen


@pytest.fixture
def project(answers: Answers, rendered: Rendered) -> Path:
    return rendered(answers)


def test_any_two_answers_meet_in_some_render() -> None:
    asked = set().union(*map(support.pairs, EVERY))
    assert asked == set().union(*map(support.pairs, support.pairwise(EVERY)))


def test_no_mark_is_left(project: Path, answers: Answers) -> None:
    for source in filter(Path.is_file, support.FOLDER.rglob("*")):
        file = support.in_render(source, answers)
        if file and not support.is_copied(source):
            mark = MARK_IN_MARKDOWN if file.suffix == ".md" else MARK
            text = support.text_of(project / file)
            for shown in raw(source, *support.included(source, answers)):
                text = text.replace(shown, "")
            assert not mark.search(text), file


def raw(*sources: Path) -> list[str]:
    """Return the marks of Flask pages that a page of docs/ shows, and not the template's own."""
    return [shown for source in sources for shown in RAW.findall(support.text_of(source))]


def test_no_mark_is_left_in_a_name(project: Path) -> None:
    assert not [path for path in project.rglob("*") if MARK.search(path.name)]


def test_every_file_parses(project: Path) -> None:
    for file in text_files(project):
        if parse := PARSERS.get(file.suffix):
            parsed(parse, file.read_text("utf-8"))


def test_every_row_of_a_table_belongs_to_one(project: Path) -> None:
    """After an empty line a row begins another table, so it is a head."""
    for page in project.rglob("*.md"):
        lines = ["", *page.read_text("utf-8").splitlines(), ""]
        for before, line, after in zip(lines, lines[1:], lines[2:], strict=False):
            begins = line.startswith("|") and not before
            assert not begins or after.startswith("|--"), f"{page}: {line}"


def test_ruff_finds_nothing(project: Path) -> None:
    support.python("-m", "ruff", "check", "--no-cache", ".", cwd=project)


def test_ruff_would_format_nothing(project: Path) -> None:
    support.python("-m", "ruff", "format", "--check", "--no-cache", ".", cwd=project)


def test_app_imports_only_what_it_declares(project: Path) -> None:
    undeclared = imported(project, tests=False) - declared(project, groups=False)
    assert not undeclared


def test_tests_import_only_what_they_declare(project: Path) -> None:
    undeclared = imported(project, tests=True) - declared(project, groups=True)
    assert not undeclared


def test_no_dependency_of_an_answer_not_given(project: Path) -> None:
    """What only variants import is declared where a chosen one imports it, and nowhere else."""
    optional = packages(support.VARIANTS.rglob("*.py"), support.FOLDER)
    optional -= packages(support.FOLDER.rglob("*.py"), support.FOLDER)
    assert optional
    used = packages(project.rglob("*.py"), project)
    assert declared(project, groups=True) & optional == used & optional


def test_holds_the_chosen_variants_word_for_word_and_no_other(
    project: Path, answers: Answers
) -> None:
    code = "\n".join(file.read_text("utf-8") for file in project.rglob("*.py"))
    variants = set(support.VARIANTS.rglob("*.py"))
    held = {variant for variant in variants if variant.read_text("utf-8") in code}
    files = (file for file in support.FOLDER.rglob("*") if file.is_file())
    chosen = {variant for file in files for variant in support.included(file, answers)}
    assert held == chosen & variants


def test_passes_its_own_tests(project: Path, answers: Answers) -> None:
    # One whole run of each kind is enough: the other answers reach only these tests.
    first = answers in FIRSTS and answers not in run_whole_elsewhere()
    whole = support.EVERY_COMBINATION or first
    support.own_tests(project, *([] if whole else REACHED_BY_POLICY))


def test_types_are_right(rendered: Rendered) -> None:
    for answers in FIRSTS:
        support.python("-m", "mypy", "--strict", cwd=rendered(answers))


def test_no_import_runs_upward_or_in_a_circle(rendered: Rendered) -> None:
    for answers in FIRSTS:
        support.run(LINT_IMPORTS, "--no-cache", cwd=rendered(answers))


@pytest.mark.slow
def test_passes_its_own_tests_on_another_python(rendered: Rendered, tmp_path: Path) -> None:
    another = another_python()
    if another is None:
        pytest.skip("needs another Python from 3.11 on")
    project = shutil.copytree(rendered(with_most_files()), tmp_path / "project")
    support.python("-m", "uv", "sync", "--python", another, cwd=project)
    support.own_tests(project, program=project / ".venv" / "bin" / "python")


def with_most_files() -> Answers:
    """Return a combination of the kind that has the most files, and so the most tests."""
    files = list(filter(Path.is_file, support.FOLDER.rglob("*")))
    return max(FIRSTS, key=lambda each: sum(bool(support.in_render(file, each)) for file in files))


def run_whole_elsewhere() -> list[Answers]:
    """Return the combinations whose whole runs are made by test_readme.py and on another Python."""
    return [EVERY[0], *([with_most_files()] if another_python() else [])]


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


def text_files(project: Path) -> Iterator[Path]:
    """Go through the files of a render that are not pictures."""
    for file in sorted(project.rglob("*")):
        if file.is_file() and file.suffix not in {".png", ".ico"}:
            yield file


def declared(project: Path, *, groups: bool) -> set[str]:
    """Return the packages that a project's pyproject.toml names."""
    settings = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))
    lists = [settings["project"]["dependencies"]]
    lists += settings["project"].get("optional-dependencies", {}).values()
    if groups:
        lists += settings.get("dependency-groups", {}).values()
    return {normal(requirement) for requirements in lists for requirement in requirements}


def normal(requirement: str) -> str:
    """Return the name in a requirement: `flask-limiter` for `Flask_Limiter[redis]>=4`."""
    found = re.match(r"[\w.-]+", requirement)
    assert found, requirement
    return re.sub(r"[-_.]+", "-", found.group()).lower()


def imported(project: Path, *, tests: bool) -> set[str]:
    """Return the packages that a project's own code, or its tests, import."""
    files = project.rglob("*.py")
    asked = (file for file in files if relative(file, project).startswith("tests/") == tests)
    return packages(asked, project)


def packages(files: Iterable[Path], project: Path) -> set[str]:
    """Return the packages that files import, but for the project's own."""
    trees = (parsed(ast.parse, file.read_text("utf-8")) for file in files)
    modules = {module for tree in trees for module in imports(tree)}
    own = {path.stem for path in [*project.iterdir(), *project.glob("tests/*")]}
    return {
        normal(PROVIDERS.get(module, [module])[0])
        for module in modules - sys.stdlib_module_names - own - TYPE_CHECKERS_OWN
    }


def imports(tree: ast.Module) -> Iterator[str]:
    """Go through the top-level names that a module imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]
