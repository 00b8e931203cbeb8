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
    # Settings of whoever runs the tests must not count.
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


def test_git_ignores_env_before_it_exists(shop: TheirApp) -> None:
    adopted(shop)
    shop.write(**{".env": "SECRET_KEY=x"})
    assert shop.git("status", "--porcelain") == ""


def test_a_later_line_that_would_let_env_in_is_overruled(tmp_path: Path) -> None:
    app = TheirApp(tmp_path / "shop", **{".gitignore": "*.pyc\r\n.env\r\n!.env"})
    adopted(app)
    assert app.text(".gitignore") == "*.pyc\r\n.env\r\n!.env\r\n.env\r\n"


def test_a_line_that_is_there_is_not_written_again(tmp_path: Path) -> None:
    app = TheirApp(tmp_path / "shop", **{".gitignore": "/.env*\n"})
    adopted(app)
    assert app.text(".gitignore") == "/.env*\n"


def test_secrets_that_are_there_stay(tmp_path: Path) -> None:
    app = TheirApp(tmp_path / "shop", **{".gitignore": ".env\n"})
    app.write(**{".env": "SECRET_KEY=theirs\n"})
    adopted(app)
    assert app.text(".env") == "SECRET_KEY=theirs\n"


def test_it_writes_where_updates_come_from(tmp_path: Path) -> None:
    app = TheirApp(tmp_path / "shop", **{"pyproject.toml": '[project]\r\nname = "shop"'})
    adopted(app, "--source", "https://git.example.org/template")
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


def staged(app: TheirApp) -> None:
    app.write(new="")
    app.git("add", "new")


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
    staged: "not committed",
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


@pytest.mark.parametrize("head", ["CHERRY_PICK_HEAD", "REVERT_HEAD", "REBASE_HEAD"])
def test_it_waits_until_git_has_finished(shop: TheirApp, head: str) -> None:
    shop.git("update-ref", head, "HEAD")
    assert_refused(shop, "not finished")


def test_without_git_or_a_commit_nothing_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    assert "git init" in refused(folder)
    support.run("git", "init", "--quiet", cwd=folder)
    assert "no commit" in refused(folder)
    assert [path.name for path in folder.iterdir()] == [".git"]


def test_a_file_that_is_no_python_is_named(tmp_path: Path) -> None:
    app = TheirApp(tmp_path / "shop", **{"old.py": "print 'Python 2'"})
    assert "old.py is no Python" in adopted(app)


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


# What it prints.


def test_a_name_of_a_file_sends_no_escape_sequence_to_the_terminal(tmp_path: Path) -> None:
    app = TheirApp(tmp_path / "shop", **{"a\x1b[2J\u202e.py": FACTORY, "b\x1b.py": "print 'old'"})
    said = adopted(app)
    assert [character for character in "\x1b\u202e" if character in said] == []
    assert r"a\x1b[2J\u202e.py:12" in said
    assert r"b\x1b.py is no Python" in said


def test_it_names_the_places_of_the_lines_to_write(shop: TheirApp) -> None:
    said = adopted(shop)
    assert "shop/__init__.py:10\n" in said
    assert "secure_flask.init_app(app" in said
    assert "shop/__init__.py:11 SECRET_KEY" in said
    assert "shop/__init__.py:12 SQLALCHEMY_DATABASE_URI" in said


def test_the_values_to_write_into_env_are_listed_under_the_names_of_the_settings(
    tmp_path: Path,
) -> None:
    config = (
        "class Config:\n"
        "    SQLALCHEMY_DATABASE_URI = 'sqlite:///shop.db'\n"
        "    LOG_LEVEL: str = 'DEBUG'\n"
        "    MAX_CONTENT_LENGTH = 1\n"
        "SETTINGS = {'REDIS_URL': 'redis://'}\n"
        "os.environ['TRUSTED_HOSTS'] = 'localhost'\n"
    )
    said = adopted(TheirApp(tmp_path / "shop", **{"config.py": config}))
    moved = said.partition("into .env before")[2]
    assert "  DATABASE_URL=… (was config.py:2)\n" in moved
    assert "  LOG_LEVEL=… (was config.py:3)\n" in moved
    assert "  REDIS_URL=… (was config.py:5)\n" in moved
    assert "MAX_CONTENT_LENGTH" not in said
    assert "config.py:6" not in said


