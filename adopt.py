"""`make adopt APP=../their-app`: brings the core to a Flask app that exists, as one commit of it.

It changes no line of the app. It prints the lines that its owner writes, and the routes that lack a
mark; docs/how-to/adopt.md has the steps. The commit is made beside the work tree and taken over by
one command of git, so a run that fails leaves everything as it was. It uses the standard library
alone, and runs neither Python nor a hook of the app.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import os
import re
import runpy
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
PROJECT = HERE / "{{cookiecutter.project_slug}}"
CORE = PROJECT / "secure_flask"
ERROR_PAGE = PROJECT / "app" / "templates" / "error.html"
EXTENDS = '{% if navigation %}{% extends "base.html" %}{% endif -%}\n'
HEADING = "\n    <h1>{{ self.title() }}</h1>"
CONTENT = "{%- block content %}"
ATTRIBUTES = "secure_flask/** text eol=lf linguist-vendored"
MESSAGE = "Add the core of secure-flask\n\ngit revert takes it back. docs/how-to/adopt.md of the template says what comes next.\n"
# A hook may lie in the app, where `core.hooksPath` or `core.fsmonitor` names it.
NO_HOOKS = ("-c", f"core.hooksPath={os.devnull}", "-c", "core.fsmonitor=false")
UNFINISHED = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "REBASE_HEAD")
METHODS = ("get", "post", "put", "patch", "delete")
MARKS = {"public", "login_required", "roles_required", "recent_login"}
BODIES = {"consumes_form", "consumes", "or_form", "validated"}
# Names of `app.config`: one that comes from a setting of another name, and one that the core sets.
DATABASE = "SQLALCHEMY_DATABASE_URI"
OF_THE_CORE = ("SESSION_COOKIE_NAME", "WTF_CSRF_ENABLED")
TESTS = re.compile(
    r"(?:^|/)(?:test(?:s|ing)?/|test(?:s|ing)?\.py$|test_[^/]*$|[^/]*_test\.py$|conftest\.py$)"
)
CLASS_OF_TESTS = re.compile(r"(?:^|[a-z0-9_])Test(?:s|ing)?(?![a-z])|^(?i:tests?|testing)(?:_|$)")
BLOCKS = ("title", "content")
# SQLAlchemy's own. The core names every constraint, so that a migration can change it.
NAMES = '{"ix": "ix_%(column_0_label)s"}'
# What an owner writes for an argument of `SQLAlchemy(…)`, which the `db` of the core does not get.
LOST_ARGUMENTS = {
    "model_class": "write class Book({0}, db.Model) for each model, and {0} without a base",
    "metadata": "below it write db.metadata.naming_convention = … and db.metadata.schema = …",
    "query_class": "below it write db.Query = db.Model.query_class = {}",
    "session_options": "below it write db.session.session_factory.configure(**{})",
    "engine_options": "write SQLALCHEMY_ENGINE_OPTIONS={} into app.config.update",
    # Nothing is lost: each model of such an app names its table, and a shell may have more names.
    "disable_autonaming": "",
    "add_models_to_shell": "",
}
# The decorators of webargs and flask-apispec, which read JSON unless they name another place.
WEBARGS = {"use_args", "use_kwargs"}
FILE_NAME = re.compile(r"(?:^|/)[\w-]+\.(\w+)(?:\?.*)?$")

Files = dict[str, bytes]


class AdoptError(Exception):
    """Why nothing was written, and what to do."""


class Route(NamedTuple):
    """A route that lacks something, as its source shows it."""

    place: str  # file and line
    view: str
    missing: list[str]


def main() -> None:
    parser = argparse.ArgumentParser(prog="adopt.py", description="Add the core to a Flask app.")
    parser.add_argument("app", type=Path, help="the folder of the app, in a git repository")
    parser.add_argument("--diff", action="store_true", help="only show what would be written")
    parser.add_argument("--source", help="the https address of the template, for updates")
    options = parser.parse_args()
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        said = _adopt(App(options.app.expanduser()), options)
    except AdoptError as error:
        sys.exit(_failed(str(error)))
    except (OSError, ValueError) as error:
        sys.exit(_failed(f"Nothing was written: {str(error)!a}"))
    print(_printable(said))


def _failed(message: str) -> int:
    print(_printable(message), file=sys.stderr)
    return 2


def _printable(text: str) -> str:
    """The text without escape sequences, which the name of a file may have for the terminal."""
    shown = (each if each.isprintable() or each in "\n\t" else ascii(each)[1:-1] for each in text)
    return "".join(shown)


def _adopt(app: App, options: argparse.Namespace) -> str:
    """Do what the options ask for; return the text to print."""
    app.refuse_unless_clean()
    files = _new_files(app, options.source or _origin())
    if options.diff:
        return "".join(_difference(app, files))
    report = "\n".join(_report(app))
    commit = app.commit(files)[:12]
    return (
        f"One commit has it all: {commit}. The command to take it back: git revert {commit}\n"
        f"Keep .env out of git then too: delete it, or ignore it.\n\n{report}"
    )


class Named(NamedTuple):
    """A name that the app's configuration sets."""

    place: str  # file and line
    name: str
    is_of_tests: bool


