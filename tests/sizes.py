"""`python tests/sizes.py`: prints how large a project and its tests are.

Until the first release a size only falls. Its limit is what it measured last, so lower it in the
commit that made it smaller. An issue that names an addition raises it, in the commit of that
addition. The mean length of a line and the share of docstrings are rows too: nothing is squeezed.
"""

from __future__ import annotations

import ast
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import support

CORE = support.FOLDER / "secure_flask"
APP = support.FOLDER / "app"
DOCS = support.FOLDER / "docs"
TESTS = support.TEMPLATE / "tests"

# Prints the modules of a project that run for one successful login by JSON, and how often that
# login and `GET /tasks` move between modules: by a call or a return in another file than the last.
# Moves to state.py are left out. It looks up a value under a typed key, as a dict does.
LOGIN = """
import sys
from pathlib import Path
from app import create_app
from secure_flask import create_user, db, testing
from app.settings import Settings

HERE = Path.cwd()

def files_of(send):
    files = []

    def look(frame, event, _):
        file = frame.f_code.co_filename
        if event in ("call", "return") and [file] != files[-1:] and file in own:
            files.append(file)

    sys.setprofile(look)
    status = send().status_code
    sys.setprofile(None)
    assert status == 200, status
    return files

own = {str(file) for file in HERE.rglob("*.py") if file.name != "state.py"}
with testing.fast_hashes():
    app = create_app(testing.settings(Settings), TESTING=True)
    with app.app_context():
        db.create_all()
        create_user("ada", "a good long password")
    client = app.test_client()
    body = {"username": "ada", "password": "a good long password"}
    log_in = lambda: client.post("/login", json=body, headers={"Sec-Fetch-Site": "same-origin"})
    # What only the first request does is no cost of a login.
    shown = {"Authorization": f"Bearer {log_in().json['token']}", "Accept": "application/json"}
    look_at_tasks = lambda: client.get("/tasks", headers=shown)
    login = files_of(log_in)
    look_at_tasks()
    tasks = files_of(look_at_tasks)
print(len({*login}) + 1, len(login) - 1, len(tasks) - 1)
"""


@dataclass(frozen=True)
class Size:
    """A row of the table."""

    what: str
    limit: int
    measure: Callable[[], int]
    # Whether the limit is the least that is allowed, and not the most.
    is_least: bool = False

    def is_refused(self, now: int) -> bool:
        return now < self.limit if self.is_least else now > self.limit


def files_of_a_project() -> list[Path]:
    files = filter(Path.is_file, support.FOLDER.rglob("*"))
    return [file for file in files if not support.is_of_accounts(file)]


def files_outside_the_core() -> list[Path]:
    return [file for file in files_of_a_project() if CORE not in file.parents]


def modules_of_app(*, accounts: bool) -> list[Path]:
    files = sorted(APP.rglob("*.py"))
    return [file for file in files if accounts or not support.is_of_accounts(file)]


def modules_of_the_core() -> list[Path]:
    """The modules of the core and of its accounts, but for the numbered migrations."""
    return [file for file in CORE.rglob("*.py") if not file.name[0].isdigit()]


def tests_of_a_project() -> list[Path]:
    files = (support.FOLDER / "tests").rglob("*.py")
    return [file for file in files if not support.is_of_accounts(file)]


def lines_of(file: Path) -> int:
    return len(file.read_text("utf-8").splitlines())


def lines(files: list[Path]) -> int:
    return sum(map(lines_of, files))


def written_lines() -> list[str]:
    """The lines of the core that are not empty."""
    texts = [file.read_text("utf-8") for file in modules_of_the_core()]
    return [line for text in texts for line in text.splitlines() if line.strip()]


def mean_length_of_a_line() -> int:
    """In characters, rounded up."""
    written = written_lines()
    return -(-sum(map(len, written)) // len(written))


def share_of_docstrings() -> int:
    """How many of a hundred lines of the core are docstrings, rounded down."""
    trees = [ast.parse(file.read_text("utf-8")) for file in modules_of_the_core()]
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = [
        node.body[0]
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, documented) and ast.get_docstring(node)
    ]
    docstrings = sum((each.end_lineno or each.lineno) - each.lineno + 1 for each in found)
    return docstrings * 100 // len(written_lines())


def public_names() -> int:
    [names] = [
        ast.literal_eval(node.value)
        for node in ast.parse((CORE / "__init__.py").read_text("utf-8")).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    ]
    return len(names)


