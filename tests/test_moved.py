"""A project made before its modules moved takes over the move by what the CHANGELOG says."""

from __future__ import annotations

import ast
import re
import runpy
import shlex
import shutil
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

import support
from conftest import NewProject
from test_update import commit, cookiecutter, cruft, replace

# The template as it was before the move: `git archive` of the last such commit, without its own
# tests. A file, since a shallow clone has no history and a squashed one has another.
BEFORE = Path(__file__).with_name("before_rooms.tar.xz")
moved: Callable[[str], str] = runpy.run_path(str(support.TEMPLATE / "docs/moved.py"))["moved"]
CHANGELOG = (support.TEMPLATE / "CHANGELOG.md").read_text("utf-8")
SECTION = CHANGELOG.partition("\n### Moved\n")[2].partition("\n### ")[0]
[COMMAND] = re.findall(r"^   ```sh\n   (.*)\n", SECTION, re.MULTILINE)
CAME_BACK = dict(re.findall(r"^((?:app|tests)/\S+\.py) +(\S.*)$", SECTION, re.MULTILINE))
# What nothing but the app itself calls.
CHECKS = tuple(
    f"app.checks.{name}."
    for name in ("answers", "hosts", "policy", "secrets", "services", "settings", "sources")
)
PRIVATE = {"app.security.cors_headers.check", "app.security.targets.site"}
# The example is another.
EXAMPLE = "app.api."
# Files that have no successor of their own: what they held is in another that was there before.
ENDED = {
    "tests/auth/test_accounts.py",
    "app/security/cors_headers.py",
    "app/security/targets.py",
    "tests/security/test_targets.py",
    "tests/security/test_cors_headers.py",
    "tests/test_asvs.py",
}
REPOSITORY = "https://github.com/<org>/cookiecutter-secure-flask"

# Where an edit was, where it belongs now, and the edit.
EDITED = [
    (
        "app/auth/login.py",
        "app/accounts/credentials.py",
        "Invalid credentials",
        "Wrong name or password",
    ),
    (
        "app/auth/password_change.py",
        "app/accounts/password_change.py",
        'WRONG = "',
        'WRONG = "No. ',
    ),
    (
        "app/cli.py",
        "app/accounts/commands.py",
        "\nimport click\n",
        "\nimport click  # for bakers\n",
    ),
    ("app/db.py", "app/db/database.py", "POOL_TIMEOUT = 5", "POOL_TIMEOUT = 2 + 3"),
    ("app/keys.py", "app/key_settings.py", "KEY_SIZE = 32", "KEY_SIZE = 4 * 8"),
    ("app/security/limits.py", "app/security/rate_limits.py", "SITE = 48", "SITE = 6 * 8"),
    ("app/security/reports.py", "app/csp_reports/endpoint.py", "REPORTS = 20", "REPORTS = 4 * 5"),
]
DELETED = [
    *("app/templates/index.html", "app/static/page.js", "app/static/page.css"),
    *("tests/test_pages.py", "tests/test_page_source.py", "tests/test_asvs.py"),
    *("tests/browser/test_page.py", "tests/browser/test_accessibility.py"),
    *("tests/security/test_reports.py", "tests/security/test_sources.py"),
]
# What the pages of login and errors use.
STYLES = ["app/static/page.css"]
PAGES = '''\
"""The shop's page."""

from flask import Blueprint, Flask

from app.security.answers import answers

blueprint = Blueprint("pages", __name__)


@blueprint.get("/")
@answers("text/html")
def index() -> str:
    return "<!doctype html><title>Shop</title>"


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)
'''
API = '''\
"""The shop's routes."""

from flask import Blueprint, Flask, abort, request
from flask.typing import ResponseReturnValue

from app import keys
from app.auth.login_required import login_required
from app.security import headers, limits
from app.security.answers import Answer, answers, takes
from app.security.bodies import body_stream
from app.security.errors import refusal
from app.security.headers import Contribution, Kind
from app.security.limits import limited
from app.security.marks import view_has, view_mark

blueprint = Blueprint("api", __name__, url_prefix="/api")


class Loaf(Answer):
    name: str


@blueprint.get("/loaves/<name>")
@answers(Loaf, 404)
@login_required
@limited("60 per minute")
def loaf(name: str) -> ResponseReturnValue:
    if name == "none":
        return refusal(404, "No such loaf")
    return {"name": name}


@blueprint.post("/pictures")
@takes("application/octet-stream")
def picture() -> ResponseReturnValue:
    picture = body_stream().read()
    if not picture:
        abort(refusal(400, "No picture"))
    return {"size": len(picture), "taken": list(view_mark("takes") or [])}


def close() -> ResponseReturnValue | None:
    if request.headers.get("X-Oven") == "cold" and not view_has("is_probe"):
        return refusal(403, "The oven is cold")
    return None


def contribution() -> Contribution:
    return lambda environ, kind: [("X-Baked", keys.today())] if kind is Kind.PAGE else []


def client() -> str:
    return limits.client_address() if limits.counts().shared else ""


def init_app(app: Flask) -> None:
    headers.register(app, contribution())
    app.before_request(close)
    app.register_blueprint(blueprint)
'''
TEST = '''\
"""What the shop promises."""

import importlib
from pathlib import Path

from flask.testing import FlaskClient

from app import own


def test_a_loaf(client: FlaskClient, credentials: dict[str, str]) -> None:
    assert client.get("/api/loaves/rye", headers=credentials).json == {"name": "rye"}
    assert client.get("/api/loaves/none", headers=credentials).json == {"error": "No such loaf"}


def test_a_picture(client: FlaskClient) -> None:
    binary = "application/octet-stream"
    answer = client.post("/api/pictures", data=b"1234", content_type=binary)
    assert answer.json == {"size": 4, "taken": [binary]}
    assert client.post("/api/pictures", data=b"", content_type=binary).status_code == 400


def test_a_cold_oven(client: FlaskClient) -> None:
    assert client.get("/", headers={"X-Oven": "cold"}).status_code == 403
    assert client.get("/healthz", headers={"X-Oven": "cold"}).status_code == 200


def test_a_page_says_when_it_was_baked(client: FlaskClient) -> None:
    assert client.get("/").headers["X-Baked"]


def test_each_name_is_there() -> None:
    for file in Path(own.__file__).parent.glob("use_*.py"):
        assert importlib.import_module(f"app.own.{file.stem}").USED
'''