class App:
    """The folder of an app, and the repository of git that it lies in."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise AdoptError(f"There is no folder {str(folder)!r}: name that of the app.")
        self.folder = folder.resolve()
        self._without_filters = dict[str, str]()
        self._without_filters = _without_filters(self._filters())
        try:
            self.top = Path(self.git("rev-parse", "--show-toplevel").decode().strip())
        except AdoptError:
            raise AdoptError(
                f"{self.folder.name}/ is in no git repository, so nothing could be taken back. Run "
                "`git init`, and commit the app."
            ) from None
        if self.top.resolve() == HERE:
            raise AdoptError(
                "This is the template itself. Name the app: make adopt APP=../their-app"
            )
        self.prefix = self.folder.relative_to(self.top.resolve()).as_posix()
        names = self.git("ls-files", "-z").decode("utf-8", "replace")
        self.names = sorted(filter(None, names.split("\0")))

    def git(self, *arguments: str, data: bytes | None = None, index: str | None = None) -> bytes:
        own_index = {"GIT_INDEX_FILE": index} if index else {}
        environment = {**os.environ, **self._without_filters, **own_index}
        command = ["git", *NO_HOOKS, "-C", str(self.folder), *arguments]
        try:
            done = subprocess.run(command, input=data, env=environment, capture_output=True)  # noqa: S603
        except FileNotFoundError:
            raise AdoptError("This needs git: install it.") from None
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip().replace("\n", "\n  ")
            raise AdoptError(f"Nothing was written. git says: {said}")
        return done.stdout

    def _filters(self) -> list[str]:
        """The names of the filters in the configuration of git, each of which runs a program."""
        try:
            found = self.git("config", "-z", "--name-only", "--get-regexp", r"^filter\.")
        except AdoptError:  # There is none.
            return []
        names = found.decode("utf-8", "surrogateescape").split("\0")
        return sorted({name.rpartition(".")[0] for name in names if name})

    def refuse_unless_clean(self) -> None:
        """
        :raises AdoptError: something is not committed, or the core is here already.
        """
        if (self.folder / "secure_flask").exists():
            raise AdoptError("There is a secure_flask/ already: python secure_flask/update.py")
        if ".env" in self.names:
            raise AdoptError(
                "git has .env, which will hold secrets: run `git rm --cached .env`, ignore it, commit "
                "this, and replace each secret that was in it."
            )
        if not self._succeeds("rev-parse", "--verify", "--quiet", "HEAD"):
            raise AdoptError("The repository has no commit: make one, so that git can go back.")
        if any(self._succeeds("rev-parse", "--verify", "--quiet", each) for each in UNFINISHED):
            raise AdoptError("A merge, a rebase or a revert is not finished: finish it first.")
        changed = self.git("-C", str(self.top), "status", "--porcelain", "--untracked-files=all")
        if changed:
            lines = changed.decode("utf-8", "replace").rstrip()
            raise AdoptError(
                f"These changes are not committed:\n{lines}\nCommit them, or let git ignore them, "
                "as always .env. Then one command takes back what this writes."
            )

    def ignores(self, name: str) -> bool:
        return self._succeeds("check-ignore", "--quiet", "--no-index", name)

    def contains(self, text: str) -> bool:
        """Whether a file that git has in this folder has the text."""
        return self._succeeds("grep", "--quiet", "--fixed-strings", "-e", text, "--", ".")

    def read(self, name: str) -> bytes:
        """A file as git has it, or nothing."""
        return self.git("cat-file", "blob", f"HEAD:./{name}") if name in self.names else b""

    def commit(self, files: Files) -> str:
        """Commit the files, and write them; all of them or none."""
        with tempfile.TemporaryDirectory() as folder:
            index = str(Path(folder) / "index")
            self.git("read-tree", "HEAD", index=index)
            entries = b"".join(self._entry(name, data) for name, data in files.items())
            self.git("update-index", "-z", "--index-info", data=entries, index=index)
            tree = self.git("write-tree", index=index).decode().strip()
        commit = self.git("commit-tree", tree, "-p", "HEAD", data=MESSAGE.encode())
        made = commit.decode().strip()
        # If a file that git ignores is in the way, this command fails before it writes anything.
        self.git("merge", "--ff-only", "--quiet", "--no-overwrite-ignore", made)
        return made

    def _entry(self, name: str, data: bytes) -> bytes:
        blob = self.git("hash-object", "-w", "--stdin", data=data).decode().strip()
        path = PurePosixPath(self.prefix) / name
        return f"100644 {blob}\t{path}\0".encode()

    def _succeeds(self, *arguments: str) -> bool:
        try:
            self.git(*arguments)
        except AdoptError:
            return False
        return True


def _without_filters(names: list[str]) -> dict[str, str]:
    """The environment in which git runs no program of these filters."""
    off = {"clean": "", "smudge": "", "process": "", "required": "false"}
    pairs = [(f"{name}.{key}", value) for name in names for key, value in off.items()]
    environment = {"GIT_CONFIG_COUNT": str(len(pairs))} if pairs else {}
    for number, (key, value) in enumerate(pairs):
        environment |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return environment


def _new_files(app: App, source: str) -> Files:
    """What the app gets: the names in its folder, and the bytes."""
    files = Files()
    for line in _not_ignored(app):
        present = files.get(".gitignore", app.read(".gitignore"))
        files[".gitignore"] = _with_line(present, line)
    files[".gitattributes"] = _with_line(app.read(".gitattributes"), ATTRIBUTES)
    files["pyproject.toml"] = _with_source(app.read("pyproject.toml"), source)
    files |= {f"secure_flask/{name}": data for name, data in _core().items()}
    folder = _template_folder(app)
    if folder is not None and f"{folder}/error.html" not in app.names:
        files[f"{folder}/error.html"] = _error_page(f"{folder}/base.html" in app.names)
    return files


def _not_ignored(app: App) -> Iterator[str]:
    """The lines that .gitignore lacks: secrets, and what SQLite writes beside its file."""
    if not app.ignores(".env"):
        yield ".env"
    # The core's own file has the suffix db.
    suffixes = sorted({"db", *_suffixes(app)}) if app.contains("sqlite:///") else []
    ends = [f"{suffix}-{end}" for suffix in suffixes for end in ("wal", "shm")]
    yield from (f"*.{end}" for end in ends if not app.ignores(f"app.{end}"))


def _suffixes(app: App) -> Iterator[str]:
    """The suffixes of the files that an app names beside `sqlite:///`."""
    for name in app.names:
        tree = _tree(app.read(name)) if name.endswith(".py") else None
        for node in ast.walk(tree) if tree else ():
            if isinstance(node, ast.Assign | ast.AnnAssign | ast.keyword):
                texts = [each.value for each in ast.walk(node) if isinstance(each, ast.Constant)]
                names = [each for each in texts if isinstance(each, str)]
                if any("sqlite:///" in each for each in names):
                    yield from (each[1] for each in map(FILE_NAME.search, names) if each)


def _tree(source: bytes) -> ast.AST | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError):
        return None


def _core() -> Files:
    """The files of the core without those of accounts, as MANIFEST lists them."""
    update = runpy.run_path(str(CORE / "update.py"))
    if edits := update["find_edits"](CORE):
        raise AdoptError("\n  ".join(["The core here is not as it was released:", *edits]))
    found: Files = update["_read_core"](CORE)
    return {name: data for name, data in found.items() if not name.startswith("accounts/")}


def _error_page(has_base: bool) -> bytes:
    page = ERROR_PAGE.read_text("utf-8")
    # A base.html of the app shows nothing of this page but its blocks.
    inside = page.replace(HEADING, "").replace(CONTENT, f"{CONTENT}\n    <h1>{{{{ title }}}}</h1>")
    return (inside if has_base else page.replace(EXTENDS, "")).encode()


def _with_line(text: bytes, line: str) -> bytes:
    end = b"\r\n" if b"\r\n" in text else b"\n"
    begin = text if not text or text.endswith(b"\n") else text + end
    return begin + line.encode() + end


def _with_source(text: bytes, source: str) -> bytes:
    """pyproject.toml, with the address where update.py looks for releases."""
    if "secure-flask" in tomllib.loads(text.decode()).get("tool", {}):
        raise AdoptError("pyproject.toml has a [tool.secure-flask] already: remove it.")
    for line in ("", "[tool.secure-flask]", f'source = "{source}"'):
        if text or line:
            text = _with_line(text, line)
    tomllib.loads(text.decode())
    return text


def _origin() -> str:
    """Where this clone of the template is from, if that is an https address."""
    asked = ["git", "-C", str(HERE), "remote", "get-url", "origin"]
    found = subprocess.run(asked, capture_output=True, text=True).stdout.strip()  # noqa: S603
    return found if found.startswith("https://") and "@" not in found else ""


def _template_folder(app: App) -> str | None:
    """The highest folder of templates, or None for an app without pages."""
    folders = {str(each) for name in app.names for each in PurePosixPath(name).parents}
    named = [each for each in folders if PurePosixPath(each).name == "templates"]
    return min(named, key=lambda each: (each.count("/"), each), default=None)


def _difference(app: App, files: Files) -> Iterator[str]:
    for name, data in files.items():
        if not name.startswith("secure_flask/"):
            a, b = (text.decode("utf-8", "replace") for text in (app.read(name), data))
            lines = (text.splitlines(keepends=True) for text in (a, b))
            yield from difflib.unified_diff(*lines, f"a/{name}", f"b/{name}")
    of_core = sum(1 for name in files if name.startswith("secure_flask/"))
    yield f"+ secure_flask/: {of_core} files, version {_version()}\n"


def _version() -> str:
    return (CORE / "VERSION").read_text("utf-8").strip()


def _report(app: App) -> Iterator[str]:
    """The lines that the owner writes, and the routes that lack a mark."""
    trees = dict[str, ast.AST]()
    for name in app.names:
        if name.endswith(".py"):
            if tree := _tree(app.read(name)):
                trees[name] = tree
            else:
                yield f"{name} is no Python that this can read: look for routes there yourself."
    yield _install(app)
    yield "Make .env with fresh secrets: python -m secure_flask.settings"
    yield "\nWrite where the app is made, below its configuration and above its blueprints:"
    yield from (f"  {place}" for name, tree in trees.items() for place in _factories(name, tree))
    yield (
        '    app.config.update(PROJECT_NAME="…", SECURITY_CONTACT="security@example.org")\n'
        "    secure_flask.init_app(app, secure_flask.Settings.load())"
    )
    databases = [each for name, tree in trees.items() for each in _databases(name, tree)]
    if databases:
        yield "\nThe core has the only db:"
        yield from (f"  {each}" for each in databases)
    proxies = [each for name, tree in trees.items() for each in _proxy_fixes(name, tree)]
    if proxies:
        yield "\nRemove ProxyFix, and set PROXY_HOPS to the number of your own proxies:"
        yield from (f"  {place}" for place in proxies)
    yield from _configuration([each for name, tree in trees.items() for each in _named(name, tree)])
    yield "\nRoutes that lack a mark (write it below the line of the route):"
    routes = [each for name, tree in trees.items() for each in _routes(name, tree)]
    yield from (f"  {place}  {view}  {' '.join(missing)}" for place, view, missing in routes)
    yield from _missing_blocks(app)
    if any(re.match(r"src/[^/]+/__init__\.py$", name) for name in app.names):
        yield (
            "\nA package that is built from src/ has no secure_flask/, which lies beside it: run the "
            "app from this folder, or name secure_flask and all of its files to your build tool."
        )
    yield "\nNext: docs/how-to/adopt.md of the template, step 1"


def _install(app: App) -> str:
    needed = (CORE / "DEPENDENCIES").read_text("utf-8").splitlines()
    packages = " ".join(f"'{line}'" for line in needed if line and not set(line) & {" ", "#"})
    # uv refuses to add to a file that describes no project.
    if "project" in tomllib.loads(app.read("pyproject.toml").decode()):
        return f"Install: uv add {packages}"
    return f"Install, and write into your list of packages: pip install {packages}"


def _factories(name: str, tree: ast.AST) -> Iterator[str]:
    for call in _calls(tree):
        if _last_name(call.func) == "Flask":
            yield f"{name}:{call.lineno}"


def _proxy_fixes(name: str, tree: ast.AST) -> Iterator[str]:
    for call in _calls(tree):
        if _last_name(call.func) == "ProxyFix":
            yield f"{name}:{call.lineno}"


def _databases(name: str, tree: ast.AST) -> Iterator[str]:
    """The lines that make the `db` of Flask-SQLAlchemy, or bind it to an app."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Call):
            if _last_name(node.value.func) == "SQLAlchemy":
                target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
                called = _last_name(target)
                renamed = "" if called == "db" else f" as {called}"
                yield f"{name}:{node.lineno} write: from secure_flask import db{renamed}"
                yield from _lost_arguments(node.value)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "db.init_app":
            yield f"{name}:{node.lineno} remove: db.init_app(…)"


