"""What several test modules share: the template's folder, commands, combinations of answers."""

from __future__ import annotations

import ast
import contextlib
import fnmatch
import itertools
import json
import os
import re
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cookiecutter.generate import generate_context
from cookiecutter.prompt import prompt_for_config
from packaging.requirements import Requirement
from pytest_cookies.plugin import Cookies, Result

TEMPLATE = Path(__file__).resolve().parent.parent
FOLDER = TEMPLATE / "{{cookiecutter.project_slug}}"
PAGES = TEMPLATE / "docs"
# GitHub Pages serves a site below the name of its repository.
SITE_FOLDER = "/cookiecutter-secure-flask"
SETTINGS: dict[str, Any] = json.loads((TEMPLATE / "cookiecutter.json").read_text("utf-8"))

# What Enter gives at each question.
DEFAULTS: dict[str, Any] = {
    question: answer
    for question, answer in prompt_for_config(
        generate_context(str(TEMPLATE / "cookiecutter.json")), no_input=True
    ).items()
    if not question.startswith("_")
}
CHOICES: dict[str, list[str]] = {
    question: answers
    for question, answers in SETTINGS.items()
    if isinstance(answers, list) and not question.startswith("_")
}
# The one file of answers: data, each entry with its reason beside it.
POLICY = FOLDER / "app" / "policy.py"
# All Python that holds marks: beside the policy, one that decides about accounts in each.
MARKED = [FOLDER / "app" / f"{name}.py" for name in ("__init__", "models", "policy", "settings")]
# What only accounts=self-service needs.
OF_ACCOUNTS = (
    *("app/accounts", "app/templates/accounts", "app/static/accounts", "tests/accounts"),
    *("secure_flask/accounts", "migrations/versions/0002_accounts.py"),
)
# Free text whose presence alone makes a difference.
ON_OR_OFF = {
    "cors_origins": ["", "https://app.example.com"],
    "csp_sources": ["", "https://cdn.example.com"],
}
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

# What the commands of these tests compile and read for types lies apart from the folders.
_CACHES = os.environ.get("PYTHONPYCACHEPREFIX") or str(TEMPLATE / ".venv" / "pycache")
COMPILED = {
    "PYTHONPYCACHEPREFIX": _CACHES,
    "PYTHONDONTWRITEBYTECODE": "",
    # Two processes that write one cache at the same moment end mypy by an error.
    "MYPY_CACHE_DIR": f"{_CACHES}/mypy-{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}",
}

# Some times what the longest command takes on a busy machine; less than the limit of a test.
MOST_SECONDS = 1000

Answers = dict[str, str]
WITHOUT_MARKS: Callable[[str], str] = runpy.run_path(
    str(TEMPLATE / "hooks" / "pre_gen_project.py")
)["without_marks"]


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Run a command; its output is the failure's text where it fails or does not end."""
    finished = attempt(*command, cwd=cwd, **environment)
    assert finished.returncode == 0, f"{command} failed:\n{finished.stdout}"
    return finished.stdout