# The views of the shop that everybody may call.
OWN = {"app/pages.py": PAGES, "app/api.py": API, "tests/test_shop.py": TEST}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keep the template as it was before the move in a repository of its own."""
    repository = tmp_path_factory.mktemp("before") / "template"
    with tarfile.open(BEFORE) as archive:
        archive.extractall(repository, filter="data")
    support.run("git", "init", "--quiet", cwd=repository)
    commit(repository)
    return repository


@pytest.fixture(scope="module")
def before(template: Path) -> Path:
    """Render the template as it was before the move."""
    return cookiecutter("--no-input", str(template), out=template.parent / "out")


def test_each_public_name_is_where_the_table_says(before: Path, new_project: NewProject) -> None:
    now = public_names(new_project())
    lost = {name for name in public_names(before) if moved(name) not in now}
    assert {name for name in lost if not name.startswith((*CHECKS, EXAMPLE))} <= PRIVATE


def test_each_moved_file_is_listed_with_what_came_for_it(
    before: Path, new_project: NewProject
) -> None:
    after = files(new_project())
    gone = files(before) - after
    assert gone - {*CAME_BACK} <= ENDED
    assert {*CAME_BACK} <= gone
    assert {new for names in CAME_BACK.values() for new in names.split()} <= after


@pytest.mark.slow
def test_an_edited_project_takes_it_over_by_what_the_changelog_says(
    template: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    cruft("create", str(template), "--no-input", "--output-dir", "out", cwd=tmp_path)
    project = tmp_path / "out" / "my-service"
    support.run("git", "init", "--quiet", cwd=project)
    commit(project)
    edit_as_an_owner(project)
    commit(project)
    support.run("git", "rm", "-r", "--quiet", ".", cwd=template)
    support.copy_template(template)
    commit(template)
    cruft("update", "--skip-apply-ask", cwd=project)
    replay = ("--replay-file", str(project / ".cookiecutter.json"))
    fresh = cookiecutter(*replay, str(template), out=tmp_path / "fresh")
    resolve(project, fresh)
    delete_what_came_back(project)
    for style in STYLES:
        shutil.copy(fresh / style, project / style)
    report = rewrite(project, template)
    assert "app/api.py: rewritten" in report
    for view in re.findall(r"(app/\S+\.py):\d+: (\w+) is closed now: add @public", report):
        open_to_everybody(project, *view)
    passes(project)


def edit_as_an_owner(project: Path) -> None:
    for old, _, text, edited in EDITED:
        replace(project / old, text, edited)
    for name in DELETED:
        (project / name).unlink()
    for name, text in OWN.items():
        (project / name).write_text(text, "utf-8")
    (project / "app/own").mkdir()
    (project / "app/own/__init__.py").touch()
    for module, names in public_modules(project).items():
        names -= PRIVATE
        if not module.startswith("app.checks.") and any(moved(name) != name for name in names):
            package, _, last = module.rpartition(".")
            used = ", ".join(f"{last}.{name.rpartition('.')[2]}" for name in sorted(names))
            text = f"from {package} import {last}\n\nUSED: list[object] = [{used}]\n"
            (project / "app/own" / f"use_{module.replace('.', '_')}.py").write_text(text, "utf-8")


def resolve(project: Path, fresh: Path) -> None:
    """Take a file that did not merge from a fresh render, and make the edit in it again."""
    listed = support.run("git", "diff", "--name-only", "--diff-filter=U", cwd=project).split()
    rejected = list(project.rglob("*.rej"))
    listed += [file.relative_to(project).as_posix().removesuffix(".rej") for file in rejected]
    for file in rejected:
        file.unlink()
    for name in listed:
        if name in OWN:
            (project / name).write_text(OWN[name], "utf-8")
        elif (project / name).exists():
            shutil.copy(fresh / name, project / name)
    for old, new, text, edited in EDITED:
        (project / old).unlink(missing_ok=True)
        if edited not in (project / new).read_text("utf-8"):
            replace(project / new, text, edited)


def delete_what_came_back(project: Path) -> None:
    for old in CAME_BACK.keys() & {*DELETED}:
        for new in CAME_BACK[old].split():
            (project / new).unlink()
    for folder in ("tests/starter", "tests/browser/starter"):
        shutil.rmtree(project / folder)


def rewrite(project: Path, template: Path) -> str:
    """Run the command as printed, but for where the template and the environment are."""
    command = COMMAND.replace(REPOSITORY, template.as_uri())
    command = command.replace(".venv/bin/", f"{shlex.quote(str(Path(sys.executable).parent))}/")
    return support.run("sh", "-c", command, cwd=project, RUFF_NO_CACHE="true")


def open_to_everybody(project: Path, file: str, view: str) -> None:
    """Mark a view as public, which was so without a mark."""
    replace(project / file, f"\ndef {view}(", f"\n@public\ndef {view}(")
    text = (project / file).read_text("utf-8")
    imported = "from app.auth.access import public\n"
    if imported not in text:
        replace(project / file, "\nfrom app.security", f"\n{imported}from app.security")


def passes(project: Path) -> None:
    support.python("-m", "mypy", cwd=project)
    support.run(Path(sys.executable).with_name("lint-imports"), "--no-cache", cwd=project)
    support.own_tests(project)


def public_modules(project: Path) -> dict[str, set[str]]:
    """Return the names that each module of the app defines for others, with its own before them."""
    modules = {}
    for file in (project / "app").rglob("*.py"):
        parts = file.relative_to(project).with_suffix("").parts
        module = ".".join(parts).removesuffix(".__init__")
        modules[module] = {f"{module}.{name}" for name in defined(file) if name[0] != "_"}
    return modules


def public_names(project: Path) -> set[str]:
    return set().union(*public_modules(project).values())


def defined(file: Path) -> set[str]:
    """Return what a module defines at its top, and what a package takes from its modules."""
    names: set[str] = set()
    for node in ast.parse(file.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {
                each.id
                for target in targets
                for each in ast.walk(target)
                if isinstance(each, ast.Name)
            }
        elif (
            isinstance(node, ast.ImportFrom)
            and file.name == "__init__.py"
            and file.parent.name != "app"
        ):
            names |= {alias.asname or alias.name for alias in node.names}
    return names


def files(project: Path) -> set[str]:
    return {
        file.relative_to(project).as_posix() for file in project.rglob("*.py") if file.is_file()
    }