def _lost_arguments(call: ast.Call) -> Iterator[str]:
    if "metadata" not in {each.arg for each in call.keywords}:
        yield f"  below it write db.metadata.naming_convention = {NAMES}, as the tables were made"
    for each in call.keywords:
        repair = LOST_ARGUMENTS.get(each.arg or "", "look what it does, since it is lost")
        if repair:
            yield f"  {each.arg or '**'}: {repair.format(ast.unparse(each.value))}"


def _configuration(named: list[Named]) -> Iterator[str]:
    """What becomes of the names that the configuration sets, in the app and in its tests."""
    of_tests = [each for each in named if each.is_of_tests and each.name not in OF_THE_CORE]
    if of_tests:
        yield (
            "\nFirst, in tests: do not remove it, or they empty the database of .env. Replace it:\n"
            '    create_app(…, testing.settings(Settings, database_url="sqlite://"))'
        )
        yield from (f"  {place} {name}" for place, name, _ in of_tests)
    of_app = [each for each in named if not each.is_of_tests]
    if of_app:
        yield "\nRemove from the configuration, since the settings give it:"
        yield from (f"  {place} {name}" for place, name, _ in of_app)
    moved = [each for each in of_app if each.name not in OF_THE_CORE]
    if moved:
        yield "\nWrite its values into .env before the app runs, or it runs with those of the core:"
        yield from (f"  {_setting(name)}=… (was {place})" for place, name, _ in moved)


