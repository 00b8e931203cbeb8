"""The pages of the rendered docs/: what they show works, and what they list is all there is."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from pathlib import Path

import pytest
import reference

import following
import support
from conftest import NewProject, Rendered
from support import KINDS, Answers

TOKEN_TYPES = support.CHOICES["token_type"]
PAGES = sorted((support.FOLDER / "docs" / "how-to").iterdir())
# Of each page, the first answers that have it.
ANSWERS = {page: next(kind for kind in KINDS if support.in_render(page, kind)) for page in PAGES}
HOW_TO = {Path(str(support.in_render(page, kind))).stem: page for page, kind in ANSWERS.items()}
# The others show what needs a container engine, a cluster or another machine.
FOLLOWED = [
    name for name, page in HOW_TO.items() if "```sh" in support.written(page, ANSWERS[page])
]
# Those that have pages of their own.
READERS = [kind for kind in KINDS if kind in ANSWERS.values()]
PARTS = ["When you need it", "Steps", "See that it works", "What can go wrong"]
# What has an eye on all routes, models and the policy.
WATCHING = [
    *("tests/test_app.py", "tests/test_policy.py", "tests/checks", "tests/crypto/test_rotation.py"),
    *("tests/test_openapi.py", "tests/security/test_csp.py", "tests/csp_reports/test_commands.py"),
]
# Files of releases, which their pages say to put into app/static/.
DOWNLOADED = ["bootstrap.bundle.min.js", "bootstrap.min.css", "htmx.min.js"]
ROUTES = """
from app import create_app
app = create_app()
for rule in app.url_map.iter_rules():
    for method in sorted(rule.methods - {"HEAD", "OPTIONS"}):
        print(f"{method} {rule.rule}")
