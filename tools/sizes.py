"""`make sizes`: how large a project and its tests are now, and how large they were.

It is needed before a release, and when a change takes something out. It refuses nothing.
"""

from __future__ import annotations

import ast
import io
import runpy
import subprocess
import sys
import tarfile
import tempfile
import tokenize
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

TEMPLATE = Path(__file__).resolve().parents[1]
# What is compared with until there is a tag: the state in which a size was only allowed to fall.
BEFORE_THE_FIRST_TAG = "df30ec158dd51008e1ab967bec5d218d53d95d4f"
# What only accounts=self-service needs.
OF_ACCOUNTS = runpy.run_path(str(TEMPLATE / "hooks" / "pre_gen_project.py"))["OF_ACCOUNTS"]
# Tokens that are no code.
LAYOUT = {
    *(tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT),
    *(tokenize.ENCODING, tokenize.ENDMARKER),
}

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
class Tree:
    """The template as it is, or as it was."""

    path: Path

    @property
    def project(self) -> Path:
        return self.path / "{{cookiecutter.project_slug}}"

    def files(self, folder: str = ".", kind: str = "*", *, accounts: bool = True) -> list[Path]:
        """List the files of a folder of the project."""
        found = sorted(filter(Path.is_file, (self.project / folder).rglob(kind)))
        return [file for file in found if accounts or not self.is_of_accounts(file)]

    def is_of_accounts(self, file: Path) -> bool:
        path = file.relative_to(self.project).as_posix()
        return any(path == part or path.startswith(f"{part}/") for part in OF_ACCOUNTS)

    def core(self, *, accounts: bool = True) -> list[Path]:
        """List the modules of the core, but for its numbered migrations."""
        modules = self.files("secure_flask", "*.py", accounts=accounts)
        return [file for file in modules if not file.name[0].isdigit()]

    @cached_property
    def of_a_login(self) -> list[int]:
        """Render the default answers, and log in there; return the numbers that LOGIN prints."""
        with tempfile.TemporaryDirectory() as folder:
            render = ("--no-input", "--default-config", "--output-dir", folder)
            python("-m", "cookiecutter", str(self.path), *render, cwd=Path(folder))
            [project] = Path(folder).iterdir()
            return [int(number) for number in python("-c", LOGIN, cwd=project).split()[-3:]]

    @cached_property
    def of_the_site(self) -> list[int]:
        """Count the pages of the site, and their words without what `make reference` writes."""
        return [int(n) for n in python("-m", "docs.reference.words", cwd=self.path).split()]


def python(*arguments: str, cwd: Path) -> str:
    """Return what `python …` prints; its errors end this command."""
    command = [sys.executable, *arguments]
    finished = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    return finished.stdout if finished.returncode == 0 else sys.exit(finished.stderr)


def lines(files: list[Path]) -> int:
    return sum(len(file.read_text("utf-8").splitlines()) for file in files)


def lines_of_code(files: list[Path]) -> int:
    """Count the lines that hold more than comments and docstrings."""
    return sum(len(code_in(file.read_text("utf-8"))) for file in files)


def code_in(text: str) -> set[int]:
    """Return the numbers of the lines of code in a module."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    code = {
        number
        for token in tokens
        if token.type not in LAYOUT
        for number in range(token.start[0], token.end[0] + 1)
    }
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, documented) and ast.get_docstring(node):
            docstring = node.body[0]
            code -= {*range(docstring.lineno, (docstring.end_lineno or docstring.lineno) + 1)}
    return code


def functions(files: list[Path]) -> int:
    trees = (ast.parse(file.read_text("utf-8")) for file in files)
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return sum(isinstance(node, kinds) for tree in trees for node in ast.walk(tree))


def public_names(tree: Tree) -> int:
    module = ast.parse((tree.project / "secure_flask" / "__init__.py").read_text("utf-8"))
    [names] = [
        ast.literal_eval(node.value)
        for node in module.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    ]
    return len(names)


def outside_the_core(tree: Tree) -> int:
    files = tree.files(accounts=False)
    return sum(tree.project / "secure_flask" not in file.parents for file in files)


SIZES: dict[str, Callable[[Tree], int]] = {
    "core: modules, with accounts": lambda tree: len(tree.core()),
    "core: functions, with accounts": lambda tree: functions(tree.core()),
    "core: lines of code, with accounts": lambda tree: lines_of_code(tree.core()),
    "core: lines of its largest module": lambda tree: max(lines([file]) for file in tree.core()),
    "core of a default render: modules": lambda tree: len(tree.core(accounts=False)),
    "core of a default render: lines of code": lambda tree: lines_of_code(
        tree.core(accounts=False)
    ),
    "public names": public_names,
    "files of a default render": lambda tree: len(tree.files(accounts=False)),
    "files of a default render, outside the core": outside_the_core,
    "app/: lines of code": lambda tree: lines_of_code(tree.files("app", "*.py", accounts=False)),
    "app/: lines of code, with accounts": lambda tree: lines_of_code(tree.files("app", "*.py")),
    "lines of a project's tests": lambda tree: lines(tree.files("tests", "*.py", accounts=False)),
    "lines of a project's docs/": lambda tree: lines(tree.files("docs", "*.md")),
    "lines of the template's tests": lambda tree: lines([*(tree.path / "tests").rglob("*.py")]),
    "pages of the site": lambda tree: tree.of_the_site[0],
    "words of the site, written by hand": lambda tree: tree.of_the_site[1],
    "modules that run for a login by JSON": lambda tree: tree.of_a_login[0],
    "moves between them": lambda tree: tree.of_a_login[1],
    "moves between modules for GET /tasks": lambda tree: tree.of_a_login[2],
}


def earlier() -> str:
    """Name the state to compare with: the last tag before this commit, if there is one."""
    described = git("describe", "--tags", "--match", "v[0-9]*", "--abbrev=0", "HEAD")
    return described.stdout.decode().strip() or BEFORE_THE_FIRST_TAG


def git(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["git", *arguments], cwd=TEMPLATE, capture_output=True)


def main() -> None:
    name, now = earlier(), Tree(TEMPLATE)
    archive = git("archive", "--format=tar", name)
    with tempfile.TemporaryDirectory() as folder:
        before = Tree(Path(folder)) if archive.returncode == 0 else None
        if before:
            with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
                files.extractall(folder, filter="data")
        else:
            print(f"This clone has no {name}: `git fetch --unshallow --tags` brings it.")
        print(f"{'':46}{name[:8]:>9}{'now':>9}")
        for what, measure in SIZES.items():
            was = f"{measure(before):,}" if before else "?"
            print(f"{what:46}{was:>9}{measure(now):>9,}", flush=True)


if __name__ == "__main__":
    main()