def _setting(name: str) -> str:
    return "DATABASE_URL" if name == DATABASE else name


def _named(name: str, tree: ast.AST) -> Iterator[Named]:
    """The names of settings that a module writes as a name, a key or an argument."""
    settings = {*_settings_of_core(), DATABASE, *OF_THE_CORE}
    of_tests = set(ast.walk(tree)) if TESTS.search(name) else _nodes_of_tests(tree)
    for node in ast.walk(tree):
        for each in _written_names(node):
            if each in settings:
                yield Named(f"{name}:{getattr(node, 'lineno', 0)}", each, node in of_tests)


def _nodes_of_tests(tree: ast.AST) -> set[ast.AST]:
    """The nodes within classes of tests, such as `TestingConfig`, or one with `TESTING = True`."""
    classes = (each for each in ast.walk(tree) if isinstance(each, ast.ClassDef))
    return {node for each in classes if _is_of_tests(each) for node in ast.walk(each)}


def _is_of_tests(class_: ast.ClassDef) -> bool:
    if CLASS_OF_TESTS.search(class_.name):
        return True
    values = [each.value for each in class_.body if _written_names(each) == ["TESTING"]]  # type: ignore[attr-defined]
    return any(isinstance(each, ast.Constant) and each.value is True for each in values)


def _settings_of_core() -> Iterator[str]:
    """The names of all settings of the core, as its source lists them."""
    tree = ast.parse((CORE / "settings" / "__init__.py").read_bytes())
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == "Settings":
            fields = (each for each in node.body if isinstance(each, ast.AnnAssign))
            yield from (_last_name(each.target).upper() for each in fields)


