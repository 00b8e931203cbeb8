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
from updates import releases

pytestmark = [pytest.mark.all, pytest.mark.slow]

PAGE = support.PAGES / "how-to" / "adopt.md"
BLOCKS = [step.code for step in following.steps(PAGE) if step.language == "python"]
[FACTORY, TEST_APP, INIT, INIT_TESTED, MARKS, ORIGIN, *BLOCKS_OF_LATER_STEPS] = BLOCKS
[WITH_NONCE, FIND_USER, INIT_CLOSED, ROLES, NEXT, ATTEMPTS, LOGOUT, _] = BLOCKS_OF_LATER_STEPS
IMPORT, _, INIT_LINES = INIT.partition("\n\n")
IMPORT_MARKS = MARKS.splitlines()[0]
CLOSED_LINES = INIT_LINES.rpartition("secure_flask.init_app")[0] + INIT_CLOSED
# Below the class of users, and at its login.
ROLE_NAMES = (
    "\n"
    + ROLES.partition(":\n")[2].partition("def find_user")[0].rstrip()
    + """


def find_user() -> User | None:
    return current_user
"""
)
NO_USER, _, COUNTED = ATTEMPTS.partition("\n\n")[2].partition("\n\n")
CHECKED_NEXT = NEXT.partition("\n\n")[2].replace('"index"', '"mine"')
COUNTED = COUNTED.replace('user["password"]', "user.password") + "if not attempt.succeeded:\n"
LOANS_IMPORTS = f"""\
{IMPORT}
from secure_flask import attempts, checked_next, consumes_form, db, login_required, public, roles_required
"""
# The settings that tests give, or those of the environment.
TESTED_SETTINGS = INIT_TESTED.strip().partition("app, ")[2].removesuffix(")")
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


LOANS = {
    "loans.py": """\
from flask import Flask, redirect, request, url_for
from flask_login import LoginManager, UserMixin, current_user, login_required, login_user, logout_user
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import Mapped, mapped_column
from werkzeug.security import check_password_hash, generate_password_hash

db = SQLAlchemy()


class User(UserMixin, db.Model):
    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    password: Mapped[str]
    is_admin: Mapped[bool] = mapped_column(default=False)


def create_app():
    app = Flask(__name__)
    app.config["SECRET_KEY"] = "dev"
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
    db.init_app(app)
    manager = LoginManager(app)
    manager.user_loader(lambda user_id: db.session.get(User, int(user_id)))

    @app.get("/login")
    def login_page():
        return "Log in"

    @app.post("/login")
    def login():
        username, password = request.form["username"], request.form["password"]
        user = db.session.scalar(db.select(User).filter_by(name=username))
        if user is None or not check_password_hash(user.password, password):
            return "Wrong", 401
        login_user(user, remember=True)
        return redirect(request.args.get("next") or url_for("mine"), 303)

    @app.post("/logout")
    def logout():
        logout_user()
        return ""

    @app.get("/mine")
    @login_required
    def mine():
        return f"Loans of {current_user.name}"

    @app.get("/all")
    @login_required
    def every():
        return "All loans" if current_user.is_admin else ("No", 403)

    return app
""",
    "tests/test_loans.py": """\
import pytest
from loans import User, create_app, db
from werkzeug.security import generate_password_hash


@pytest.fixture
def client():
    app = create_app()
    with app.app_context():
        db.create_all()
        for name in ("ada", "root"):
            password = generate_password_hash(name, "pbkdf2:sha256:1")
            db.session.add(User(name=name, password=password, is_admin=name == "root"))
        db.session.commit()
    client = app.test_client()
    return client


def log_in(client, name, password=None):
    data = {"username": name, "password": password or name}
    return client.post("/login", data=data).status_code


def test_a_visitor_sees_no_loans(client):
    assert client.get("/mine").status_code == 401


def test_a_user_sees_own_loans(client):
    assert log_in(client, "ada") == 303
    assert client.get("/mine").text == "Loans of ada"
    assert client.get("/all").status_code == 403


def test_an_admin_sees_all(client):
    assert log_in(client, "root") == 303
    assert client.get("/all").text == "All loans"


def test_a_wrong_password_logs_nobody_in(client):
    assert log_in(client, "ada", "wrong") == 401
    assert client.get("/mine").status_code == 401


def test_a_logout_ends_a_login_that_is_remembered(client):
    log_in(client, "ada")
    client.post("/logout")
    assert client.get("/mine").status_code == 401
""",
}
# The page, step by step: its database and marks, its login, the counter of its form.
LOANS_EDITS: list[tuple[str, str, str]] = [
    ("loans.py", r"import Flask, redirect, request,", r"\g<0> session,"),
    ("loans.py", r"from flask_sqlalchemy import SQLAlchemy\n", LOANS_IMPORTS),
    ("loans.py", r"(import LoginManager.*), login_required", r"\1"),
    ("loans.py", r"db = SQLAlchemy\(\)\n", NO_USER),
    ("loans.py", r"\n\ndef create_app", rf"{ROLE_NAMES}\g<0>"),
    ("loans.py", r".*SECRET_KEY.*\n.*DATABASE_URI.*\n.*init_app.*\n", indent(CLOSED_LINES, "    ")),
    ("loans.py", r'( +)@app\.\w+\("/login"\)\n', r"\g<0>\1@public\n"),
    ("loans.py", r"( +)@app\.post\(.*\n( +@public\n)?", r"\g<0>\1@consumes_form\n"),
    ("loans.py", r"@login_required(\n +def every)", r'@roles_required("admin")\1'),
    ("loans.py", r"    return app\n", indent(WITH_NONCE, "    ") + r"\n\g<0>"),
    ("loans.py", r" +logout_user\(\)\n", indent(LOGOUT, " " * 8)),
    ("loans.py", r"def create_app.*\n.*\n", FACTORY),
    ("loans.py", r"secure_flask\.Settings\.load\(\), find_user", TESTED_SETTINGS + ", find_user"),
    ("loans.py", r" +if user is None or .*\n", indent(COUNTED, " " * 8)),
    ("loans.py", r" +return redirect\(request.*\n", indent(CHECKED_NEXT, " " * 8)),
    ("tests/test_loans.py", r"import pytest\n", rf"\g<0>{TEST_APP.splitlines()[0]}\n"),
    (
        "tests/test_loans.py",
        r" +app = create_app\(\)\n",
        indent(TEST_APP.splitlines()[-1], "    ") + "\n",
    ),
    ("tests/test_loans.py", r" +client = app\.test_client\(\)\n", indent(ORIGIN, "    ")),
]
# An app without any database, whose programs have tokens.
API = {
    "api.py": """\
from flask import Flask, abort, g, request

TOKENS = {"right": 1}
app = Flask(__name__)


@app.before_request
def load_user():
    g.user = TOKENS.get(request.headers.get("Authorization", "").removeprefix("Bearer "))


@app.get("/time")
def time():
    return {"time": 1}


@app.post("/orders")
def order():
    if g.user is None:
        abort(401)
    return {"by": g.user, "of": request.get_json()["of"]}
""",
    "tests/test_api.py": """\
import pytest
from api import app

HEADERS = {"Authorization": "Bearer right"}


def test_anybody_asks_for_the_time():
    assert app.test_client().get("/time").get_json() == {"time": 1}


@pytest.mark.parametrize(("headers", "status"), [(HEADERS, 200), ({}, 401)])
def test_a_program_orders_by_its_token(headers, status):
    answer = app.test_client().post("/orders", json={"of": "bread"}, headers=headers)
    assert answer.status_code == status
""",
}

