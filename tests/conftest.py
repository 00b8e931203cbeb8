"""What the tests of all folders share: renders, browsers, the site.

pytest-cookies makes each render. `rendered` keeps one of each combination of answers.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import http.server
import os
import re
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

import support
from suites.running import fetch_source
from support import Answers

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page
    from pytest_cookies.plugin import Cookies

# The core is imported from the template's folder, which must hold nothing but the template. The
# workers of xdist, and what tests start, inherit the variable.
sys.pycache_prefix = os.environ["PYTHONPYCACHEPREFIX"] = support.COMPILED["PYTHONPYCACHEPREFIX"]

# tests/render/test_views.py runs these in a separate process.
collect_ignore = ["views"]

# Hypothesis would keep its examples in the template's folder.
os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = tempfile.gettempdir()
settings.register_profile(
    "template", database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("template")


# Apps and SQL statements are so many objects that the garbage collector takes a fifth of the time.
gc.set_threshold(50_000)


def pytest_configure(config: pytest.Config) -> None:
    """Let pytest-cookies render this template, wherever pytest was started."""
    config.option.template = str(support.TEMPLATE)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with those that take long, so that no process is left alone with one at the end."""
    items.sort(key=seconds_of, reverse=True)


def seconds_of(item: pytest.Item) -> int:
    """Return about how long a test takes on a busy machine, where its mark says so."""
    mark = item.get_closest_marker("slow")
    return mark.kwargs.get("seconds", 10) if mark else 0


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over what is imported by now, since it stays to the end."""
    gc.freeze()


# Optional, so that one file of tests runs without xdist too.
@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    """One more than processors, since one always waits for a server or a browser."""
    return (yield) + 1


@pytest.fixture(scope="session")
def short_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template without what cookiecutter copies as it is: rendered, it takes half the time."""
    short = tmp_path_factory.mktemp("short") / "template"
    for name in ("hooks", "cookiecutter.json"):
        support.copy(support.TEMPLATE / name, short / name)
    for file in filter(Path.is_file, support.FOLDER.rglob("*")):
        if not support.is_copied(file):
            support.copy(file, short / file.relative_to(support.TEMPLATE))
    return short


Rendered = Callable[[Answers], Path]
NewProject = Callable[..., Path]


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Path:
    """A folder for what each process may look at and none changes."""
    base = tmp_path_factory.getbasetemp()
    # xdist's own mark of a process that shares the work.
    folder = (base.parent if hasattr(pytestconfig, "workerinput") else base) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


def named(kind: str, answers: Answers) -> str:
    return re.sub(r"[^\w=]+", "-", f"{kind} {sorted(answers.items() - support.DEFAULTS.items())}")


def keep(made: Path, kept: Path) -> None:
    # Another process may have made it meanwhile, of the same answers.
    with contextlib.suppress(OSError):
        made.rename(kept)


@pytest.fixture(scope="session")
def rendered(shared: Path, cookies_session: Cookies) -> Rendered:
    """Render each combination once, however many tests and processes look at it: none changes it."""

    def render_once(answers: Answers) -> Path:
        kept = shared / named("render", answers)
        if not kept.exists():
            keep(support.project_of(cookies_session.bake(support.typed(**answers))), kept)
        return kept

    return render_once


@pytest.fixture(scope="session")
def new_project(rendered: Rendered, tmp_path_factory: pytest.TempPathFactory) -> NewProject:
    """`new_project(csp="paranoid")`: the render of these answers, to work in."""

    def copy(**answers: str) -> Path:
        return shutil.copytree(rendered(answers), tmp_path_factory.mktemp("new") / "my-service")

    return copy


@pytest.fixture(scope="session")
def ready_project(
    new_project: NewProject, shared: Path, tmp_path_factory: pytest.TempPathFactory
) -> NewProject:
    """As `new_project`, with what its README makes: an environment, settings and tables."""

    def copy(**answers: str) -> Path:
        kept = shared / named("ready", answers)
        if not kept.exists():
            project = new_project(**answers)
            (project / ".venv").symlink_to(sys.prefix)
            support.write_settings(project)
            support.python("-m", "flask", "db", "upgrade", cwd=project)
            keep(project, kept)
        target = tmp_path_factory.mktemp("ready") / "my-service"
        return shutil.copytree(kept, target, symlinks=True)

    return copy


@pytest.fixture(scope="session")
def node_programs(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs that tools/requirements/npm names, installed once."""
    support.need(shutil.which("npm"), "npm")
    kept = shared / "npm"
    if not kept.exists():
        made = tmp_path_factory.mktemp("npm") / "npm"
        shutil.copytree(support.TEMPLATE / "tools" / "requirements" / "npm", made)
        support.run("npm", "ci", cwd=made)
        keep(made, kept)
    return kept / "node_modules" / ".bin"


@pytest.fixture(scope="session")
def flask_source(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source of the installed Flask with its tests and its tutorial, fetched once."""
    kept = shared / "flask-source"
    if not kept.exists():
        keep(fetch_source("flask", tmp_path_factory.mktemp("fetched")), kept)
    return kept


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, for which each name below `.test` is this computer."""
    support.need(support.CHROMIUM, "Chromium")
    # Most modules need no browser, and the import takes a while.
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=30_000)
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


class Quiet(http.server.SimpleHTTPRequestHandler):
    def translate_path(self, path: str) -> str:
        return super().translate_path(path.removeprefix(support.SITE_FOLDER))

    def log_message(self, format: str, *args: object) -> None:
        """Print no line for each request."""


@pytest.fixture(scope="session")
def site(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built once for all processes."""
    kept = shared / "site"
    if not kept.exists():
        out = tmp_path_factory.mktemp("site")
        support.python(
            "-m",
            "sphinx",
            "-qW",
            "--keep-going",
            "-d",
            out / "trees",
            "docs",
            out / "html",
            cwd=support.TEMPLATE,
        )
        keep(out / "html", kept)
    return kept


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    handler = functools.partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