def _missing_blocks(app: App) -> Iterator[str]:
    """A message for each block that error.html fills and base.html lacks."""
    name = f"{_template_folder(app)}/base.html"
    page = app.read(name).decode("utf-8", "replace")
    for block in BLOCKS:
        if page and not re.search(rf"{{%[-+]?\s*block\s+{block}\b", page):
            yield (
                f"\n{name} has no block `{block}`, which error.html fills: write "
                "{% block "
                + block
                + " %}{% endblock %} into it, or the name of yours into error.html."
            )


def _written_names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.keyword):
        return [node.arg or ""]
    if isinstance(node, ast.Assign):
        return [_written_name(target) for target in node.targets]
    if isinstance(node, ast.AnnAssign):
        return [_written_name(node.target)]
    if isinstance(node, ast.Dict):
        return [str(key.value) for key in node.keys if isinstance(key, ast.Constant)]
    return []


def _written_name(target: ast.expr) -> str:
    """What an assignment names, as `SECRET_KEY = …` or `app.config["SECRET_KEY"] = …`."""
    if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
        # The environment is where the settings belong.
        return "" if _last_name(target.value) == "environ" else str(target.slice.value)
    if isinstance(target, ast.Attribute) and target.attr == "secret_key":
        return "SECRET_KEY"  # Flask keeps `app.secret_key` under this name.
    return _last_name(target)


