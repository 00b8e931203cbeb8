"""`adopt.py` brings the core to an app as one commit that git takes back, or writes nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from flask_sqlalchemy import SQLAlchemy
from jinja2 import Environment, FileSystemLoader

import support

FACTORY = """\
from flask import Flask, Blueprint
from shop.marks import login_required
import secure_flask
from secure_flask import consumes_form, public as anybody

bp = Blueprint("shop", __name__)


def create_app():
    app = Flask(__name__)
    app.config["SECRET_KEY"] = "dev"
    app.config.from_mapping(SQLALCHEMY_DATABASE_URI="sqlite://")
    app.add_url_rule("/old", view_func=old)
    return app


@bp.route("/")
@login_required
def index():
    return ""


@bp.post("/order")
@secure_flask.login_required
def order():
    return ""


@bp.route("/form", methods=("GET", "POST"))
@anybody
@consumes_form
def form():
    return ""


@bp.route("/sent", methods=["POST"])
def sent():
    return ""
"""

HOOKS = ("monitor", "post-index-change", "post-merge", "reference-transaction")


class TheirApp:
    """An app that exists, in a repository of git."""

    def __init__(self, folder: Path, **files: str) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.git("init", "--quiet")
        self.git("config", "user.name", "Someone")
        self.git("config", "user.email", "someone@example.com")
        self.write(**{"shop/__init__.py": FACTORY, **files})
        self.commit()

    def git(self, *arguments: str) -> str:
        return support.run("git", *arguments, cwd=self.folder)

    def write(self, **files: str) -> None:
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "Theirs")

    def text(self, name: str) -> str:
        return (self.folder / name).read_bytes().decode()

    def state(self) -> tuple[str, str, list[str]]:
        """What must be the same where nothing was written."""
        names = sorted(str(path) for path in self.folder.rglob("*") if ".git" not in path.parts)
        return self.git("rev-parse", "HEAD"), self.git("status", "--porcelain", "--ignored"), names


@pytest.fixture
def shop(tmp_path: Path) -> TheirApp:
    return TheirApp(tmp_path / "shop")


def adopt(app: TheirApp | Path, *options: str) -> subprocess.CompletedProcess[str]:
    folder = app if isinstance(app, Path) else app.folder
    command = [sys.executable, str(support.TEMPLATE / "adopt.py"), str(folder), *options]
    # Settings of the person who runs the tests must not count.
    environment = os.environ | {"GIT_CONFIG_GLOBAL": os.devnull}
    return subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=folder, env=environment
    )


def adopted(app: TheirApp, *options: str) -> str:
    done = adopt(app, *options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refused(app: TheirApp | Path, *options: str) -> str:
    done = adopt(app, *options)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    return done.stderr


# What it writes.


def test_all_that_it_writes_is_one_commit_that_git_takes_back(shop: TheirApp) -> None:
    before = shop.state()
    tree = shop.git("rev-parse", "HEAD^{tree}")
    said = adopted(shop)
    assert shop.git("rev-list", "--count", f"{before[0].strip()}..HEAD").strip() == "1"
    assert shop.git("status", "--porcelain", "--ignored") == ""
    [command] = [line for line in said.splitlines() if "git revert" in line]
    shop.git("revert", "--no-edit", command.split()[-1])
    assert shop.git("rev-parse", "HEAD^{tree}") == tree
    assert shop.state()[1:] == before[1:]


def test_the_app_gets_the_core_without_accounts_as_its_manifest_lists_it(shop: TheirApp) -> None:
    adopted(shop)
    assert not (shop.folder / "secure_flask" / "accounts").exists()
    core = "import runpy; print(runpy.run_path('secure_flask/update.py')['find_edits']())"
    assert support.python("-B", "-c", core, cwd=shop.folder).strip() == "[]"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, ".env\n"),
        ({".gitignore": "*.pyc\r\n.env\r\n!.env"}, "*.pyc\r\n.env\r\n!.env\r\n.env\r\n"),
        ({".gitignore": "/.env*\n"}, "/.env*\n"),
    ],
)
def test_git_ignores_env_whatever_was_ignored(
    tmp_path: Path, before: dict[str, str], after: str
) -> None:
    app = TheirApp(tmp_path / "shop", **before)
    adopted(app)
    assert app.text(".gitignore") == after


def test_git_ignores_what_sqlite_writes_beside_its_file(tmp_path: Path) -> None:
    urls = {
        "a.py": "'sqlite:///' + os.path.join(basedir, 'data-dev.sqlite')",
        "b.py": "f'sqlite:///{base}/shop.sqlite3?timeout=3'",
        "c.py": "os.environ.get('DATABASE_URL', 'sqlite:///shop')",
    }
    files = {name: f"SQLALCHEMY_DATABASE_URI = {url}" for name, url in urls.items()}
    app = TheirApp(tmp_path / "shop", **files, **{"d.py": "HOST = 'smtp.example.com'"})
    adopted(app)
    kinds = [f"*.{kind}-{end}" for kind in ("db", "sqlite", "sqlite3") for end in ("wal", "shm")]
    assert {*app.text(".gitignore").split()} == {".env", *kinds}


def test_secrets_that_are_there_stay(tmp_path: Path) -> None:
    app = TheirApp(tmp_path / "shop", **{".gitignore": ".env\n"})
    app.write(**{".env": "SECRET_KEY=theirs\n"})
    adopted(app)
    assert app.text(".env") == "SECRET_KEY=theirs\n"


def test_it_writes_where_updates_come_from(tmp_path: Path) -> None:
    app = TheirApp(tmp_path / "shop", **{"pyproject.toml": '[project]\r\nname = "shop"'})
    said = adopted(app, "--source", "https://git.example.org/template")
    assert "uv add '" in said
    assert app.text("pyproject.toml") == (
        '[project]\r\nname = "shop"\r\n\r\n'
        '[tool.secure-flask]\r\nsource = "https://git.example.org/template"\r\n'
    )


def test_a_password_in_the_address_of_this_clone_is_not_written(
    shop: TheirApp, tmp_path: Path
) -> None:
    template = support.copy_template(tmp_path / "template")
    support.run("git", "init", "--quiet", cwd=template)
    address = "https://someone:secret@git.example.org/template"
    support.run("git", "remote", "add", "origin", address, cwd=template)
    command = [sys.executable, "-B", str(template / "adopt.py"), str(shop.folder)]
    support.run(*command, cwd=template)
    assert 'source = ""' in shop.text("pyproject.toml")


@pytest.mark.parametrize("has_base", [True, False])
def test_the_error_page_extends_the_base_that_the_app_has(tmp_path: Path, has_base: bool) -> None:
    base = {"shop/templates/base.html": "{% block content %}{% endblock %}"} if has_base else {}
    app = TheirApp(tmp_path / "shop", **{"shop/templates/a.html": "", **base})
    adopted(app)
    assert ('extends "base.html"' in app.text("shop/templates/error.html")) is has_base


def test_the_error_page_shows_its_message_within_the_block_of_the_app(tmp_path: Path) -> None:
    base = "{% block content %}{% endblock %}"
    app = TheirApp(tmp_path / "shop", **{"templates/base.html": base})
    adopted(app)
    pages = Environment(loader=FileSystemLoader(app.folder / "templates"), autoescape=True)
    pages.tests["asset"] = lambda name: bool(name)
    shown = pages.get_template("error.html").render(
        message="Not <found>", navigation=True, request={}
    )
    assert shown.count("<h1>Not &lt;found&gt;</h1>") == 1


def test_an_error_page_of_the_app_stays(tmp_path: Path) -> None:
    app = TheirApp(tmp_path / "shop", **{"templates/error.html": "theirs"})
    adopted(app)
    assert app.text("templates/error.html") == "theirs"


def test_an_app_in_a_folder_of_its_repository_gets_all_in_there(tmp_path: Path) -> None:
    app = TheirApp(tmp_path / "all", **{"web/app.py": FACTORY})
    assert adopt(app.folder / "web").returncode == 0
    changed = app.git("diff", "--name-only", "HEAD~", "HEAD").split()
    assert {name.partition("/")[0] for name in changed} == {"web"}
    assert (app.folder / "web" / "secure_flask" / "VERSION").exists()


def test_a_tilde_is_the_home_folder(shop: TheirApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(shop.folder.parent))
    command = (sys.executable, "-B", support.TEMPLATE / "adopt.py", "~/shop")
    support.run(*command, cwd=shop.folder.parent)
    assert (shop.folder / "secure_flask").is_dir()


# What it refuses, and then it writes nothing.


def test_diff_shows_the_changes_and_writes_nothing(shop: TheirApp) -> None:
    before = shop.state()
    objects = shop.git("count-objects", "--verbose")
    said = adopted(shop, "--diff")
    assert "+.env\n" in said
    assert "+[tool.secure-flask]\n" in said
    assert shop.state() == before
    assert shop.git("count-objects", "--verbose") == objects


def unclean(app: TheirApp) -> None:
    app.write(**{"shop/__init__.py": "changed = 1"})


def untracked(app: TheirApp) -> None:
    app.write(new="")


def no_author(app: TheirApp) -> None:
    app.git("config", "user.useConfigOnly", "true")
    app.git("config", "--unset", "user.email")


def in_a_merge(app: TheirApp) -> None:
    app.git("checkout", "--quiet", "-b", "other")
    app.git("commit", "--quiet", "--allow-empty", "--message", "Other")
    app.git("checkout", "--quiet", "-")
    app.git("merge", "--no-ff", "--no-commit", "other")


def ignored_in_the_way(app: TheirApp) -> None:
    app.write(**{".gitignore": "error.html\n", "templates/a.html": ""})
    app.commit()
    app.write(**{"templates/error.html": "precious"})


PREPARED = {
    unclean: "not committed",
    untracked: "not committed",
    no_author: "Nothing was written",
    in_a_merge: "not finished",
    ignored_in_the_way: "Nothing was written",
}
COMMITTED = {
    ".env": ({".env": "SECRET_KEY=x"}, "git rm --cached .env"),
    "a core": ({"secure_flask/VERSION": "0.0.1"}, "secure_flask/update.py"),
    "its table": ({"pyproject.toml": "[tool.secure-flask]\n"}, "pyproject.toml has a"),
    "no TOML": ({"pyproject.toml": "[tool\n"}, "Nothing was written"),
}


def assert_refused(app: TheirApp, words: str) -> None:
    before = app.state()
    assert words in refused(app)
    assert app.state() == before


@pytest.mark.parametrize(
    ("prepare", "words"), PREPARED.items(), ids=[each.__name__ for each in PREPARED]
)
def test_it_says_why_it_writes_nothing(
    shop: TheirApp, prepare: Callable[[TheirApp], None], words: str
) -> None:
    prepare(shop)
    assert_refused(shop, words)


@pytest.mark.parametrize(("files", "words"), COMMITTED.values(), ids=COMMITTED)
def test_it_says_which_file_is_in_its_way(
    shop: TheirApp, files: dict[str, str], words: str
) -> None:
    shop.write(**files)
    shop.commit()
    assert_refused(shop, words)


def test_it_waits_until_git_has_finished(shop: TheirApp) -> None:
    said = {}
    for head in ("CHERRY_PICK_HEAD", "REVERT_HEAD", "REBASE_HEAD"):
        shop.git("update-ref", head, "HEAD")
        said[head] = "not finished" in refused(shop)
        shop.git("update-ref", "-d", head)
    assert {*said.values()} == {True}, said
    assert not (shop.folder / "secure_flask").exists()


def test_without_git_or_a_commit_nothing_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    assert "git init" in refused(folder)
    support.run("git", "init", "--quiet", cwd=folder)
    assert "no commit" in refused(folder)
    assert [path.name for path in folder.iterdir()] == [".git"]


def test_a_core_that_was_edited_is_not_handed_on(shop: TheirApp, tmp_path: Path) -> None:
    template = support.copy_template(tmp_path / "template")
    (template / support.FOLDER.name / "secure_flask" / "health.py").write_text("edited", "utf-8")
    command = [sys.executable, "-B", str(template / "adopt.py"), str(shop.folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "edited: health.py" in done.stderr
    assert not (shop.folder / "secure_flask").exists()


def test_no_code_of_the_app_runs(tmp_path: Path) -> None:
    app = TheirApp(tmp_path / "shop", **{"shop/run.py": "open('ran', 'w')"})
    adopted(app)
    assert not (app.folder / "ran").exists()


def test_no_hook_of_the_app_runs(tmp_path: Path) -> None:
    """As of an app whose developers use husky, which keeps hooks of git in the app."""
    ran = tmp_path / "ran"
    ran.touch()
    script = f"#!/bin/sh\necho $0 >> '{ran.as_posix()}'\n"
    app = TheirApp(tmp_path / "shop", **{f".husky/{name}": script for name in HOOKS})
    for file in (app.folder / ".husky").iterdir():
        file.chmod(0o755)
    app.commit()
    app.git("config", "core.hooksPath", ".husky")
    app.git("config", "core.fsmonitor", ".husky/monitor")
    adopted(app)
    assert ran.read_text() == ""


@pytest.mark.parametrize("key", ["clean", "smudge", "process"])
def test_no_filter_of_the_repository_runs(tmp_path: Path, key: str) -> None:
    app = TheirApp(tmp_path / "shop", **{".gitattributes": "* filter=of=theirs\n"})
    program = f"touch '{(tmp_path / 'ran').as_posix()}'; cat"
    app.git("config", f"filter.of=theirs.{key}", program)
    app.git("config", "filter.of=theirs.required", "true")
    # git compares the content of a file that has another time.
    os.utime(app.folder / "shop" / "__init__.py", (0, 0))
    adopted(app)
    assert not (tmp_path / "ran").exists()


# What it prints of an app in which there is all that it looks for.

CONFIG = """\
class Config:
    TESTING = False
    SQLALCHEMY_DATABASE_URI = 'sqlite:///shop.db'
    LOG_LEVEL: str = 'DEBUG'
    MAX_CONTENT_LENGTH = 1
