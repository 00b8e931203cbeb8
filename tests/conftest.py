"""`bake` runs cookiecutter as a user does: `bake(csp="paranoid").path` is the project."""

from __future__ import annotations

import ast
import contextlib
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

import support
from support import Answers

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# The core is imported from the template's folder, which must hold nothing but the template.
sys.dont_write_bytecode = sys.pycache_prefix is None

# tests/test_views.py runs these in a separate process.
collect_ignore = ["views"]

# Hypothesis would keep its examples in the template's folder.
os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = tempfile.gettempdir()
settings.register_profile("template", database=None, deadline=None)
settings.load_profile("template")


@pytest.hookimpl(wrapper=True)
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    """One more than processors, since one always waits for a server or a browser."""
    return (yield) + 1


END_OF_REFUSAL = "Nothing was written. What follows is cookiecutter's own report of this."


@dataclass(frozen=True)
class Baked:
    """What a user has after running cookiecutter: a project, or a refusal to read."""

    out: Path
    exit_code: int
    output: str

    @property
    def path(self) -> Path:
        assert self.exit_code == 0, self.output
        (project,) = self.out.iterdir()
        return project

    @property
    def refusal(self) -> str:
        assert END_OF_REFUSAL in self.output, self.output
        return self.output.partition(END_OF_REFUSAL)[0]

    @property
    def problems(self) -> list[str]:
        return self.refusal.split("\n\n")[1].strip().split("\n  ")

    @property
    def command(self) -> str:
        """The line that the refusal offers instead."""
        return self.refusal.split("\n\n")[3].strip()

    def policy(self) -> dict[str, Any]:
        """Return the plain values in `app/policy.py`, read without running it."""
        tree = ast.parse((self.path / "app" / "policy.py").read_text("utf-8"))
        return {
            name: ast.literal_eval(node.value)
            for node in tree.body
            if isinstance(node, ast.Assign | ast.AnnAssign)
            and node.value
            and is_literal(node.value)
            for name in names(node)
        }


@dataclass
class Bake:
    folder: Path
    environment: dict[str, str]
    count: itertools.count[int] = field(default_factory=itertools.count)

    def __call__(self, **answers: str) -> Baked:
        """Answer on the command line."""
        pairs = (f"{question}={answer}" for question, answer in answers.items())
        return self.run(str(support.TEMPLATE), "--no-input", *pairs)

    def replay(self, environment: dict[str, str] | None = None, /, **answers: object) -> Baked:
        """Answer by a file: cookiecutter checks nothing and evaluates nothing, as at its prompts."""
        file = self.folder / "answers.json"
        file.write_text(json.dumps({"cookiecutter": DEFAULTS | answers}), "utf-8")
        return self.run(str(support.TEMPLATE), "--replay-file", str(file), **environment or {})

    def run(self, *arguments: str, **environment: str) -> Baked:
        out = self.folder / f"out-{next(self.count)}"
        out.mkdir()
        command = [sys.executable, "-m", "cookiecutter", *arguments]
        return self.finish([*command, "--output-dir", str(out)], out, **environment)

    def shell(self, line: str, out: Path) -> Baked:
        """Run a line as printed, where the user stood."""
        return self.finish(["sh", "-c", line], out)

    def finish(self, command: list[str], out: Path, **environment: str) -> Baked:
        finished = subprocess.run(
            command,
            cwd=self.folder,
            env=os.environ | support.COMPILED | self.environment | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
        return Baked(out, finished.returncode, finished.stdout)


DEFAULTS: dict[str, object] = {
    question: answer[0] if isinstance(answer, list) else answer
    for question, answer in support.SETTINGS.items()
    if not question.startswith("_")
} | {"project_slug": "my-service"}


def is_literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except ValueError:
        return False
    return True


def names(node: ast.Assign | ast.AnnAssign) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def bake_in(folder: Path) -> Bake:
    # The user's own defaults and replays have no say here, and are not overwritten.
    config = folder / "cookiecutter.yaml"
    config.write_text(f"replay_dir: {folder}\ncookiecutters_dir: {folder}\n", "utf-8")
    (folder / "here").mkdir()
    return Bake(folder / "here", {"COOKIECUTTER_CONFIG": str(config), "PYTHONUTF8": "1"})


@pytest.fixture
def bake(tmp_path: Path) -> Bake:
    return bake_in(tmp_path)


@pytest.fixture(scope="module")
def module_bake(tmp_path_factory: pytest.TempPathFactory) -> Bake:
    """Bake what several tests of a module look at and none changes."""
    return bake_in(tmp_path_factory.mktemp("module"))


Rendered = Callable[[Answers], Path]
NewProject = Callable[..., Path]


@pytest.fixture(scope="session")
def rendered(
    cookies_session: Any, tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> Rendered:
    """Render each combination once, however many tests and processes look at it: none changes it."""
    base = tmp_path_factory.getbasetemp()
    shared = (base if worker_id == "master" else base.parent) / "renders"
    shared.mkdir(exist_ok=True)

    def render(answers: Answers) -> Path:
        given = answers.items() - DEFAULTS.items()
        kept = shared / re.sub(r"[^\w=]+", "-", f"render {sorted(given)}")
        if not kept.exists():
            result = cookies_session.bake(extra_context=answers)
            assert result.exception is None, result.exception
            # Another process may have rendered it meanwhile; its render is the same.
            with contextlib.suppress(OSError):
                result.project_path.rename(kept)
        return kept

    return render


@pytest.fixture(scope="session")
def new_project(rendered: Rendered, tmp_path_factory: pytest.TempPathFactory) -> NewProject:
    """`new_project(csp="paranoid")`: the render of these answers, to work in."""

    def copy(**answers: str) -> Path:
        return shutil.copytree(rendered(answers), tmp_path_factory.mktemp("new") / "my-service")

    return copy


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, for which each name below `.test` is this computer."""
    support.need(support.CHROMIUM, "Chromium")
    # Most modules need no browser, and the import takes a while.
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=support.CHROMIUM, args=["--host-resolver-rules=MAP *.test 127.0.0.1"]
        )
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    yield context.new_page()
    context.close()