def _routes(name: str, tree: ast.AST) -> Iterator[Route]:
    """The routes without a mark, and those of writes that say nothing of their bodies."""
    imported = _names_of_core(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            routes = [each for each in node.decorator_list if _methods(each)]
            missing = _missing(node, imported, set().union(*map(_methods, routes)))
            if routes and missing:
                yield Route(f"{name}:{routes[0].lineno}", node.name, missing)
        elif isinstance(node, ast.Call) and _last_name(node.func) == "add_url_rule":
            yield Route(f"{name}:{node.lineno}", "add_url_rule(…)", ["look whether it has a mark"])


def _missing(
    view: ast.FunctionDef | ast.AsyncFunctionDef, imported: dict[str, str], methods: set[str]
) -> list[str]:
    marks = {_name_in_core(each, imported) for each in view.decorator_list}
    takes_form = bool(methods - {"GET", "HEAD", "OPTIONS"}) and not _reads_json(view)
    missing = [] if marks & MARKS else ["@public, or @login_required from step 4"]
    return missing + (["@consumes_form for a form"] if takes_form and not marks & BODIES else [])


def _reads_json(view: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a view reads JSON and no form, so that it needs no mark for its body."""
    if any(_is_webargs_of_json(each) for each in view.decorator_list):
        return True
    read = {ast.unparse(each) for each in ast.walk(view) if isinstance(each, ast.Attribute)}
    return bool(read & {"request.get_json", "request.json"}) and "request.form" not in read


def _is_webargs_of_json(decorator: ast.expr) -> bool:
    if not (isinstance(decorator, ast.Call) and _last_name(decorator.func) in WEBARGS):
        return False
    given = [each.value for each in decorator.keywords if each.arg in ("location", "locations")]
    return not given or all("'json'" in ast.unparse(each) for each in given)


def _methods(decorator: ast.expr) -> set[str]:
    """The methods of a decorator that makes a route; none of any other."""
    if not (isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Attribute)):
        return set()
    if decorator.func.attr in METHODS:
        return {decorator.func.attr.upper()}
    if decorator.func.attr != "route":
        return set()
    [given] = [each.value for each in decorator.keywords if each.arg == "methods"] or [None]
    constants = (
        [each for each in ast.walk(given) if isinstance(each, ast.Constant)] if given else []
    )
    return {str(each.value).upper() for each in constants} or {"GET"}


def _names_of_core(tree: ast.AST) -> dict[str, str]:
    """What a module calls each name that it imports from secure_flask."""
    return {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "secure_flask"
        for alias in node.names
    }


def _name_in_core(decorator: ast.expr, imported: dict[str, str]) -> str:
    """What secure_flask calls a decorator. The app may have a `login_required` of its own."""
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    if isinstance(called, ast.Attribute):
        return called.attr if _last_name(called.value) == "secure_flask" else ""
    return imported.get(_last_name(called), "")


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _last_name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")


if __name__ == "__main__":
    main()