SETTINGS = {'REDIS_URL': 'redis://'}
os.environ['TRUSTED_HOSTS'] = 'localhost'
"""
CLASS_OF_TESTS = "class {}(Config):\n    {}\n    SQLALCHEMY_DATABASE_URI = 'sqlite://'\n"
CLASSES_OF_TESTS = [
    *(("TestingConfig", ""), ("TestConfig", ""), ("ConfigForTests", ""), ("Testing", "")),
    *(("testing_config", ""), ("Fast", "TESTING = True"), ("Fast", "TESTING: bool = True")),
]
OF_TESTS = {
    **dict.fromkeys(
        ("shop/conftest.py", "shop/test_app.py", "testing.py", "tests.py", "tests/models.py"),
        "\n\nSQLALCHEMY_DATABASE_URI = 'sqlite://'",
    ),
    **{
        f"kinds/{number}.py": CLASS_OF_TESTS.format(*each)
        for number, each in enumerate(CLASSES_OF_TESTS)
    },
}
FILES = {
    **OF_TESTS,
    "config.py": CONFIG,
    "latest.py": CLASS_OF_TESTS.format("LatestConfig", ""),
    "old\x1b.py": "print 'Python 2'",
    "a\x1b[2J\u202e.py": FACTORY,
    "app.py": "app.secret_key = 'dev'\nsecret_key = 'local'\nWTF_CSRF_ENABLED = True\n",
    "wsgi.py": "app.wsgi_app = ProxyFix(app.wsgi_app)\n",
    "shop/models.py": "db = SQLAlchemy()\n",
    "shop/app.py": "db.init_app(app)\nlogin.init_app(app)\n",
    "shop/other.py": "database = SQLAlchemy(app)\n",
    "shop/templates/base.html": "{%- block title %}{% endblock %}{% block body %}",
    "pyproject.toml": "[tool.black]\n",
}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """The lines of each part of what it says, by the first words of the part."""
    said = adopted(TheirApp(tmp_path_factory.mktemp("all") / "shop", **FILES))
    parts = [part.splitlines() for part in said.split("\n\n")]
    return {" ".join(part[0].split()[:2]): part[1:] for part in parts}


def test_a_name_of_a_file_sends_no_escape_sequence_to_the_terminal(
    report: dict[str, list[str]],
) -> None:
    said = f"{[*report]}" + "".join("".join(part) for part in report.values())
    assert [character for character in "\x1b\u202e" if character in said] == []
    assert r"a\x1b[2J\u202e.py:12" in said
    assert [each for each in report if each.startswith(r"old\x1b.py is")]


def test_it_names_the_places_of_the_lines_to_write(report: dict[str, list[str]]) -> None:
    assert "  shop/__init__.py:10" in report["Write where"]
    assert report["Write where"][-1].startswith("    secure_flask.init_app(app")
    of_factory = [line for line in report["Remove from"] if "shop/" in line]
    assert of_factory == [
        "  shop/__init__.py:11 SECRET_KEY",
        "  shop/__init__.py:12 SQLALCHEMY_DATABASE_URI",
    ]


def test_the_values_to_write_into_env_have_the_names_of_the_settings_and_are_to_be_removed(
    report: dict[str, list[str]],
) -> None:
    listed = [line for line in report["Write its"] if "(was config" in line or "(was app" in line]
    assert listed == [
        "  SECRET_KEY=… (was app.py:1)",
        "  DATABASE_URL=… (was config.py:3)",
        "  LOG_LEVEL=… (was config.py:4)",
        "  REDIS_URL=… (was config.py:6)",
    ]
    # A key that is an attribute and a switch of the core are to be removed too.
    removed = [line for line in report["Remove from"] if " app.py" in line or "config.py" in line]
    assert removed == [
        "  app.py:1 SECRET_KEY",
        "  app.py:3 WTF_CSRF_ENABLED",
        "  config.py:3 SQLALCHEMY_DATABASE_URI",
        "  config.py:4 LOG_LEVEL",
        "  config.py:6 REDIS_URL",
    ]


def test_a_database_of_tests_is_to_be_replaced_and_not_removed(
    report: dict[str, list[str]],
) -> None:
    advice, *lines = report["First, in"]
    assert 'testing.settings(Settings, database_url="sqlite://")' in advice
    assert lines == [f"  {name}:3 SQLALCHEMY_DATABASE_URI" for name in sorted(OF_TESTS)]
    assert "  latest.py:3 SQLALCHEMY_DATABASE_URI" in report["Remove from"]


def test_the_lines_of_another_db_are_named_and_keep_the_names_of_its_constraints(
    report: dict[str, list[str]],
) -> None:
    names = SQLAlchemy().metadata.naming_convention
    below = "    below it write db.metadata.naming_convention = "
    kept = f'{below}{{"ix": "{names["ix"]}"}}, as the tables were made'
    assert (report["The core"], {*names}) == (
        [
            "  shop/app.py:1 remove: db.init_app(…)",
            "  shop/models.py:1 write: from secure_flask import db",
            kept,
            "  shop/other.py:1 write: from secure_flask import db as database",
            kept,
        ],
        {"ix"},
    )


def test_what_else_is_to_be_done_is_named(report: dict[str, list[str]]) -> None:
    assert report["Remove ProxyFix,"] == ["  wsgi.py:1"]
    assert [line for line in report[r"old\x1b.py is"] if "pip install '" in line]
    assert "shop/templates/base.html has" in report


def test_it_names_the_routes_that_lack_a_mark_of_the_core(report: dict[str, list[str]]) -> None:
    """A mark of the app that only has the name of one counts for nothing."""
    assert [line for line in report["Routes that"] if "shop/" in line] == [
        "  shop/__init__.py:17  index  @public, or @login_required from step 4",
        "  shop/__init__.py:23  order  @consumes_form for a form",
        "  shop/__init__.py:36  sent  @public, or @login_required from step 4 @consumes_form for a form",
        "  shop/__init__.py:13  add_url_rule(…)  look whether it has a mark",
    ]


def test_each_argument_that_the_core_would_lose_is_named_with_its_repair(tmp_path: Path) -> None:
    text = """\