API_LOGIN = """
from types import SimpleNamespace


def find_user():
    user_id = TOKENS.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
    return SimpleNamespace(id=user_id) if user_id else None


"""
API_EDITS: list[tuple[str, str, str]] = [
    ("api.py", r"from flask import .*\n", rf"{IMPORT}\n\g<0>from secure_flask import public\n"),
    ("api.py", r"\nTOKENS = .*\napp = .*\n", rf"\g<0>{API_LOGIN}{CLOSED_LINES}"),
    ("api.py", r'@app.get\("/time"\)\n', r"\g<0>@public\n"),
]
# A release with a table more, which these apps do not have.
NEWS = {
    "secure_flask/health.py": "# Made up.\n"
    + (support.FOLDER / "secure_flask" / "health.py").read_text("utf-8"),
    "secure_flask/migrations/0009_more.py": (
        'revision = "secure_flask_0009"\ndown_revision = "secure_flask_0001"\n'
    ),
}
WITH_THE_CORE = {
    "Flask-Login": {
        "tests/test_limit.py": """\
from test_loans import client, log_in


def test_a_name_is_guessed_five_times_a_minute(client):
    guesses = [log_in(client, "ada", f"wrong {number}") for number in range(6)]
    assert guesses == [401] * 5 + [429]
""",
        "tests/test_next.py": """\
from test_loans import client


def test_a_login_leads_only_to_pages_of_this_site(client):
    data = {"username": "ada", "password": "ada"}
    asked = ("/all", "//evil.example", "https://evil.example")
    led = [client.post(f"/login?next={each}", data=data).location for each in asked]
    assert led == ["/all", "/mine", "/mine"]
""",
        "tests/test_nonce.py": """\
from flask import render_template_string
from markupsafe import Markup
from test_loans import client


def test_scripts_of_extensions_get_a_nonce_and_text_of_users_none(client):
    with client.application.test_request_context():
        page = "{{ marked | with_nonce }} {{ text | with_nonce }}"
        shown = render_template_string(page, marked=Markup("<script>"), text="<script>")
    assert shown.startswith('<script nonce="')
    assert shown.count("<") == 1
""",
    }
}
APPS = {
    "Flask-Login": (LOANS, LOANS_EDITS, "5 passed"),
    "no database": (API, API_EDITS, "3 passed"),
}


@pytest.fixture
def theirs(tmp_path: Path, name: str) -> Path:
    app = tmp_path / "theirs"
    for file, text in APPS[name][0].items():
        (app / file).parent.mkdir(parents=True, exist_ok=True)
        (app / file).write_text(text, "utf-8")
    return app


@pytest.mark.parametrize("name", APPS)
def test_an_app_passes_its_tests_before_and_after_and_takes_an_update(
    theirs: Path, name: str, tmp_path: Path
) -> None:
    _, edits, passed = APPS[name]
    assert passed in support.own_tests(theirs, "tests")
    template = releases.first_release(tmp_path)
    adopt(theirs, template.path)
    edit(theirs, edits)
    with (theirs / ".env").open("a") as settings:
        settings.write("DATABASE_URL=sqlite:///development.db\n")
    assert passed in support.own_tests(theirs, "tests")
    assert not (theirs / "instance" / "development.db").exists()
    more = WITH_THE_CORE.get(name, {})
    for file, text in more.items():
        (theirs / file).write_text(text, "utf-8")
    assert not more or f"{len(more)} passed" in support.own_tests(theirs, *more)
    support.commit(theirs)
    releases.release(template, "0.1.1", NEWS)
    said = releases.update(theirs, template)
    assert "secure_flask/health.py" in said
    assert "so none was copied: secure_flask_0009" in said
    assert not (theirs / "migrations").exists()
    support.own_tests(theirs, "tests")