def floors_of_auth() -> int:
    """The longest chain of imports within auth/, in which each module of tokens/ counts by itself."""
    return max(map(floors_below, modules_of_auth()))


@cache
def floors_below(name: str) -> int:
    """The longest chain of imports within auth/ that begins with this module."""
    modules = modules_of_auth()
    found = imported_names(ast.parse(modules[name].read_text("utf-8")))
    # What is imported is a module, or a name in one.
    below = {each if each in modules else each.rpartition(".")[0] for each in found}
    return 1 + max(map(floors_below, below & modules.keys()), default=0)


@cache
def modules_of_auth() -> dict[str, Path]:
    """The modules by their dotted names."""
    files = (CORE / "auth").rglob("*.py")
    parts = {file: file.relative_to(CORE.parent).with_suffix("").parts for file in files}
    return {".".join(part for part in parts[file] if part != "__init__"): file for file in parts}


def imported_names(tree: ast.AST) -> Iterator[str]:
    """What a module imports, in functions too, but not for type checkers alone."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            package = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            yield from (package + each.name for each in node.names)
        yield from imported_names(node)


@cache
def of_requests() -> list[int]:
    """Render the default answers, and log in there; return the numbers that LOGIN prints."""
    with tempfile.TemporaryDirectory() as folder:
        render = ("--no-input", "--default-config", "--output-dir", folder)
        support.python("-m", "cookiecutter", support.TEMPLATE, *render, cwd=Path(folder))
        [project] = Path(folder).iterdir()
        return [int(number) for number in support.python("-c", LOGIN, cwd=project).split()[-3:]]


@cache
def of_the_site() -> list[int]:
    """The pages of the site, and their words without what `make reference` writes."""
    counted = support.python("-m", "docs.reference.words", cwd=support.TEMPLATE)
    return [int(number) for number in counted.split()]


# Common passwords, the buttons that show one, and what `make new` says raised six rows; that the
# only admin stays, and the tests of pages on small phones, three. That the words of the site are
# counted raised the lines of the template's tests.
SIZES = [
    Size("files of a project", 200, lambda: len(files_of_a_project())),
    Size("files of a project, outside the core", 96, lambda: len(files_outside_the_core())),
    Size("modules of app/", 12, lambda: len(modules_of_app(accounts=False))),
    Size("lines of app/", 1296, lambda: lines(modules_of_app(accounts=False))),
    Size("modules of app/, with accounts", 23, lambda: len(modules_of_app(accounts=True))),
    Size("lines of app/, with accounts", 2740, lambda: lines(modules_of_app(accounts=True))),
    Size("modules of the core, with accounts", 126, lambda: len(modules_of_the_core())),
    Size("lines of the core, with accounts", 20410, lambda: lines(modules_of_the_core())),
    Size("lines of the largest module", 497, lambda: max(map(lines_of, modules_of_the_core()))),
    Size("floors of auth/", 8, floors_of_auth),
    Size("mean length of a line of the core", 51, mean_length_of_a_line),
    Size("lines of docstrings, in percent", 19, share_of_docstrings, is_least=True),
    Size("public names of the core", 80, public_names),
    Size("lines of a project's tests", 2239, lambda: lines(tests_of_a_project())),
    Size("lines of a project's docs/", 676, lambda: lines([*DOCS.rglob("*.md")])),
    Size("pages of the site", 76, lambda: of_the_site()[0]),
    Size("words of the site, written by hand", 88687, lambda: of_the_site()[1]),
    Size("lines of the template's tests", 58_997, lambda: lines([*TESTS.rglob("*.py")])),
    Size("modules that run for a login by JSON", 41, lambda: of_requests()[0]),
    Size("moves between them", 149, lambda: of_requests()[1]),
    Size("moves between modules for GET /tasks", 90, lambda: of_requests()[2]),
]


def table(sizes: list[Size] = SIZES) -> Iterator[str]:
    """Go through the lines of the table; the last column marks what its limit refuses."""
    yield f"{'':38}{'now':>8}{'limit':>8}"
    for size in sizes:
        now = size.measure()
        mark = "  refused" if size.is_refused(now) else ""
        yield f"{size.what:38}{now:8,}{size.limit:8,}{mark}"


if __name__ == "__main__":
    shown = [*table()]
    print(*shown, sep="\n")
    sys.exit(any(row.endswith("refused") for row in shown))
