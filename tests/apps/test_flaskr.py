"""The blog of Flask's tutorial moves into a project, and passes its own tests there.

What an owner would write is all here: tests/apps/flaskr/ has the two modules that a project replaces,
its factory and its database, and `EDITS` the lines that change in the others.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

import support
from conftest import NewProject

pytestmark = [pytest.mark.all, pytest.mark.slow]

PORTED = Path(__file__).parent / "flaskr"
# The tutorial closes a connection of its own after each request, and creates its tables by a
# command of its own. A project does both by `db`.
OF_ITS_SQLITE = ("test_get_close_db", "test_init_db_command")

IMPORTS = r"(from werkzeug\.(?:security|exceptions) import (?:check_password_hash|abort)\n)"
MARKS = r"from secure_flask import consumes_form, public\n\1"
EDITS: list[tuple[str, str, str]] = [
    # The project's factory registers the blog in place of the example.
    ("app/__init__.py", r"from app import .*\n", "import flaskr\nfrom app import account, login\n"),
    ("app/__init__.py", r"\(login, account, .*\):", "(login, account):"),
    ("app/__init__.py", r"( +)(return app\n)", r"\1flaskr.init_app(app)\n\1\2"),
    # Each view says who may call it: everybody, since the blog has a login of its own.
    ("flaskr/auth.py", IMPORTS, MARKS),
    ("flaskr/blog.py", IMPORTS, MARKS),
    ("flaskr/auth.py", r"(@bp\.route\(.*\)\n)", r"\1@public\n"),
    ("flaskr/blog.py", r"(@bp\.route\(.*\)\n)", r"\1@public\n"),
    # A view that reads a form says so.
    ("flaskr/auth.py", r'(@bp\..*"POST".*\n@public\n)', r"\1@consumes_form\n"),
    ("flaskr/blog.py", r'(@bp\..*"POST".*\n@public\n)', r"\1@consumes_form\n"),
    # The templates lie beside those of the project, whose base.html counts.
    ("flaskr/auth.py", r"(bp = Blueprint\(.*)\)", r'\1, template_folder="templates")'),
    ("flaskr/blog.py", r"(bp = Blueprint\(.*)\)", r'\1, template_folder="templates")'),
    ("flaskr/templates/*/*.html", r"'base\.html'", "'flaskr.html'"),
    # The project's database gives a time as text.
    ("flaskr/templates/blog/index.html", r"(post\['created'\])\.strftime\(.*?\)", r"\1[:10]"),
    # The policy blocks inline scripts.
    ("flaskr/templates/blog/update.html", r" onclick=\".*?\"", ""),
    # Tests say as a browser does which site sends a form.
    (
        "flaskr_tests/conftest.py",
        r"    return app\.test_client\(\)\n",
        "    client = app.test_client()\n"
        '    client.environ_base["HTTP_ORIGIN"] = "http://localhost"\n'
        "    return client\n",
    ),
]


def move_in(tutorial: Path, project: Path) -> None:
    shutil.copytree(tutorial / "flaskr", project / "flaskr")
    shutil.copytree(tutorial / "tests", project / "flaskr_tests")
    shutil.copytree(PORTED, project / "flaskr", dirs_exist_ok=True)
    templates, static = (project / "flaskr" / name for name in ("templates", "static"))
    (templates / "base.html").rename(templates / "flaskr.html")
    (static / "style.css").rename(project / "app" / "static" / "style.css")
    for pattern, old, new in EDITS:
        for file in project.glob(pattern):
            edit(file, old, new)


def edit(file: Path, old: str, new: str) -> None:
    text, times = re.subn(old, new, file.read_text("utf-8"))
    assert times, (file, old)
    file.write_text(text, "utf-8")


def test_flasks_tutorial_passes_its_tests_in_a_project(
    flask_source: Path, new_project: NewProject
) -> None:
    project = new_project()
    support.write_settings(project)
    move_in(flask_source / "examples" / "tutorial", project)
    others = " and ".join(f"not {name}" for name in OF_ITS_SQLITE)
    said = support.own_tests(project, "flaskr_tests", "-k", others)
    assert f"22 passed, {len(OF_ITS_SQLITE)} deselected" in said