def listed_of_tests(said: str) -> tuple[str, str]:
    """What the report says of tests, and what comes after it."""
    before, _, after = said.partition("First, in tests")
    of_tests, _, rest = after.partition("\n\n")
    assert "Remove" not in before
    return of_tests, rest


def test_a_database_of_tests_is_to_be_replaced_and_not_removed(tmp_path: Path) -> None:
    names = ("tests.py", "tests/models.py", "shop/conftest.py", "shop/test_app.py", "testing.py")
    files = dict.fromkeys(names, "SQLALCHEMY_DATABASE_URI = 'sqlite://'")
    of_tests, rest = listed_of_tests(adopted(TheirApp(tmp_path / "shop", **files)))
    assert [name for name in names if f"{name}:1" in rest] == []
    lines = [f"  {name}:1 SQLALCHEMY_DATABASE_URI" for name in names]
    assert of_tests.splitlines()[2:] == sorted(lines)
    assert 'testing.settings(Settings, database_url="sqlite://")' in of_tests


def test_a_key_that_is_an_attribute_and_a_switch_of_the_core_are_to_be_removed(
    tmp_path: Path,
) -> None:
    text = "app.secret_key = 'dev'\nsecret_key = 'local'\nWTF_CSRF_ENABLED = True\n"
    said = adopted(TheirApp(tmp_path / "shop", **{"app.py": text}))
    removed, _, moved = said.partition("Remove from")[2].partition("into .env before")
    assert "  app.py:1 SECRET_KEY\n" in removed
    assert "  app.py:3 WTF_CSRF_ENABLED\n" in removed
    assert "  SECRET_KEY=… (was app.py:1)\n" in moved
    assert [text for text in ("app.py:2", "WTF_CSRF_ENABLED=") if text in said] == []


CLASS_OF_TESTS = """\
class Config:
    TESTING = False
    SQLALCHEMY_DATABASE_URI = "sqlite:///app.db"
class {name}(Config):
    {line}
    SQLALCHEMY_DATABASE_URI = os.environ.get("TEST_DATABASE_URL") or "sqlite://"
class LatestConfig(Config):
    SQLALCHEMY_DATABASE_URI = "sqlite:///latest.db"
"""
CLASSES = [
    ("TestingConfig", ""),
    ("TestConfig", ""),
    ("ConfigForTests", ""),
    ("Testing", ""),
    ("testing_config", ""),
    ("Fast", "TESTING = True"),
    ("Fast", "TESTING: bool = True"),
]


@pytest.mark.parametrize(("name", "line"), CLASSES)
def test_a_class_of_tests_is_told_from_those_of_the_app(
    tmp_path: Path, name: str, line: str
) -> None:
    config = CLASS_OF_TESTS.format(name=name, line=line)
    said = adopted(TheirApp(tmp_path / "shop", **{"config.py": config}))
    of_tests, rest = listed_of_tests(said)
    assert of_tests.splitlines()[2:] == ["  config.py:6 SQLALCHEMY_DATABASE_URI"]
    assert "config.py:6" not in rest
    assert "  config.py:3 SQLALCHEMY_DATABASE_URI\n  config.py:8 SQLALCHEMY_DATABASE_URI\n" in rest


def test_the_lines_of_another_db_are_named(tmp_path: Path) -> None:
    files = {
        "shop/models.py": "db = SQLAlchemy()\n",
        "shop/app.py": "db.init_app(app)\nlogin.init_app(app)\n",
        "shop/other.py": "database = SQLAlchemy(app)\n",
    }
    said = adopted(TheirApp(tmp_path / "shop", **files))
    assert "shop/models.py:1 write: from secure_flask import db\n" in said
    assert "shop/app.py:1 remove: db.init_app(…)\n" in said
    assert "shop/app.py:2" not in said
    assert "shop/other.py:1 write: from secure_flask import db as database\n" in said


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


def test_a_db_without_names_of_constraints_keeps_those_of_sqlalchemy(tmp_path: Path) -> None:
    said = adopted(TheirApp(tmp_path / "shop", **{"models.py": "db = SQLAlchemy()\n"}))
    line = 'db.metadata.naming_convention = {"ix": "ix_%(column_0_label)s"}'
    assert f"models.py:1 write: from secure_flask import db\n    below it write {line}" in said
    assert SQLAlchemy().metadata.naming_convention == {"ix": "ix_%(column_0_label)s"}