db: SQLAlchemy = SQLAlchemy(
    app, model_class=Base, metadata=MetaData(naming_convention=NAMES), query_class=Own,
    session_options={"autoflush": False}, engine_options={}, add_models_to_shell=False, new=1,
)
"""
    said = adopted(TheirApp(tmp_path / "shop", **{"models.py": text}))
    _, _, lines = said.partition("models.py:1 write: from secure_flask import db\n")
    assert lines.partition("\n\n")[0].splitlines() == [
        "    model_class: write class Book(Base, db.Model) for each model, and Base without a base",
        "    metadata: below it write db.metadata.naming_convention = … and db.metadata.schema = …",
        "    query_class: below it write db.Query = db.Model.query_class = Own",
        "    session_options: below it write db.session.session_factory.configure(**{'autoflush': False})",
        "    engine_options: write SQLALCHEMY_ENGINE_OPTIONS={} into app.config.update",
        "    new: look what it does, since it is lost",
    ]


@pytest.mark.parametrize("folder", ["src/shop", "shop"])
def test_a_package_that_is_built_from_src_is_said_to_lack_the_core(
    tmp_path: Path, folder: str
) -> None:
    app = TheirApp(tmp_path / "all", **{f"{folder}/app.py": "", f"{folder}/__init__.py": ""})
    assert ("built from src/ has no secure_flask/" in adopted(app)) is (folder == "src/shop")


def test_a_view_that_reads_only_json_needs_no_mark_for_forms(tmp_path: Path) -> None:
    read = {
        "by_call": "request.get_json()",
        "by_name": "request.json",
        "a_form": "request.form",
        "either": "request.form or request.json",
        "by_extension": "form.validate()",
    }
    marks = {
        "by_webargs": "use_kwargs(schema)",
        "by_its_parser": "parser.use_args(schema)",
        "a_form_of_webargs": "use_args(schema, location='form')",
    }
    views = (
        f"@bp.post('/{name}')\n@{marks.get(name, 'other')}\ndef {name}():\n    return {code}\n"
        for name, code in {**read, **dict.fromkeys(marks, "''")}.items()
    )
    said = adopted(TheirApp(tmp_path / "shop", **{"shop/api.py": "\n".join(views)})).splitlines()
    lines = {name: [line for line in said if f"  {name}  " in line] for name in read | marks}
    marked = {name: ["@consumes_form" in line for line in lines[name]] for name in lines}
    only_json = {"by_call", "by_name", "by_webargs", "by_its_parser"}
    assert marked == {name: [name not in only_json] for name in lines}


def test_the_template_itself_is_no_app(tmp_path: Path) -> None:
    clone = support.copy_template(tmp_path / "template")
    support.init_git(clone)
    apps = ("", ".", "docs")
    said = {app: support.attempt(sys.executable, "-B", "adopt.py", app, cwd=clone) for app in apps}
    advised = [app for app in apps if "Name the app: make adopt APP=" in said[app].stdout]
    assert (advised, {each.returncode for each in said.values()}) == ([*apps], {2})
    assert support.run("git", "rev-list", "--count", "HEAD", cwd=clone).strip() == "1"


def test_make_adopt_runs_it_and_without_an_app_says_how_to_name_it() -> None:
    support.need(shutil.which("make"), "make")
    asked = ("make", "--dry-run", "-o", ".venv/bin/cookiecutter", "adopt")
    said = support.run(*asked, "APP=../shop", cwd=support.TEMPLATE)
    assert "adopt.py ../shop" in said.replace("'", "")
    done = support.attempt(*asked, cwd=support.TEMPLATE)
    assert (done.returncode, "Name the app: make adopt APP=" in done.stdout) == (2, True)
    assert "adopt.py" not in done.stdout