def attempt(
    *command: str | Path, cwd: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command that may fail, but ends; `stdout` holds what it writes to stderr too."""
    try:
        return subprocess.run(
            [str(part) for part in command],
            cwd=cwd,
            env=os.environ | COMPILED | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=MOST_SECONDS,
            encoding="utf-8",
        )
    except subprocess.TimeoutExpired as late:
        pytest.fail(f"{late}:\n{(late.stdout or b'').decode(errors='replace')}")


def python(
    *arguments: str | Path, cwd: Path, program: str | Path = sys.executable, **environment: str
) -> str:
    """Run `python …`, with the interpreter of these tests where nothing else is said."""
    return run(program, *arguments, cwd=cwd, **environment)


_settings: dict[str, str] = {}
_held: list[socket.socket] = []


def write_settings(project: Path) -> None:
    """Give a project settings for development: by its own command, once for each kind of them."""
    kind = (project / ".env.example").read_text("utf-8")
    file = project / ".env"
    if kind not in _settings:
        python("-m", "secure_flask.settings", cwd=project)
        _settings[kind] = file.read_text("utf-8")
    file.touch(0o600)
    file.write_text(_settings[kind], "utf-8")


def typed(**answers: str) -> Answers:
    """Write answers so that `cookies.bake`, which evaluates marks in them, gives them back."""
    return {question: WITHOUT_MARKS(answer) for question, answer in answers.items()}


def project_of(result: Result) -> Path:
    """Return the project of a render, which must have been made."""
    if result.exception:
        raise result.exception
    project: Path = result.project_path
    return project


def bake(answers: Answers, folder: Path, template: Path = TEMPLATE) -> Path:
    """Render as `cookies.bake` does, where no fixture is: at an import, or of another template."""
    cookies = Cookies(str(template), lambda _: folder / "out", own_configuration(folder))
    return project_of(cookies.bake(typed(**answers)))


def own_configuration(folder: Path) -> Path:
    """Keep cookiecutter from what its user has set, and from the folders that all share."""
    file = folder / "cookiecutter.yaml"
    file.write_text(f"replay_dir: {folder}\ncookiecutters_dir: {folder}\n", "utf-8")
    return file


def literals(policy: Path) -> dict[str, Any]:
    """Return the plain values in a `policy.py`, read without running it."""
    return {
        name: ast.literal_eval(node.value)
        for node in ast.parse(policy.read_text("utf-8")).body
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value and is_literal(node.value)
        for name in names(node)
    }


def is_literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except ValueError:
        return False
    return True


def names(node: ast.Assign | ast.AnnAssign) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def own_tests(project: Path, *arguments: str, **options: Any) -> str:
    """Run a project's own tests as in its own environment, which has no plugin of these."""
    # Plain asserts: in a folder that is new each time, rewriting them costs as much as the tests.
    plain = ("-q", "-p", "no:cacheprovider", "--assert=plain")
    # Shows where a test hangs, before the whole command is ended for it.
    stacks = ("-o", "faulthandler_timeout=120")
    # Another program is that of an environment without the plugin.
    order = () if "program" in options else random_order()
    return python(
        *("-m", "pytest", *plain, *stacks, *order, *arguments),
        cwd=project,
        PYTEST_DISABLE_PLUGIN_AUTOLOAD="1",
        **options,
    )


def random_order() -> tuple[str, ...]:
    """Return the options by which tests in another process have the random order of these."""
    seed = os.environ.get("RANDOM_ORDER_SEED")
    return ("-p", "random_order", f"--random-order-seed={seed}") if seed else ()


def need(condition: object, what: str) -> None:
    """Skip for want of a program or service; where all must be there, fail."""
    if condition:
        return
    if os.environ.get("REQUIRE_SERVICES"):
        pytest.fail(f"{what} is missing")
    pytest.skip(f"needs {what}")


def add_flask_babel(patch: pytest.MonkeyPatch) -> None:
    """Let the commands of a test find Flask-Babel, which Flask-Admin uses wherever it finds it."""
    folder = TEMPLATE / ".venv" / "babel"
    need(folder.exists(), "Flask-Babel")
    patch.setenv("PYTHONPATH", str(folder))


def newcomers_environment() -> dict[str, str]:
    """Return the environment without what these tests themselves run in."""
    own = {"VIRTUAL_ENV", "MAKEFLAGS", "MAKELEVEL", "MFLAGS"} | COMPILED.keys()
    path = os.environ["PATH"].split(os.pathsep)
    scripts = str(Path(sys.executable).parent)
    return {variable: value for variable, value in os.environ.items() if variable not in own} | {
        "PATH": os.pathsep.join(folder for folder in path if folder != scripts)
    }


@contextlib.contextmanager
def started(
    *command: str | Path, cwd: Path, log: Path, **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a command as a newcomer would; end it and all that it started afterwards."""
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command,
            cwd=cwd,
            env=newcomers_environment() | environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


def wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a started command serves; its log is the failure's text where it ends."""
    wait_until_open(port, lambda: process.poll() is None or pytest.fail(log.read_text("utf-8")))


def wait_until_open(port: int, go_on: Callable[[], object] = lambda: True) -> None:
    """Wait until something listens on a port of this machine."""
    deadline = time.monotonic() + 300
    while go_on() and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    pytest.fail(f"nothing listens on {port}")


def wait_until(condition: Callable[[], object]) -> None:
    """Wait until something holds, as long as a client has patience."""
    deadline = time.monotonic() + 60
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail("waited in vain")
        time.sleep(0.05)


def free_port() -> int:
    """Return a port that nothing listens on, and that this machine gives to nobody else."""
    holder = socket.socket()
    holder.bind(("127.0.0.1", 0))
    # After bind: a server that sets it too may listen there, and nobody is given the port.
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    _held.append(holder)
    return int(holder.getsockname()[1])


def copy(source: Path, target: Path) -> None:
    """Copy a file or a folder into folders that need not be there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    (shutil.copytree if source.is_dir() else shutil.copy2)(source, target)


def copy_template(target: Path) -> Path:
    """Copy what a clone of the template would hold, uncommitted changes included."""
    listed = run("git", "ls-files", "-z", "-c", "-o", "--exclude-standard", cwd=TEMPLATE)
    for name in filter(None, listed.split("\0")):
        if (TEMPLATE / name).is_file():
            copy(TEMPLATE / name, target / name)
    return target


def init_git(folder: Path) -> None:
    """Make a repository of a folder as it is."""
    run("git", "init", "--quiet", cwd=folder)
    commit(folder)


AUTHOR = ("-c", "user.name=Someone", "-c", "user.email=someone@example.com")


def commit(folder: Path) -> None:
    run("git", "add", "--all", cwd=folder)
    run("git", *AUTHOR, "commit", "--quiet", "--message", "As it is", cwd=folder)


def declared(project: Path, *, groups: bool = True) -> list[Requirement]:
    """Return what a project's pyproject.toml names, with its groups for development or without."""
    settings = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))
    lists = [
        settings["project"]["dependencies"],
        *settings["project"].get("optional-dependencies", {}).values(),
        *(settings.get("dependency-groups", {}).values() if groups else ()),
    ]
    return list(map(Requirement, itertools.chain(*lists)))