"""
COMMANDS = """
import json
from app import create_app
app = create_app()
groups = ("crypto", "csp", "tokens", "user")
print(json.dumps([f"{name} {each}" for name in groups for each in app.cli.commands[name].commands]))
"""


def page_of(project: Path, name: str) -> Path:
    return project / "docs" / "how-to" / f"{name}.md"


def listed(project: Path, name: str) -> set[str]:
    """Return what the tables of a reference page list."""
    return first_column((project / "docs" / "reference" / name).read_text("utf-8"))


def first_column(text: str) -> set[str]:
    return set(re.findall(r"^\| `([^`]+)`", text, re.MULTILINE))


@pytest.mark.parametrize("name", HOW_TO)
def test_a_page_has_its_parts_in_order(name: str, rendered: Rendered) -> None:
    text = page_of(rendered(ANSWERS[HOW_TO[name]]), name).read_text("utf-8")
    titles = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert [title for title in titles if title in PARTS] == PARTS


@pytest.mark.slow
@pytest.mark.parametrize("name", FOLLOWED)
def test_what_a_page_says_to_do_works(name: str, new_project: NewProject, tmp_path: Path) -> None:
    project = new_project(**ANSWERS[HOW_TO[name]])
    page = page_of(project, name)
    following.prepare(project)
    following.follow(project, page, tmp_path / "log")


def test_the_page_of_scripts_prints_the_hash_that_browsers_compare(
    new_project: NewProject,
) -> None:
    support.need(shutil.which("openssl"), "openssl")
    project = new_project()
    page = page_of(project, "pages-and-scripts")
    following.write_files(project, page)
    [line] = [line for line in following.commands(page).splitlines() if "openssl" in line]
    digest = hashlib.sha384((project / "app" / "static" / "squares.js").read_bytes()).digest()
    expected = f"sha384-{base64.b64encode(digest).decode()}"
    assert support.run("sh", "-c", line, cwd=project).strip() == expected


@pytest.mark.slow
@pytest.mark.parametrize("token_type", TOKEN_TYPES)
def test_the_curl_lines_work_with_each_kind_of_token(
    token_type: str, new_project: NewProject, tmp_path: Path
) -> None:
    project = new_project(token_type=token_type)
    following.prepare(project)
    page = project / "docs" / "reference" / "routes.md"
    assert '"username":"ada"' in following.follow(project, page, tmp_path / "log")


@pytest.mark.slow
@pytest.mark.parametrize("answers", READERS, ids=support.name)
def test_what_all_pages_show_passes_the_projects_own_checks(
    answers: Answers, new_project: NewProject
) -> None:
    project = new_project(**answers)
    for name, page in HOW_TO.items():
        if ANSWERS[page] == answers:
            following.write_files(project, page_of(project, name))
    for name in DOWNLOADED:
        (project / "app" / "static" / name).touch()
    support.write_settings(project)
    for command in (["upgrade"], ["migrate", "-m", "all"], ["upgrade"], ["check"]):
        support.python("-m", "flask", "db", *command, cwd=project)
    support.python("-m", "ruff", "check", "--no-cache", cwd=project)
    support.python("-m", "ruff", "format", "--no-cache", "--check", cwd=project)
    support.python("-m", "mypy", cwd=project)
    support.own_tests(project, *WATCHING)
    # Nor do those tests store anything beside what the app really stored.
    assert not (project / "instance" / "photos").exists()


@pytest.mark.parametrize("kind", KINDS, ids=support.name)
def test_each_table_begins_with_its_headings(kind: Answers, rendered: Rendered) -> None:
    """A blank line in a table, as after an included part, makes text of the rows below it."""
    for page in rendered(kind).rglob("*.md"):
        for first in re.findall(r"(?:^|\n) *\n *\|.*\n(.*)", page.read_text("utf-8")):
            assert re.fullmatch(r" *\|(?: *:?-+:? *\|)+", first), (page.name, first)


@pytest.mark.parametrize("kind", KINDS, ids=support.name)
def test_the_page_of_routes_lists_every_route(kind: Answers, new_project: NewProject) -> None:
    project = new_project(**kind)
    support.write_settings(project)
    routes = support.python("-c", ROUTES, cwd=project).splitlines()
    assert listed(project, "routes.md") == set(routes)


@pytest.mark.parametrize("kind", KINDS, ids=support.name)
def test_the_page_of_settings_lists_what_env_example_names(
    kind: dict[str, str], rendered: Rendered
) -> None:
    project = rendered(kind)
    example = (project / ".env.example").read_text("utf-8")
    named = set(re.findall(r"^(?:# )?([A-Z_]+)=", example, re.MULTILINE))
    page = (project / "docs" / "reference" / "settings.md").read_text("utf-8")
    general, signed, accounts = re.split(
        "Only for (?:signed tokens|accounts by Flask-Security)", page
    )
    if kind["token_type"] in support.SETTINGS["_signed_token_types"]:
        general += signed
    if kind["accounts"] == "flask-security":
        general += accounts
    assert first_column(general) == named | {"FLASK_DEBUG"}


def test_the_page_of_commands_lists_every_command(new_project: NewProject) -> None:
    project = new_project(accounts="flask-security")
    support.write_settings(project)
    own = json.loads(support.python("-c", COMMANDS, cwd=project))
    [phony] = re.findall(
        r"^\.PHONY: (.+)$", (project / "Makefile").read_text("utf-8"), re.MULTILINE
    )
    targets = {f"make {target}" for target in phony.split()} - {"make help"}
    known = {
        f"flask {name}" for name in (*own, "access", "check", "seed", "db migrate", "db upgrade")
    }
    assert listed(project, "commands.md") == targets | known


@pytest.mark.parametrize("kind", KINDS, ids=support.name)
def test_the_table_of_concerns_is_what_the_modules_say(kind: Answers, rendered: Rendered) -> None:
    project = rendered(kind)
    page = (project / "docs" / "reference" / "concerns.md").read_text("utf-8")
    made = reference.concerns(project)
    assert set(made.splitlines()) - set(page.splitlines()) == set(), "run `make reference`"
    assert made.strip() in page, "run `make reference`"


def test_the_page_of_headers_is_what_the_start_page_says() -> None:
    assert reference.HEADERS.read_text("utf-8") == reference.headers(), "run `make reference`"
