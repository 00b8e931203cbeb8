"""docs/how-to/adopt.md is followed on apps that exist, each as its author wrote it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from textwrap import indent

import pytest

import following
import support

pytestmark = [pytest.mark.all, pytest.mark.slow]

PAGE = support.PAGES / "how-to" / "adopt.md"
BLOCKS = [step.code for step in following.steps(PAGE) if step.language == "python"]
[INIT, MARKS, ORIGIN, FIND_USER, INIT_CLOSED, _, ATTEMPTS] = BLOCKS
IMPORT, _, INIT_LINES = INIT.partition("\n\n")
IMPORT_MARKS = MARKS.splitlines()[0]
# A file, a pattern in it, and what takes its place.
Edits = Iterable[tuple[str, str, str]]

VIEWS = ("flaskr/auth.py", "flaskr/blog.py")
# Steps 1 to 3: the login of the tutorial stays, under @public.
OWN_LOGIN: list[tuple[str, str, str]] = [
    ("flaskr/__init__.py", r"import os\n", rf"\g<0>\n{IMPORT}\n"),
    ("flaskr/__init__.py", r" +# a default secret .*\n +SECRET_KEY=.*\n", ""),
    ("flaskr/__init__.py", r" +# ensure the instance", indent(INIT_LINES, "    ") + r"\n\g<0>"),
    ("flaskr/__init__.py", r'( +)@app.route\("/hello"\)\n', r"\g<0>\1@secure_flask.public\n"),
    *((name, r"from werkzeug\.", rf"{IMPORT_MARKS}\n\g<0>") for name in VIEWS),
    *((name, r"(@bp\.route\(.*\)\n)", r"\g<0>@public\n") for name in VIEWS),
    *((name, r'(@bp\..*"POST".*\n@public\n)', r"\g<0>@consumes_form\n") for name in VIEWS),
    (
        "tests/conftest.py",
        r"    return app\.test_client\(\)\n",
        indent(ORIGIN, "    ") + "    return client\n",
    ),
]
# Step 4: the core closes the views.
CLOSED: list[tuple[str, str, str]] = [
    ("flaskr/auth.py", r"\nbp = Blueprint", FIND_USER.replace("\\", r"\\") + r"\n\g<0>"),
    ("flaskr/__init__.py", r"    secure_flask\.init_app\(.*\n", indent(INIT_CLOSED, "    ")),
    ("flaskr/__init__.py", r"import secure_flask\n", r"\g<0>from flaskr.auth import find_user\n"),
    ("flaskr/__init__.py", r"( +)PROJECT_NAME=", r'\1LOGIN_PAGE="auth.login",\n\g<0>'),
    ("flaskr/blog.py", r"from \.auth import login_required\n", ""),
    ("flaskr/blog.py", IMPORT_MARKS, f"{IMPORT_MARKS}, login_required"),
    ("flaskr/blog.py", r"@public\n(@consumes_form\n)?(@login_required\n)", r"\1\2"),
]
# The tests of the tutorial that expect the redirect of its own decorator.
OF_ITS_REDIRECT = ["/create", "/1/update", "/1/delete"]


def edit(app: Path, edits: Edits) -> None:
    for name, old, new in edits:
        file = app / name
        text, times = re.subn(old, new, file.read_text("utf-8"))
        assert times, (name, old)
        file.write_text(text, "utf-8")


def adopt(app: Path, template: Path = support.TEMPLATE) -> str:
    support.init_git(app)
    for name, value in (("name", "Someone"), ("email", "someone@example.com")):
        support.run("git", "config", f"user.{name}", value, cwd=app)
    said = support.python(template / "adopt.py", app, cwd=app)
    support.python("-m", "secure_flask.settings", cwd=app)
    return said


@pytest.fixture
def flaskr(flask_source: Path, tmp_path: Path) -> Path:
    return shutil.copytree(flask_source / "examples" / "tutorial", tmp_path / "tutorial")


def test_the_blog_of_flasks_tutorial_passes_its_tests_with_its_own_login(flaskr: Path) -> None:
    said = adopt(flaskr)
    assert "flaskr/__init__.py:11 SECRET_KEY" in said
    edit(flaskr, OWN_LOGIN)
    assert "24 passed" in support.own_tests(flaskr)
    shown = support.python("-m", "flask", "--app", "flaskr", "access", cwd=flaskr)
    assert "Logged-in users:\n  -" not in shown


def test_it_passes_all_but_those_of_its_redirect_where_the_core_closes_the_views(
    flaskr: Path,
) -> None:
    adopt(flaskr)
    edit(flaskr, [*OWN_LOGIN, *CLOSED])
    named = [f"tests/test_blog.py::test_login_required[{path}]" for path in OF_ITS_REDIRECT]
    deselected = [f"--deselect={each}" for each in named]
    assert "21 passed, 3 deselected" in support.own_tests(flaskr, *deselected)
    with pytest.raises(AssertionError, match="3 failed"):
        support.own_tests(flaskr, *named)
