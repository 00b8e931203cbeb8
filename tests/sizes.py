"""`python tests/sizes.py`: prints how large a project and its tests are.

A size is shown, not defended. A test fails only where one is more than a fifth above the figure
below, which is raised at a release, with the reason in its commit.
"""

from __future__ import annotations

import ast
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
# Parts of the core that are read apart from it.
APART = ("accounts", "update.py", "testing.py", "migrations")

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
    """A row of the table; `stated` is what it measured at the last release."""

    what: str
    stated: int
    measure: Callable[[], int]
    # Where a number above the stated one is refused by rule, and not by its growth.
    at_most: int | None = None

    @property
    def limit(self) -> int:
        return self.at_most or self.stated * 6 // 5


def files_of_a_project() -> list[Path]:
    files = filter(Path.is_file, support.FOLDER.rglob("*"))
    return [file for file in files if not support.is_of_accounts(file)]


def files_outside_the_core() -> list[Path]:
    return [file for file in files_of_a_project() if CORE not in file.parents]


def modules_of_app(*, accounts: bool) -> list[Path]:
    files = sorted(APP.rglob("*.py"))
    return [file for file in files if accounts or not support.is_of_accounts(file)]


def modules_of_the_core() -> list[Path]:
    return [file for file in CORE.rglob("*.py") if file.relative_to(CORE).parts[0] not in APART]


def modules_of_accounts() -> list[Path]:
    files = (CORE / "accounts").rglob("*.py")
    return [file for file in files if file.parent.name != "migrations"]


def tests_of_a_project() -> list[Path]:
    files = (support.FOLDER / "tests").rglob("*.py")
    return [file for file in files if not support.is_of_accounts(file)]


def lines(files: list[Path]) -> int:
    return sum(len(file.read_text("utf-8").splitlines()) for file in files)


def public_names() -> int:
    [names] = [
        ast.literal_eval(node.value)
        for node in ast.parse((CORE / "__init__.py").read_text("utf-8")).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    ]
    return len(names)


@cache
def of_requests() -> list[int]:
    """Render the default answers, and log in there; return the numbers that LOGIN prints."""
    with tempfile.TemporaryDirectory() as folder:
        render = ("--no-input", "--default-config", "--output-dir", folder)
        support.python("-m", "cookiecutter", support.TEMPLATE, *render, cwd=Path(folder))
        [project] = Path(folder).iterdir()
        return [int(number) for number in support.python("-c", LOGIN, cwd=project).split()[-3:]]


SIZES = [
    Size("files of a project", 215, lambda: len(files_of_a_project())),
    Size("files of a project, outside the core", 85, lambda: len(files_outside_the_core())),
    Size("modules of app/", 11, lambda: len(modules_of_app(accounts=False))),
    # A docstring for each view, which /openapi.json shows, and the keys of programs.
    Size("lines of app/", 970, lambda: lines(modules_of_app(accounts=False))),
    Size("modules of app/, with accounts", 21, lambda: len(modules_of_app(accounts=True))),
    Size("lines of app/, with accounts", 2330, lambda: lines(modules_of_app(accounts=True))),
    # The core grew by what other people's habits need: marks that are checked at the call too, a
    # configuration that is compared, errors that say what they are, and sessions with an owner.
    # Then it grew by two headers, and by ways in for programs, old hashes and other logins.
    Size("modules of the core", 120, lambda: len(modules_of_the_core())),
    Size("lines of the core", 12600, lambda: lines(modules_of_the_core())),
    # 2,900 until strangers could fill tables and mailboxes, and thieves hide what they changed:
    # limits by address, mailbox and network, slots of mails, former addresses, locks in one order.
    Size("lines of the core of accounts", 3500, lambda: lines(modules_of_accounts())),
    Size("public names of the core", 72, public_names, at_most=80),
    Size("lines of a project's tests", 1911, lambda: lines(tests_of_a_project())),
    Size("lines of a project's docs/", 612, lambda: lines([*DOCS.rglob("*.md")])),
    # 51,700 until the queue for passwords, the frozen configuration and what operators met had tests,
    # 52,100 until common passwords, the buttons that show one and the questions of `make new` had.
    Size("lines of the template's tests", 52500, lambda: lines([*TESTS.rglob("*.py")])),
    Size("modules that run for a login by JSON", 43, lambda: of_requests()[0]),
    Size("moves between them", 150, lambda: of_requests()[1], at_most=150),
    Size("moves between modules for GET /tasks", 93, lambda: of_requests()[2]),
]


def table(sizes: list[Size] = SIZES) -> Iterator[str]:
    """Go through the lines of the table; the last column marks what is above its limit."""
    yield f"{'':38}{'now':>8}{'stated':>8}{'limit':>8}"
    for size in sizes:
        now = size.measure()
        mark = "  above the limit" if now > size.limit else ""
        yield f"{size.what:38}{now:8,}{size.stated:8,}{size.limit:8,}{mark}"


if __name__ == "__main__":
    print(*table(), sep="\n")
