"""The pages of the project and of the template: what they show works, what they list is all there is."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
from collections import Counter
from pathlib import Path

import flask_login  # type: ignore[import-untyped]
import pytest
import secure_flask

import following
import support
from conftest import NewProject

TOKEN_TYPES = support.CHOICES["token_type"]
REFERENCE = support.PAGES / "reference"
FOLDERS = {
    "docs/how-to": sorted((support.PAGES / "how-to").glob("*.md")),
    "docs/recipes": sorted((support.PAGES / "recipes").glob("*.md")),
    "a project's docs": sorted((support.FOLDER / "docs").glob("*.md")),
}
SELF_SERVICE = {"accounts": "self-service"}
OF_ACCOUNTS = {"accounts", "mail", "second-factors", "leaving"}
# An app has one manager of Flask-Login, which that of another recipe would replace, and one language.
# Old hashes make each login of the other pages' tests take longer. The page of a contract replaces a
# line that other pages name, and that of error pages what their tests see.
ALONE = {
    *("flask-security", "another-language", "existing-users", "flask-babel"),
    *("menu-and-error-pages", "api-with-a-contract"),
}
# A project with old hashes runs only the tests of logins, since each of them takes long.
OF_LOGINS = [f"tests/test_{name}.py" for name in ("login", "old_hashes", "other_old_hashes")]
# The others show what needs a container engine, a cluster or another machine.
FOLLOWED = [page for pages in FOLDERS.values() for page in pages if "```sh" in page.read_text()]
PARTS = ["When you need it", "See that it works", "What can go wrong"]
# What these pages say of other people's packages is followed by a weekly job.
OF_PACKAGES = {
    *("bootstrap", "flask-admin", "flask-babel", "flask-login-and-wtf", "flask-security"),
    *("htmx", "openid-connect", "opentelemetry", "prometheus", "swagger-ui"),
}
# Files of releases, which their pages say to put into app/static/.
DOWNLOADED = [
    *("bootstrap.bundle.min.js", "bootstrap.min.css", "htmx.min.js"),
    *("swagger-ui-bundle.js", "swagger-ui.css"),
]


def ids(pages: list[Path]) -> list[object]:
    return [pytest.param(page, id=f"{page.parent.name}/{page.stem}") for page in pages]


def followed(page: Path) -> object:
    is_of_project = support.FOLDER in page.parents
    marks = () if is_of_project else when_followed(page)
    return pytest.param(page, id=f"{page.parent.name}/{page.stem}", marks=marks)


def when_followed(page: Path) -> pytest.MarkDecorator:
    return pytest.mark.weekly if page.stem in OF_PACKAGES else pytest.mark.all


def answers(page: Path) -> support.Answers:
    return SELF_SERVICE if page.stem in OF_ACCOUNTS else {}


def together(pages: list[Path]) -> dict[str, list[Path]]:
    """Group the pages that can be followed in one project."""
    groups: dict[str, list[Path]] = {}
    for page in pages:
        kind = "packages" if page.stem in OF_PACKAGES else "others"
        alone = page.stem if page.stem in ALONE else kind
        groups.setdefault("accounts" if answers(page) else alone, []).append(page)
    return groups


@pytest.mark.parametrize("page", ids([*FOLDERS["docs/how-to"], *FOLDERS["docs/recipes"]]))
def test_a_page_has_its_parts_in_order(page: Path) -> None:
    titles = re.findall(r"^## (.+)$", page.read_text("utf-8"), re.MULTILINE)
    assert [title for title in titles if title in PARTS] == PARTS


@pytest.mark.slow
@pytest.mark.parametrize("page", [followed(page) for page in FOLLOWED])
def test_what_a_page_says_to_do_works(
    page: Path, ready_project: NewProject, tmp_path: Path
) -> None:
    """test_what_all_pages_show_passes_the_projects_own_checks runs the tests of each page."""
    following.follow(ready_project(**answers(page)), page, tmp_path / "log", tests="ls ")


@pytest.mark.weekly
@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "token_type"),
    [("recipes/single-page-app", "jwt"), ("how-to/second-factors", "session")],
)
def test_a_page_works_with_another_kind_of_token(
    page: str, token_type: str, ready_project: NewProject, tmp_path: Path
) -> None:
    file = support.PAGES / f"{page}.md"
    project = ready_project(token_type=token_type, **answers(file))
    following.follow(project, file, tmp_path / "log")


@pytest.mark.all
@pytest.mark.slow
@pytest.mark.parametrize("token_type", TOKEN_TYPES)
def test_the_curl_lines_work_with_each_kind_of_token(
    token_type: str, ready_project: NewProject, tmp_path: Path
) -> None:
    project = ready_project(token_type=token_type)
    page = following.for_answers(REFERENCE / "routes.md", tmp_path, token_type=token_type)
    assert '"username":"ada"' in following.follow(project, page, tmp_path / "log")


@pytest.mark.slow
@pytest.mark.parametrize(
    "pages",
    [
        pytest.param(pages, id=f"{folder}, {group}", marks=when_followed(pages[0]))
        for folder in FOLDERS
        for group, pages in together(FOLDERS[folder]).items()
    ],
)
def test_what_all_pages_show_passes_the_projects_own_checks(
    pages: list[Path], ready_project: NewProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "flask-babel" in {page.stem for page in pages}:
        support.add_flask_babel(monkeypatch)
    project = ready_project(**answers(pages[0]))
    for page in pages:
        following.write_files(project, page)
    for name in DOWNLOADED:
        (project / "app" / "static" / name).touch()
    for command in (["migrate", "-m", "all"], ["upgrade"], ["check"]):
        support.python("-m", "flask", "db", *command, cwd=project)
    support.python("-m", "ruff", "check", "--no-cache", cwd=project)
    support.python("-m", "ruff", "format", "--no-cache", "--check", cwd=project)
    support.python("-m", "mypy", cwd=project)
    support.own_tests(project, *(OF_LOGINS if pages[0].stem == "existing-users" else ()))


def test_the_page_of_scripts_prints_the_hash_that_browsers_compare(new_project: NewProject) -> None:
    support.need(shutil.which("openssl"), "openssl")
    project, page = new_project(), support.PAGES / "how-to" / "pages-and-scripts.md"
    following.write_files(project, page)
    [line] = [line for line in following.commands(page).splitlines() if "openssl" in line]
    digest = hashlib.sha384((project / "app" / "static" / "squares.js").read_bytes()).digest()
    expected = f"sha384-{base64.b64encode(digest).decode()}"
    assert support.run("sh", "-c", line, cwd=project).strip() == expected


@pytest.mark.parametrize("page", ids(sorted(support.PAGES.rglob("*.md"))))
def test_every_link_of_a_page_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|mailto:)([^)#]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
    assert not [link for link in links if not (page.parent / link).exists()]


def groups() -> dict[str, list[str]]:
    """Return the pages of each group of the sidebar, in its order."""
    found: dict[str, list[str]] = {}
    text = (support.PAGES / "index.md").read_text("utf-8")
    for options, listed in re.findall(r"```\{toctree\}\n((?::.+\n)*)\n((?:.+\n)+)```", text):
        [caption] = re.findall(r"^:caption: (.+)$", options, re.MULTILINE)
        found[caption] = [line.rpartition("<")[2].rstrip(">") for line in listed.splitlines()]
    return found


def site_pages() -> set[str]:
    """Return the names of all pages: of the decisions, the site has the one that projects name.

    It has no list of what survived mutation tests.
    """
    pages = support.PAGES
    names = {page.relative_to(pages).with_suffix("").as_posix() for page in pages.rglob("*.md")}
    records = {name for name in names if name.startswith("decisions/")}
    return names - records - {"mutation"} | {"decisions/0013-cross-site-writes"}


def test_the_weekly_job_follows_the_pages_about_other_packages() -> None:
    pages = {page.removeprefix("recipes/") for page in groups()["Other packages"]}
    assert pages == OF_PACKAGES


def test_each_page_stands_in_one_group_of_the_sidebar() -> None:
    listed = Counter(page for pages in groups().values() for page in pages)
    missing = site_pages() - {*listed} - {"index"}
    assert not missing, "add each to one toctree of docs/index.md"
    assert not [page for page, times in listed.items() if times > 1]


@pytest.mark.parametrize(
    "file", ["owasp-top-10.md", "reference/growth.md", "../tests/suites/flask.md"]
)
def test_each_test_that_a_page_names_exists(file: str) -> None:
    page = support.PAGES / file
    named = re.findall(r"\[(test_\w+)\]\(([^)]+)\)", page.read_text("utf-8"))
    assert named
    missing = [
        name
        for name, link in named
        if f"def {name}(" not in (page.parent / link).read_text("utf-8")
    ]
    assert not missing


@pytest.mark.all
def test_the_reference_says_what_the_code_says(tmp_path: Path, subtests: pytest.Subtests) -> None:
    support.python("-m", "docs.reference", tmp_path, cwd=support.TEMPLATE)
    pages = [page.relative_to(tmp_path) for page in tmp_path.rglob("*.*")]
    assert {page.suffix for page in pages} == {".js", ".md", ".svg"}
    for name in pages:
        with subtests.test(f"{name}: run `make reference`"):
            written = (support.PAGES / name).read_text("utf-8")
            assert written == (tmp_path / name).read_text("utf-8")


def test_the_table_of_flask_login_has_its_names_and_ours() -> None:
    page = (support.PAGES / "recipes" / "flask-login-and-wtf.md").read_text("utf-8")
    rows = re.findall(r"^\| (.+) \| (.+) \|$", page.partition("## Replace")[0], re.MULTILINE)[1:]
    theirs, ours = (" ".join(cells) for cells in zip(*rows, strict=True))
    names = {*re.findall(r"`@?(?:login_manager\.|current_user\.)?(\w+)", theirs)}
    known = (flask_login, flask_login.UserMixin, flask_login.LoginManager())
    assert names <= {name for each in known for name in dir(each)}
    assert {"login_user", "user_loader", "is_anonymous", "fresh_login_required"} <= names
    called = {*re.findall(r"`@?([a-z_]+)\(", ours)} | {*re.findall(r"`@([a-z_]+)`", ours)}
    assert {"log_in", "recent_login"} <= called
    assert called - {"bool"} <= {*secure_flask.__all__}


def test_the_page_of_headers_says_what_a_logout_empties() -> None:
    core = (support.FOLDER / "secure_flask" / "auth" / "tokens" / "session.py").read_text("utf-8")
    [value] = re.findall(r"""headers\["Clear-Site-Data"\] = '(.+)'""", core)
    assert f"`Clear-Site-Data: {value}`" in (REFERENCE / "headers.md").read_text("utf-8")