def normal(name: str) -> str:
    """Return a package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def imports(tree: ast.Module) -> Iterator[str]:
    """Go through the top-level names that a module imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def is_of_accounts(file: Path) -> bool:
    """Whether a file of the folder is for accounts=self-service alone."""
    path = file.relative_to(FOLDER).as_posix()
    return any(path == part or path.startswith(f"{part}/") for part in OF_ACCOUNTS)


def every_combination() -> list[Answers]:
    """Return every combination of the answers, all of which are data."""
    dimensions = CHOICES | ON_OR_OFF
    return [
        with_ancestors(dict(zip(dimensions, answers, strict=True)))
        for answers in itertools.product(*dimensions.values())
    ]


def with_ancestors(answers: Answers) -> Answers:
    """Give `allowlist` the list that it alone needs."""
    if answers["framing"] == "allowlist":
        return answers | {"frame_ancestors": "https://partner.example.com"}
    return answers


def pairs(answers: Answers) -> set[tuple[tuple[str, str], ...]]:
    """Return each two answers of a combination."""
    return set(itertools.combinations(sorted(answers.items()), 2))


def pairwise(every: list[Answers]) -> list[Answers]:
    """Choose few combinations, the defaults first, in which each two answers still meet."""
    chosen = every[:1]
    missing = set().union(*map(pairs, every)) - pairs(every[0])
    while missing:
        # From the last, since that comes to two renders less than from the first.
        best = max(reversed(every), key=lambda answers: len(missing & pairs(answers)))
        missing -= pairs(best)
        chosen.append(best)
    return chosen


def name(answers: Answers) -> str:
    """Return a combination as a test's id: `strict-deny-session-cors_origins`."""
    chosen = [answers[question] for question in CHOICES if question in answers]
    return "-".join(chosen + [question for question in ON_OR_OFF if answers.get(question)])


def is_copied(path: Path) -> bool:
    """Say whether cookiecutter copies a file or folder of the template's folder unrendered."""
    globs = SETTINGS["_copy_without_render"]
    return any(fnmatch.fnmatch(path.relative_to(FOLDER).as_posix(), glob) for glob in globs)


def file_names(folder: Path) -> set[str]:
    """Return the paths of all files below a folder."""
    files = filter(Path.is_file, folder.rglob("*"))
    return {file.relative_to(folder).as_posix() for file in files}


def contents(folder: Path) -> dict[str, bytes]:
    """Return what each file below a folder holds, by its path."""
    return {name: (folder / name).read_bytes() for name in file_names(folder)}


def text_of(file: Path) -> str:
    """Return what a file holds; of a picture, enough to see that it has no marks."""
    return file.read_text("utf-8", errors="replace")


PARSERS: dict[str, Callable[[str], Any]] = {
    ".py": ast.parse,
    ".toml": tomllib.loads,
    ".json": json.loads,
    ".yaml": yaml.safe_load,
    ".yml": yaml.safe_load,
}
EVERY = every_combination()
FEW = pairwise(EVERY)