def test_a_proxy_fix_of_the_app_is_to_be_removed(tmp_path: Path) -> None:
    text = "app.wsgi_app = ProxyFix(app.wsgi_app)\n"
    said = adopted(TheirApp(tmp_path / "shop", **{"wsgi.py": text}))
    assert "Remove ProxyFix, and set PROXY_HOPS to the number of your own proxies:" in said
    assert "  wsgi.py:1\n" in said


@pytest.mark.parametrize(
    ("url", "written"),
    [
        ("'sqlite://'", set()),
        ("'sqlite:///shop.db'", {"db"}),
        ("'sqlite:///' + os.path.join(basedir, 'data-dev.sqlite')", {"db", "sqlite"}),
        ("f'sqlite:///{base}/shop.sqlite3?timeout=3'", {"db", "sqlite3"}),
        ("os.environ.get('DATABASE_URL', 'sqlite:///shop')", {"db"}),
    ],
)
def test_git_ignores_what_sqlite_writes_beside_its_file(
    tmp_path: Path, url: str, written: set[str]
) -> None:
    config = f"class Config:\n    SQLALCHEMY_DATABASE_URI = {url}\n    HOST = 'smtp.example.com'\n"
    app = TheirApp(tmp_path / "shop", **{"config.py": config})
    adopted(app)
    assert {*app.text(".gitignore").split()} == {".env"} | {
        f"*.{each}-{end}" for each in written for end in ("wal", "shm")
    }


@pytest.mark.parametrize("folder", ["src/shop", "shop"])
def test_a_package_that_is_built_from_src_is_said_to_lack_the_core(
    tmp_path: Path, folder: str
) -> None:
    app = TheirApp(tmp_path / "all", **{f"{folder}/app.py": "", f"{folder}/__init__.py": ""})
    assert ("built from src/ has no secure_flask/" in adopted(app)) is (folder == "src/shop")


@pytest.mark.parametrize(
    ("text", "command"), [("[tool.black]\n", "pip install"), ("[project]\nname='a'\n", "uv add")]
)
def test_uv_adds_packages_only_where_a_project_is_described(
    tmp_path: Path, text: str, command: str
) -> None:
    said = adopted(TheirApp(tmp_path / "shop", **{"pyproject.toml": text}))
    assert f"{command} '" in said


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


def test_a_base_page_without_the_blocks_of_the_error_page_is_named(tmp_path: Path) -> None:
    base = {"shop/templates/base.html": "{%- block title %}{% endblock %}{% block body %}"}
    said = adopted(TheirApp(tmp_path / "shop", **base))
    assert "shop/templates/base.html has no block `content`" in said
    assert "no block `title`" not in said


def test_it_names_the_routes_that_lack_a_mark_of_the_core(shop: TheirApp) -> None:
    listed = adopted(shop).partition("lack a mark")[2]
    # A mark of the app that only has the name of one counts for nothing.
    assert "index  @public" in listed
    assert "order  @consumes_form" in listed
    assert "sent  @public, or @login_required from step 4 @consumes_form" in listed
    assert "add_url_rule(…)" in listed
    assert " form  " not in listed


def test_the_template_itself_is_no_app(tmp_path: Path) -> None:
    clone = support.copy_template(tmp_path / "template")
    support.init_git(clone)
    apps = ("", ".", "docs")
    said = {app: support.attempt(sys.executable, "-B", "adopt.py", app, cwd=clone) for app in apps}
    advised = [app for app in apps if "Name the app: make adopt APP=" in said[app].stdout]
    assert (advised, {each.returncode for each in said.values()}) == ([*apps], {2})
    assert support.run("git", "rev-list", "--count", "HEAD", cwd=clone).strip() == "1"


def test_make_adopt_without_an_app_says_how_to_name_it() -> None:
    support.need(shutil.which("make"), "make")
    asked = ("make", "--dry-run", "-o", ".venv/bin/cookiecutter", "adopt")
    done = support.attempt(*asked, cwd=support.TEMPLATE)
    assert (done.returncode, "Name the app: make adopt APP=" in done.stdout) == (2, True)
    assert "adopt.py" not in done.stdout


def test_make_adopt_runs_it(shop: TheirApp) -> None:
    support.need(shutil.which("make"), "make")
    said = support.run("make", "--dry-run", "adopt", f"APP={shop.folder}", cwd=support.TEMPLATE)
    assert f"adopt.py {shop.folder}" in said.replace("'", "")
